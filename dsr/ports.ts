import type { KeyObject } from 'node:crypto';
import { parsePrincipalId } from '../kernel/index.ts';
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

/** What the composition root hands in. */
export type DsrInput = {
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
  /**
   * The name of a member of staff as it is now, or null when nobody has this id any more. Names of staff are not stored
   * with requests; without this port the views show ids.
   */
  readonly nameOf?: (tx: Tx, principalId: string) => Promise<string | null>;
  readonly options?: DsrOptions;
};

/** What the request engine stands on. */
export type DsrDeps = DsrInput & {
  /** `crypto.warm`, asked again only after a while: call it before BEGIN. */
  readonly warm: (tenantId: TenantId) => Promise<void>;
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
/**
 * The person behind a request, as far as the portal knows them: by the request alone. What the trail keeps of their call
 * (address, browser) is sealed under the key of this id, which is the request's own and is destroyed with it.
 */
export function personOf(tenantId: TenantId, requestId: string): Principal {
  return {
    kind: 'data_subject',
    tenantId,
    id: parsePrincipalId(requestId),
    displayName: 'Data subject',
    email: null,
    roles: [],
    attributes: {},
    assurance: { level: 1, authenticatedAt: null, methods: [] },
    sessionId: null,
  };
}

export type { AuditSink, Clock, KeyObject, Logger, Principal, SubjectId, TenantId, Tx };
