import type { Clock, RandomBytes, TenantId } from '../kernel/index.ts';
import type { Database, Queries } from '../db/index.ts';
import { signCheckpoint } from './checkpoint.ts';
import type { AuditCrypto } from './crypto-need.ts';
import { auditError } from './errors.ts';
import { emptyRoot } from './hash.ts';
import { formatVerifierKey, noteKeyId, rawPublicKey } from './note-keys.ts';
import type { NoteSigner } from './signed-note.ts';
import { selectLogById, selectLogByTenant } from './store.ts';
import { createLog } from './store-sequencer.ts';

/** A log's public facts. */
export type LogInfo = {
  readonly logId: string;
  readonly tenantId: TenantId;
  readonly origin: string;
  readonly vkey: string;
  readonly createdAt: Date;
};

/** Finds and creates logs. */
export type LogDirectory = {
  readonly byTenant: (tenantId: TenantId) => Promise<LogInfo | null>;
  readonly byId: (logId: string) => Promise<LogInfo | null>;
  /** The tenant's log, made when it has none. */
  readonly ensure: (tenantId: TenantId) => Promise<LogInfo>;
  /** The key that signs a log's checkpoints. */
  readonly signer: (log: LogInfo) => Promise<NoteSigner>;
};

/** What it is made of. */
export type LogDirectoryDeps = {
  readonly database: Database;
  readonly crypto: AuditCrypto;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly originPrefix: string;
};

const logIdBytes = 16;

/** Logs never change once made, so they are remembered for the life of the process. */
export function createLogDirectory(deps: LogDirectoryDeps): LogDirectory {
  const { database, crypto, clock, randomBytes } = deps;
  const known = new Map<string, LogInfo>();
  const remember = (log: LogInfo | undefined): LogInfo | null => {
    if (log === undefined) return null;
    known.set(log.tenantId, log);
    known.set(log.logId, log);
    return log;
  };
  const read = async (queries: Queries, tenantId: TenantId): Promise<LogInfo | null> =>
    remember((await queries.query<LogInfo>(selectLogByTenant, [tenantId])).rows[0]);
  const byTenant = async (tenantId: TenantId): Promise<LogInfo | null> =>
    known.get(tenantId) ?? database.withSystem((tx) => read(tx, tenantId), { readOnly: true });
  const byId = async (logId: string): Promise<LogInfo | null> =>
    known.get(logId) ??
    database.withSystem(async (tx) => remember((await tx.query<LogInfo>(selectLogById, [logId])).rows[0]), {
      readOnly: true,
    });
  const signingKey = async (tenantId: TenantId): ReturnType<AuditCrypto['signingKey']> => {
    await crypto.warm(tenantId);
    return database.withTenant(tenantId, (tx) => crypto.signingKey(tx, 'log'));
  };
  const create = async (tenantId: TenantId): Promise<LogInfo> => {
    const key = await signingKey(tenantId);
    const logId = randomBytes(logIdBytes).toString('hex');
    const origin = `${deps.originPrefix}/${logId}`;
    const signer = { name: origin, keyId: noteKeyId(origin, rawPublicKey(key.publicKey)), sign: key.sign };
    const note = signCheckpoint({ origin, size: 0, root: emptyRoot }, signer);
    const vkey = formatVerifierKey(origin, key.publicKey);
    return database.withSequencer(async (tx) => {
      await tx.query(createLog, [logId, tenantId, origin, vkey, emptyRoot, note, clock.now()]);
      const log = await read(tx, tenantId);
      if (log === null)
        throw auditError('ERR_AUDIT_CORRUPT', `the log of tenant ${tenantId} could not be made`);
      return log;
    });
  };
  return Object.freeze({
    byTenant,
    byId,
    ensure: async (tenantId: TenantId) => (await byTenant(tenantId)) ?? create(tenantId),
    signer: async (log: LogInfo) => {
      const key = await signingKey(log.tenantId);
      if (formatVerifierKey(log.origin, key.publicKey) !== log.vkey) {
        throw auditError(
          'ERR_AUDIT_CORRUPT',
          `the signing key of log ${log.logId} is not the one its verifier key names`,
        );
      }
      return { name: log.origin, keyId: noteKeyId(log.origin, rawPublicKey(key.publicKey)), sign: key.sign };
    },
  });
}
