import type {
  GetDsrRequestAnswer,
  GetOverviewAnswer,
  GetPolicyPermissionsAnswer,
  GetPortalAnswer,
  GetPortalStatusAnswer,
  CountAuditEventsByTimeAnswer,
  IdentityGetSessionAnswer,
  IdentityListServiceAccountsAnswer,
  IdentityListSessionsAnswer,
  IdentityListTenantsAnswer,
  IdentityListUsersAnswer,
  ListApprovalsAnswer,
  ListAuthoritiesAnswer,
  ListCertificatesAnswer,
  ListColumnMigrationsAnswer,
  ListDataMapServicesAnswer,
  ListDsrRequestsAnswer,
  ListKeyInventoryAnswer,
  ListKeyJobsAnswer,
  ListPolicyGrantsAnswer,
  ListPolicyRolesAnswer,
  ListRecordsAnswer,
  ListRootProvidersAnswer,
  ListShreddedKeysAnswer,
  ProveAuditEventAnswer,
  ReadAuditEventAnswer,
  ReadAuditLogAnswer,
  ReadCertificateAnswer,
  ReadCryptoKeysAnswer,
  ReadKeyEpochsAnswer,
  RetireKeyEpochsAnswer,
  SearchAuditEventsAnswer,
  TryRootProviderAnswer,
  CountAuditEventsByFieldAnswer,
  ListAuditEventTypesAnswer,
  ListAuditHoldsAnswer,
  PlaceAuditHoldBody,
  ListAuditSinkDeadLettersAnswer,
  ListAuditSinksAnswer,
  ListAuditViewsAnswer,
  ProveAuditEventToPlatformAnswer,
  ReadAuditActorTimelineAnswer,
  ReadAuditBlastRadiusAnswer,
  ReadAuditWitnessesAnswer,
  CreateAuditSinkAnswer,
  CreateAuditSinkBody,
  CreateAuditViewBody,
  ListAuditCheckpointsAnswer,
  VerifyCertificateAnswer,
} from '../generated/api.ts';

/** Names that pages use for the shapes of the OpenAPI file, and the one shape that it leaves open: a plan. */

/** One page of a list. */
export type Page<Item> = {
  readonly items: readonly Item[];
  readonly nextCursor: string | null;
  /** Fields that came in masked form only; the data API names them. */
  readonly masked?: readonly string[];
};

export type Session = IdentityGetSessionAnswer;
export type TenantChoice = IdentityListTenantsAnswer[number];
export type Permissions = GetPolicyPermissionsAnswer;
export type Overview = GetOverviewAnswer;
export type Posture = GetOverviewAnswer['posture'][number];

export type User = IdentityListUsersAnswer['items'][number];
export type ServiceAccount = IdentityListServiceAccountsAnswer['items'][number];
export type SessionRow = IdentityListSessionsAnswer['items'][number];
export type Role = ListPolicyRolesAnswer['items'][number];
export type Grant = ListPolicyGrantsAnswer['items'][number];

export type KeyHierarchy = ReadCryptoKeysAnswer;
export type LedgerEntry = ListShreddedKeysAnswer['items'][number];
export type KeyLife = ReadKeyEpochsAnswer;
export type EpochLife = ReadKeyEpochsAnswer['epochs'][number];
export type KeyJob = ListKeyJobsAnswer['items'][number];
export type KeyInventory = ListKeyInventoryAnswer;
export type InventoryKey = ListKeyInventoryAnswer['items'][number];
export type Approval = ListApprovalsAnswer['items'][number];
export type RootProviders = ListRootProvidersAnswer;
export type RootProvider = ListRootProvidersAnswer['items'][number];
export type ProviderTrial = TryRootProviderAnswer;
export type ColumnMigration = ListColumnMigrationsAnswer['items'][number];
export type Certificate = ListCertificatesAnswer['items'][number];
export type CertificateDetail = ReadCertificateAnswer;
export type Authority = ListAuthoritiesAnswer['items'][number];
/** What an action that takes two people answers. */
export type AwaitingSecondPerson = RetireKeyEpochsAnswer;

export type LogInfo = ReadAuditLogAnswer;
export type TrailEvent = SearchAuditEventsAnswer['items'][number];
export type TrailEventDetail = ReadAuditEventAnswer;
export type Commitment = ReadAuditEventAnswer['commitments'][number];
export type Proof = ProveAuditEventAnswer;
export type PlatformProof = ProveAuditEventToPlatformAnswer;
export type Hold = ListAuditHoldsAnswer['items'][number];
export type NewHold = PlaceAuditHoldBody;
export type Facets = CountAuditEventsByFieldAnswer;
export type EventTypes = ListAuditEventTypesAnswer;
export type SavedView = ListAuditViewsAnswer['items'][number];
export type NewView = CreateAuditViewBody;
export type Sink = ListAuditSinksAnswer['items'][number];
export type NewSink = CreateAuditSinkBody;
export type CreatedSink = CreateAuditSinkAnswer;
export type DeadLetter = ListAuditSinkDeadLettersAnswer['items'][number];
export type Timeline = ReadAuditActorTimelineAnswer;
export type BlastRadius = ReadAuditBlastRadiusAnswer;
export type Witnesses = ReadAuditWitnessesAnswer;
export type KeptCheckpoint = ListAuditCheckpointsAnswer['items'][number];
export type HistogramAnswer = CountAuditEventsByTimeAnswer;

export type DataMapView = ListDataMapServicesAnswer;
export type ServiceView = ListDataMapServicesAnswer['items'][number];
export type CollectionView = ServiceView['collections'][number];
export type FieldView = CollectionView['fields'][number];
export type RecordsPage = ListRecordsAnswer;

export type RequestSummary = ListDsrRequestsAnswer['items'][number];
export type RequestDetail = GetDsrRequestAnswer;
export type RequestTask = GetDsrRequestAnswer['tasks'][number];
export type PortalInfo = GetPortalAnswer;
export type PortalStatus = GetPortalStatusAnswer;
export type CertificateVerdict = VerifyCertificateAnswer;

/** Why something is kept. */
export type PlanExemption = { code: string; basis: string; citation: string; until: string | null };
/** A plan as the request engine seals it: one step for each collection. */
export type PlanDocument = {
  format: string;
  identity: {
    subjects: string[];
    found: { collection: string; by: string; subjects: number }[];
    sharedIdentifiers: number;
  };
  steps: PlanStep[];
  totals: Record<string, number>;
  warnings: string[];
};
export type PlanStep = {
  order: number;
  system: string;
  collection: string;
  table: string;
  action: string;
  path: string;
  rows: number;
  exemption: PlanExemption | null;
  fields: { field: string; action: string; exemption: string | null }[];
  note: string | null;
};
