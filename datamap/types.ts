/** Why a service may process personal data at all. @see https://eur-lex.europa.eu/eli/reg/2016/679 Art. 6(1) */
export type LegalBasis =
  'consent' | 'contract' | 'legal_obligation' | 'vital_interests' | 'public_task' | 'legitimate_interests';

/** What personal data is processed for. */
export type Purpose = {
  readonly key: string;
  readonly name: string;
  readonly legalBasis: LegalBasis;
  /** Other words a caller may send for it. */
  readonly aliases: readonly string[];
};

/** Who else receives the data. */
export type Processor = {
  readonly key: string;
  readonly name: string;
  readonly country: string;
  readonly safeguard: string | null;
};

/** Who keeps the map true. */
export type Maintenance = { readonly team: string | null; readonly reviewedAt: string | null };

/** Something missing that the gateway and request plans need; the map loads, the collection is closed to them. */
export type MapGap = { readonly type: string; readonly problem: string };

/** Every wrapped data service of a tenant. */
export type DataMap = {
  readonly services: readonly ServiceMap[];
  /** SHA-256 of the canonical map, hex. */
  readonly revision: string;
  /** @param type - `service.collection` */
  readonly collection: (type: string) => CollectionMap | null;
  /** @param key - the service's key */
  readonly service: (key: string) => ServiceMap | null;
  /** What keeps collections from being served or erased; empty for a complete map. */
  readonly gaps: readonly MapGap[];
};

/** One wrapped data service. */
export type ServiceMap = {
  readonly key: string;
  readonly name: string;
  readonly description: string;
  readonly kind: 'postgres';
  readonly schema: string;
  /** Where the data rests, e.g. `eu`. */
  readonly region: string;
  readonly purposes: readonly Purpose[];
  readonly processors: readonly Processor[];
  readonly collections: readonly CollectionMap[];
  readonly maintenance: Maintenance;
};

/** Why something is kept although its person asked for erasure. */
export type Exemption = {
  /** Stable code, e.g. `legal_obligation.tax`. */
  readonly code: string;
  readonly basis: string;
  readonly citation: string;
  /** For how long, e.g. `P10Y`. */
  readonly until?: string;
};

/** How rows lead to a person: by their own subject id, through another collection, or not at all. */
export type SubjectLink =
  | { readonly field: string }
  | { readonly via: { readonly field: string; readonly to: string; readonly toField: string } }
  | null;

/** How long rows live. */
export type Retention = { readonly days: number; readonly after: string } | null;

/** What erasure does with the rows of a collection. */
export type CollectionErasure = {
  readonly action: 'delete' | 'keep' | 'fields';
  readonly exemption?: Exemption;
};

/** Fields that the gateway itself keeps. */
export type ManagedFields = {
  readonly createdAt: string | null;
  readonly updatedAt: string | null;
  /** A boolean that, while true, refuses updates (GDPR Art. 18). */
  readonly restricted: string | null;
};

/** One table of a service. */
export type CollectionMap = {
  readonly service: string;
  readonly name: string;
  /** `service.collection` */
  readonly type: string;
  readonly description: string;
  readonly schema: string;
  readonly table: string;
  /** The field; empty when the file declares none (see {@link DataMap.gaps}). */
  readonly primaryKey: string;
  readonly tenantColumn: 'tenant_id';
  readonly subject: SubjectLink;
  readonly fields: readonly FieldMap[];
  readonly retention: Retention;
  readonly erasure: CollectionErasure;
  readonly managed: ManagedFields;
  /** What the gateway may do at all, before policy is asked. */
  readonly operations: readonly ('read' | 'create' | 'update' | 'delete')[];
};

/** What a column holds when it is open. */
export type FieldType =
  'uuid' | 'text' | 'integer' | 'numeric' | 'boolean' | 'timestamptz' | 'date' | 'json' | 'inet';

/** A keyed index column beside a ciphertext. */
export type BlindIndex = {
  readonly name: string;
  readonly kind: 'exact' | 'domain' | 'prefix' | 'range';
  /** Of no meaning for a range. */
  readonly normaliser: 'email' | 'phone' | 'text';
  readonly column: string;
  readonly bits: number;
  /** Characters of a prefix. */
  readonly length?: number;
  /** How a range is cut: numbers by width, days by calendar unit. */
  readonly buckets?:
    | { readonly from: number; readonly to: number; readonly width: number }
    | { readonly from: string; readonly to: string; readonly unit: 'day' | 'month' | 'year' };
  /** No two rows of a tenant hold the same value. */
  readonly unique?: boolean;
  /** A column with few values is indexed all the same. */
  readonly acceptLowEntropy?: boolean;
};

/** Whose key encrypts a field. */
export type EncryptionScope = 'subject' | { readonly tenantPurpose: string };

/** How a field rests. */
export type FieldEncryption =
  | { readonly mode: 'none' }
  | { readonly mode: 'field'; readonly scope: EncryptionScope; readonly indexes: readonly BlindIndex[] };

/**
 * The column beside a field's own while its plaintext is being encrypted: first the ciphertext's, after the cut-over the
 * plaintext's. `written`: whether writers keep it up to date.
 */
export type FieldTwin = {
  readonly column: string;
  readonly encryption: FieldEncryption;
  readonly written: boolean;
};

/** What erasure does with one field. */
export type FieldErasure = {
  readonly action: 'delete' | 'null' | 'pseudonymise' | 'keep';
  readonly exemption?: Exemption;
};

/** One column of a table. */
export type FieldMap = {
  readonly name: string;
  readonly column: string;
  readonly description: string;
  readonly type: FieldType;
  readonly nullable: boolean;
  /** Fideslang keys. */
  readonly categories: readonly string[];
  readonly sensitivity: 'none' | 'personal' | 'sensitive';
  readonly identity: 'email' | 'phone' | 'external_id' | null;
  readonly references: {
    readonly service: string;
    readonly collection: string;
    readonly field: string;
  } | null;
  readonly encryption: FieldEncryption;
  /** Its other column while it is being encrypted; null when it rests in one column alone. */
  readonly twin: FieldTwin | null;
  readonly erasure: FieldErasure;
  /** How it looks when policy says "masked". */
  readonly mask: 'none' | 'full' | 'partial' | 'email' | 'phone';
  readonly exportable: boolean;
  readonly writable: boolean;
  /** The values a text field may have; null when any. */
  readonly values: readonly string[] | null;
  /** Longest text, in characters. */
  readonly maxLength: number;
  /** Parts of a JSON field that the file describes on their own, dotted below the field. */
  readonly parts: readonly { readonly path: string; readonly categories: readonly string[] }[];
};
