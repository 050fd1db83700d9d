import type { KeyObject } from 'node:crypto';
import type { Transform } from 'node:stream';
import type { Tx } from '../db/index.ts';
import type { Advice, AdviseRequest } from './search/advise.ts';
import type { Bounds, Buckets } from './search/bucket.ts';
import type { KeyJobs } from './rotation/key-jobs.ts';
import type { KeyId, Principal, SubjectId, TenantId } from '../kernel/index.ts';
import type { Canaries } from './control/canaries/canaries.ts';
import type { Executor } from './control/dual-control.ts';
import type { KeyInventory } from './control/inventory/key-inventory.ts';
import type { Erasure } from './erasure/erasure.ts';
import type { HouseSeal } from './providers/house-seal.ts';
import type { TenantProviders } from './providers/tenant-providers.ts';
import type { ShredLedger } from './erasure/ledger/shred-ledger.ts';

/** Where a value stands: all of it is authenticated with the value, with the tenant and the key. */
export type FieldContext = {
  readonly service: string;
  readonly collection: string;
  readonly field: string;
  readonly rowId: string;
  readonly purpose: string;
};

/** Whose key seals a value: one person's, or the tenant's for one purpose. */
export type KeyScope =
  | { readonly kind: 'subject'; readonly subjectId: SubjectId }
  | { readonly kind: 'tenant'; readonly purpose: string };

/** The key was destroyed; the value is gone for good. */
export type Shredded = {
  readonly kind: 'shredded';
  readonly kid: KeyId;
  readonly requestId: string | null;
  readonly shreddedAt: Date;
};

/** What opening a ciphertext gives. */
export type Opened = { readonly kind: 'plaintext'; readonly plaintext: Buffer } | Shredded;

/** What opening a packed row gives: the values of the fields that were not null. */
export type OpenedRow =
  { readonly kind: 'plaintext'; readonly values: ReadonlyMap<string, Buffer> } | Shredded;

/** Stands in a row where a value was, after its key was destroyed. */
export type Tombstone = { readonly tombstone: true; readonly requestId: string | null };

/** How an index value is made comparable. */
export type Normaliser = 'email' | 'phone' | 'text';

/** A searchable column beside a ciphertext. */
export type IndexPlan = {
  readonly name: string;
  readonly kind: 'exact' | 'domain' | 'prefix' | 'range';
  /** Of no meaning for a range. */
  readonly normaliser: Normaliser;
  readonly column: string;
  /** Bits of the HMAC that are kept, 8..256; at least 128 when unique. */
  readonly bits: number;
  /** Characters that a prefix has after normalising, 1..64. */
  readonly length?: number;
  /** How a range is cut. */
  readonly buckets?: Buckets;
  /** No two rows of a tenant hold the same value; a unique index of the database stands behind it. */
  readonly unique?: boolean;
};

/** One encrypted field. Fields that share a column are packed into one ciphertext (suite 03). */
export type FieldPlan = {
  readonly field: string;
  readonly column: string;
  readonly type: 'text' | 'json' | 'number' | 'boolean' | 'date';
  readonly scope: 'subject' | { readonly tenantPurpose: string };
  readonly indexes: readonly IndexPlan[];
  /**
   * The plaintext column beside it while a column is being encrypted: sealing writes both. `reads` says where opening
   * looks first. A value in the plaintext and none in the ciphertext is one of a writer that does not know of the ciphertext.
   */
  readonly plain?: { readonly column: string; readonly reads: 'plaintext' | 'ciphertext' };
};

/** How the rows of one collection are encrypted; the data map makes it. */
export type EncryptionPlan = {
  readonly service: string;
  readonly collection: string;
  readonly rowIdField: string;
  readonly subjectField: string | null;
  readonly fields: readonly FieldPlan[];
};

/** A row, by logical field or physical column. */
export type Row = Readonly<Record<string, unknown>>;

/** Who acts: a principal, or a part of the house. */
export type Actor =
  Principal | { readonly kind: 'system'; readonly id: string; readonly displayName: string };

/** Why keys are destroyed. */
export type ShredReason = { readonly requestId: string; readonly reason: string; readonly actor: Actor };

/** An Ed25519 key whose private half never leaves the process unsealed. */
export type SigningKey = {
  /** First 16 hex digits of SHA-256 over the raw public key. */
  readonly keyId: string;
  readonly publicKey: KeyObject;
  /** The 32 raw bytes. */
  readonly publicKeyBytes: Buffer;
  readonly createdAt: Date;
  /** @returns 64 bytes @see https://www.rfc-editor.org/rfc/rfc8032 */
  readonly sign: (data: Uint8Array) => Buffer;
};

/** Counts and ages of a tenant's keys. */
export type KeyStatus = {
  readonly provider: { readonly name: string; readonly kind: string; readonly development: boolean };
  readonly epochs: readonly {
    readonly epoch: number;
    readonly state: 'active' | 'rewrapping' | 'superseded' | 'scheduled' | 'destroyed';
    readonly createdAt: Date;
    readonly keys: number;
  }[];
  readonly subjects: { readonly active: number; readonly shredded: number };
  readonly tenantKeys: readonly {
    readonly purpose: string;
    readonly kid: KeyId;
    readonly createdAt: Date;
    readonly state: string;
    readonly messages: number;
  }[];
};

/** One destroyed key. */
export type LedgerEntry = {
  readonly id: string;
  readonly kid: KeyId;
  readonly epoch: number;
  readonly subjectHash: string;
  readonly requestId: string;
  readonly reason: string;
  readonly actor: { readonly kind: string; readonly id: string };
  readonly shreddedAt: Date;
};

/** How far a rotation is. */
export type RotationProgress = {
  readonly epoch: number;
  /** True when an unfinished rotation was carried on instead of a new epoch begun. */
  readonly resumed: boolean;
  readonly rewrapped: number;
  readonly remaining: number;
  readonly keysPerSecond: number;
};

/** Choices of a rotation. */
export type RotationOptions = {
  readonly actor: Actor;
  /** Data keys per transaction, 1..10,000; default 2,000. */
  readonly batchSize?: number;
  readonly onProgress?: (progress: RotationProgress) => void;
  readonly signal?: AbortSignal;
};

/** A value to seal, in a batch. */
export type ToSeal = {
  readonly scope: KeyScope;
  readonly context: FieldContext;
  readonly plaintext: Uint8Array;
  /** Suite 04. */
  readonly portable: boolean;
};

/** What became of it; `ciphertext` is text. */
export type ManySealed =
  | { readonly kind: 'sealed'; readonly ciphertext: string }
  | { readonly kind: 'refused'; readonly code: string };

/** A value to open, in a batch; `ciphertext` is text. */
export type ToOpen = { readonly context: FieldContext; readonly ciphertext: string };

/** What became of it. */
export type ManyOpened = Opened | { readonly kind: 'refused'; readonly code: string };

/** A file at rest that can be read anywhere. */
export type RandomAccess = {
  /** Bytes at rest, the whole file. */
  readonly size: number;
  /** The bytes `[start, end)`. */
  readonly read: (start: number, end: number) => Promise<Buffer>;
};

/** A file whose head was accepted; good after the transaction has ended. */
export type FileOpener = {
  readonly kind: 'opener';
  /** The whole file in, plaintext out; each chunk is proven before it leaves. Fails with ERR_CRYPTO_DECRYPT. */
  readonly stream: () => Transform;
  /** @returns bytes of plaintext in a file of so many bytes, or null when no file has this size */
  readonly plaintextBytes: (fileBytes: number) => number | null;
  /**
   * The plaintext bytes `[start, end)`, at most 16 MiB of them; the length of the file is proven first.
   *
   * @throws ERR_CRYPTO_DECRYPT, ERR_CRYPTO_INPUT
   */
  readonly read: (source: RandomAccess, start: number, end: number) => Promise<Buffer>;
};

/** Files and packages at rest: CT1 suite 05, C2SP chunked-encryption. */
export type Files = {
  /** Plaintext in, a whole file out, in bounded memory. Pipe after the commit when the key may be new. */
  readonly sealer: (tx: Tx, scope: KeyScope, context: FieldContext) => Promise<Transform>;
  /** @param head - the first 66 bytes, or more @throws ERR_CRYPTO_DECRYPT */
  readonly opener: (tx: Tx, context: FieldContext, head: Uint8Array) => Promise<FileOpener | Shredded>;
  /** A file in one piece. */
  readonly seal: (tx: Tx, scope: KeyScope, context: FieldContext, plaintext: Uint8Array) => Promise<Buffer>;
  /** @throws ERR_CRYPTO_DECRYPT */
  readonly open: (tx: Tx, context: FieldContext, file: Uint8Array) => Promise<Opened>;
};

/** Who can read it: every key and ciphertext of the house. */
export type Crypto = {
  /** CT1 suite 01, or 02 once a tenant's key has sealed 2^24. @throws ERR_CRYPTO_SHREDDED, ERR_CRYPTO_KEY_EXHAUSTED */
  readonly seal: (tx: Tx, scope: KeyScope, context: FieldContext, plaintext: Uint8Array) => Promise<Buffer>;
  /** CT1 suite 04: names its key beyond doubt, for values that leave the database. @throws ERR_CRYPTO_SHREDDED */
  readonly sealPortable: (
    tx: Tx,
    scope: KeyScope,
    context: FieldContext,
    plaintext: Uint8Array,
  ) => Promise<Buffer>;
  /** CT1 suites 01, 02 and 04. @throws ERR_CRYPTO_DECRYPT */
  readonly open: (tx: Tx, context: FieldContext, ciphertext: Uint8Array) => Promise<Opened>;
  /** CT1 suite 03: several values in one ciphertext. */
  readonly sealRow: (
    tx: Tx,
    scope: KeyScope,
    context: FieldContext,
    values: ReadonlyMap<string, Uint8Array>,
  ) => Promise<Buffer>;
  /** CT1 suite 03. @throws ERR_CRYPTO_DECRYPT */
  readonly openRow: (tx: Tx, context: FieldContext, ciphertext: Uint8Array) => Promise<OpenedRow>;
  /** Each by itself, keys fetched together; what is wrong with one does not stop the others. @throws ERR_CRYPTO_ROOT */
  readonly sealMany: (tx: Tx, items: readonly ToSeal[]) => Promise<readonly ManySealed[]>;
  /** As `sealMany`; a refusal's cause is in the log and the trail. */
  readonly openMany: (tx: Tx, items: readonly ToOpen[]) => Promise<readonly ManyOpened[]>;
  /** Files and packages at rest. */
  readonly files: Files;
  /** Logical values to physical columns; columns the plan does not name pass through. */
  readonly sealFields: (tx: Tx, plan: EncryptionPlan, row: Row) => Promise<Record<string, unknown>>;
  /** As `sealFields` for many rows; missing keys of all their people are made in one statement. */
  readonly sealRows: (
    tx: Tx,
    plan: EncryptionPlan,
    rows: readonly Row[],
  ) => Promise<Record<string, unknown>[]>;
  /** Physical rows to logical ones; a value whose key was destroyed becomes a {@link Tombstone}. */
  readonly openRows: (
    tx: Tx,
    plan: EncryptionPlan,
    rows: readonly Row[],
    fields: readonly string[],
  ) => Promise<Record<string, unknown>[]>;
  /** Values for `column = any($1)`; empty when the value has no term of this kind. */
  readonly indexTerms: (
    tx: Tx,
    plan: EncryptionPlan,
    field: string,
    indexName: string,
    value: string,
  ) => Promise<readonly Buffer[]>;
  /** As `indexTerms` for a range: the buckets between two bounds. Rows beside the bounds match too: open and compare. */
  readonly rangeTerms: (
    tx: Tx,
    plan: EncryptionPlan,
    field: string,
    indexName: string,
    bounds: Bounds,
  ) => Promise<readonly Buffer[]>;
  /** HMAC-SHA-256 under the tenant's own key for this purpose; 32 bytes. */
  readonly mac: (tx: Tx, purpose: string, value: string) => Promise<Buffer>;
  /** Destroys the keys of people, for good. Index values are rows of theirs: `dsr` deletes those. */
  readonly shred: (
    tx: Tx,
    subjectIds: readonly SubjectId[],
    why: ShredReason,
  ) => Promise<{ readonly kids: readonly KeyId[]; readonly ledgerIds: readonly string[] }>;
  /** Made on first use. @param name - lower-case letters, digits, `_`, `-` */
  readonly signingKey: (tx: Tx, name: string) => Promise<SigningKey>;
  readonly status: (tx: Tx) => Promise<KeyStatus>;
  /** Newest first. @param after - the id of the last entry seen */
  readonly ledger: (
    tx: Tx,
    page: { readonly after: string | null; readonly limit: number },
  ) => Promise<readonly LedgerEntry[]>;
  /** New KEK epoch, then rewraps every data key; carries an unfinished rotation on. Ciphertext does not change. */
  readonly rotate: (tenantId: TenantId, options: RotationOptions) => Promise<RotationProgress>;
  /** Judges from a sample which indexes of a field are safe; recorded. @throws ERR_CRYPTO_INPUT */
  readonly advise: (tx: Tx, request: AdviseRequest, actor: Actor) => Promise<Advice>;
  /** Long works on keys, resumable by any process. */
  readonly jobs: KeyJobs;
  /** Whether the house's root is open, and the way to open it. */
  readonly houseSeal: HouseSeal;
  /** Root providers that tenants bring. */
  readonly providers: TenantProviders;
  /** Makes sure the tenant has a KEK and it is cached; call it before BEGIN when the root provider may be slow. */
  readonly warm: (tenantId: TenantId) => Promise<void>;
  /** Resolves when what was reported is recorded; call it before the log stops. */
  readonly settle: () => Promise<void>;
  /** The end of keys: epochs, retirement, schedule, horizon. */
  readonly erasure: Erasure;
  /** Carries out `crypto.export_keys`, once two people want it. */
  readonly exportKeys: Executor;
  /** Poison rows. */
  readonly canaries: Canaries;
  /** Every key with its age and cryptoperiod. */
  readonly inventory: KeyInventory;
  /** The shred ledger outside the database: compared before traffic is accepted. */
  readonly shredLedger: ShredLedger;
  /** Writes outstanding message counts and stops listening. */
  readonly stop: () => Promise<void>;
};
