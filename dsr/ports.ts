import type { KeyObject } from 'node:crypto';
import type {
  AuditEvent,
  AuditSink,
  Clock,
  Logger,
  NewId,
  Principal,
  RandomBytes,
  SubjectId,
  TenantId,
} from '../kernel/index.ts';
import type { Crypto } from '../crypto/index.ts';
import type { Audit } from '../audit/index.ts';
import type { DataMapRegistry } from '../datamap/index.ts';
import type { Database, Tx } from '../db/index.ts';

/** A message to a person; the same key must never be delivered twice by a careful mailer. */
export type OutgoingMail = {
  readonly tenantId: TenantId;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly language: string;
  readonly idempotencyKey: string;
};

/** How mail leaves the house. */
export type Mailer = { readonly send: (message: OutgoingMail) => Promise<void> };

/** What the request engine stands on. */
export type DsrDeps = {
  readonly database: Database;
  readonly crypto: Crypto;
  readonly audit: Audit;
  /** The map in force for a tenant. */
  readonly dataMap: Pick<DataMapRegistry, 'forTenant'>;
  readonly mailer: Mailer;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly randomBytes: RandomBytes;
  readonly logger: Logger;
  /** Origin that links in messages begin with. */
  readonly publicUrl: string;
  readonly options?: DsrOptions;
};

/** Limits that tests and operators move. */
export type DsrOptions = {
  /** Seconds a worker may be silent before another takes its request over; default 30. */
  readonly leaseSeconds?: number;
  /** 8-KiB pages up to which the full absence scan runs before completion; beyond, the worker runs it after; default 4,096. */
  readonly fullScanBudgetPages?: number;
  /** Failed attempts of one execution before a person must look; default 8. */
  readonly maxAttempts?: number;
};

/** Who acts inside the engine. */
export type Actor = AuditEvent['actor'];

/** The engine itself, where no person stands behind a step. */
export const engineActor: Actor = Object.freeze({ kind: 'system', id: 'dsr', displayName: 'Request engine' });
/** The portal, on behalf of a person who is not named. */
export const portalActor: Actor = Object.freeze({
  kind: 'system',
  id: 'portal',
  displayName: 'Data subject portal',
});

export type { AuditSink, Clock, KeyObject, Logger, Principal, SubjectId, TenantId, Tx };
