/**
 * Shapes of the HTTP surface that the console reads, by hand where the OpenAPI file leaves a value open.
 * Everything else comes from `generated/api.ts`.
 */

/** One page of a list. */
export type Page<Item> = { readonly items: readonly Item[]; readonly nextCursor: string | null };

export type Session = {
  principal: {
    id: string;
    kind: string;
    displayName: string;
    email: string | null;
    roles: string[];
    assurance: { level: number; authenticatedAt: string | null; methods: string[] };
  };
  tenant: { id: string; slug: string; name: string };
  csrfToken: string | null;
  stepUp: { method: 'totp' | 'redirect' };
  expiresAt: string | null;
};
export type TenantChoice = { slug: string; name: string };
export type Permissions = { roles: string[]; actions: Record<string, boolean> };

export type User = {
  id: string;
  email: string | null;
  displayName: string;
  state: string;
  attributes: Record<string, string | string[]>;
  mfa: { totp: boolean; recoveryCodesLeft: number };
  lastSignInAt: string | null;
  createdAt: string;
};
export type ServiceAccount = {
  id: string;
  name: string;
  clientId: string;
  roles: string[];
  state: string;
  createdAt: string;
};
export type SessionRow = {
  id: string;
  userId: string;
  displayName: string;
  level: number;
  current: boolean;
  ip: string | null;
  userAgent: string | null;
  createdAt: string;
  lastSeenAt: string;
  expiresAt: string;
};
export type Rule = {
  action: string | string[];
  subject: string | string[];
  fields?: string[];
  conditions?: unknown;
  inverted?: boolean;
  reason?: string;
};
export type Role = { name: string; description: string; rules: Rule[]; builtIn: boolean };
export type Grant = {
  id: string;
  principalId: string;
  role: string;
  grantedBy: string | null;
  reason: string | null;
  grantedAt: string;
  expiresAt: string | null;
  lastUsedAt: string | null;
};

export type KeyEpoch = { epoch: number; state: string; createdAt: string; keys: number };
export type KeyHierarchy = {
  provider: string;
  development: boolean;
  epochs: KeyEpoch[];
  subjects: { active: number; shredded: number };
  tenantKeys: { purpose: string; kid: string; createdAt: string; state: string }[];
};
export type LedgerEntry = {
  id: string;
  kid: string;
  subjectHash: string;
  requestId: string | null;
  reason: string;
  actor: unknown;
  shreddedAt: string;
};

export type RequestSummary = {
  id: string;
  type: string;
  law: string;
  state: string;
  channel: string;
  receivedAt: string;
  dueAt: string | null;
  dueExplanation: string | null;
  subjectLabel: string | null;
  urgency: string;
};
export type RequestTask = {
  system: string;
  action: string;
  state: string;
  counts: Record<string, number> | null;
  error: string | null;
  attempts: number;
  startedAt: string | null;
  endedAt: string | null;
};
export type RequestDetail = RequestSummary & {
  timeline: { at: string; state: string; actor: unknown; note: string | null }[];
  identity: { level: string | number; method: string | null; verifiedAt: string | null };
  plan: { hash: string; createdAt: string; createdBy: unknown; document: unknown } | null;
  approvals: { by: unknown; at: string; planHash: string }[];
  tasks: RequestTask[];
  absence: { state: string; scope?: string; fullScan?: string; at?: string; findings: unknown[] } | null;
  certificate: { id: string; issuedAt: string } | null;
  package: { expiresAt: string; downloadedAt: string | null } | null;
  clock: { dueAt: string; targetAt?: string; citation: string; explanation: string | string[] };
  message?: string | null;
};

export type LogInfo = {
  logId: string;
  origin: string;
  vkey: string;
  size: number;
  rootHash: string;
  checkpointAt: string | null;
};
export type TrailEvent = {
  seq: number;
  id: string;
  occurredAt: string;
  receivedAt: string;
  action: string;
  version: number;
  category: string;
  outcome: 'success' | 'failure' | 'denied';
  reason: string | null;
  actor: {
    type: string;
    id: string;
    displayName: string | null;
    erased?: boolean;
    requestId?: string | null;
  };
  targets: { type: string; id: string }[];
  subjects: string[];
  decision: unknown;
  requestId: string | null;
  summary: string;
};
export type TrailEventDetail = TrailEvent & {
  detail: unknown;
  origin: unknown;
  session: unknown;
  canonical: string;
  commitments: Commitment[];
};
/** A field group that the leaf commits to, with salt and value where they can still be opened. */
export type Commitment = {
  kind: string;
  commitment: string;
  state: 'open' | 'erased' | 'missing' | 'broken';
  salt: string | null;
  value: string | null;
};
export type Proof = {
  index: number;
  treeSize: number;
  leafHash: string;
  hashes: string[];
  entry: string;
  checkpoint: string;
  vkey: string;
};

export type DataMapView = { services: ServiceView[]; revision?: string };
export type ServiceView = {
  key: string;
  name: string;
  description: string;
  kind: string;
  schema: string;
  region: string;
  purposes: unknown[];
  processors: unknown[];
  collections: CollectionView[];
};
export type CollectionView = {
  name: string;
  type: string;
  table: string;
  fields: FieldView[];
  retention: unknown;
  erasure: { action: string; exemption?: Exemption };
};
export type Exemption = { code: string; basis: string; citation: string; until?: string };
export type FieldView = {
  name: string;
  type: string;
  categories: string[];
  sensitivity: string;
  identity: string | null;
  encryption: { mode: string; scope?: unknown; indexes?: { name?: string; kind: string }[] };
  erasure: { action: string; exemption?: Exemption };
  mask: string;
};

export type PortalInfo = { tenant: { name: string }; laws: string[]; types: string[]; languages: string[] };
export type PortalStatus = {
  state: string;
  type: string;
  receivedAt: string;
  dueAt: string | null;
  steps: { name: string; state: 'done' | 'current' | 'todo'; at: string | null }[];
  certificateAvailable: boolean;
  packageAvailable: boolean;
};

/** A plan as the request engine seals it: one step for each collection. */
export type PlanDocument = {
  format?: string;
  identity?: {
    subjects: string[];
    found?: { collection: string; by: string; subjects: number }[];
    sharedIdentifiers?: number;
  };
  steps: PlanStep[];
  totals?: Record<string, number>;
  warnings?: string[];
};
export type PlanStep = {
  order: number;
  system: string;
  collection: string;
  table: string;
  action: string;
  path: string;
  rows: number;
  exemption: (Omit<Exemption, 'until'> & { until: string | null }) | null;
  fields: { field: string; action: string; exemption: string | null }[];
  note: string | null;
};
