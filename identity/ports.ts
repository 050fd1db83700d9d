import type { AuditSink, Clock, Logger, NewId, RandomBytes, TenantId } from '../kernel/index.ts';
import type { Database, Tx } from '../db/index.ts';

/** Where a sealed value belongs; bound into the ciphertext. */
export type SealContext = {
  readonly service: string;
  readonly collection: string;
  readonly field: string;
  readonly rowId: string;
  readonly purpose: string;
};

/** The part of the crypto room that identity needs: values sealed under a tenant's key. */
export type Sealing = {
  readonly warm: (tenantId: TenantId) => Promise<void>;
  readonly seal: (
    tx: Tx,
    scope: { readonly kind: 'tenant'; readonly purpose: string },
    context: SealContext,
    plaintext: Uint8Array,
  ) => Promise<Buffer>;
  readonly open: (
    tx: Tx,
    context: SealContext,
    ciphertext: Uint8Array,
  ) => Promise<{ readonly kind: 'plaintext'; readonly plaintext: Buffer } | { readonly kind: 'shredded' }>;
};

/** What identity is built from. */
export type IdentityDeps = {
  readonly database: Database;
  readonly crypto: Sealing;
  readonly audit: AuditSink<Tx>;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly randomBytes: RandomBytes;
  readonly logger: Logger;
  /** Origin under which browsers reach the house, without a trailing slash. */
  readonly publicUrl: string;
  /** Development lists tenants publicly; default production. */
  readonly mode?: 'development' | 'production';
  readonly sessions?: SessionLifetimes;
};

/** How long a session lives. */
export type SessionLifetimes = {
  /** Seconds without a request after which it ends; default 1,800. */
  readonly idleSeconds: number;
  /** Seconds after sign-in when it ends whatever happens; default 43,200. */
  readonly absoluteSeconds: number;
};

/** NIST SP 800-63B draft figures for AAL2. */
export const defaultLifetimes: SessionLifetimes = Object.freeze({
  idleSeconds: 1_800,
  absoluteSeconds: 43_200,
});
