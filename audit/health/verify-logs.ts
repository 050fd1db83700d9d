import { exactlyOne, type Database, type Tx } from '../../db/index.ts';
import type { AuditSink, Clock, Logger, TenantId } from '../../kernel/index.ts';
import { listLogs } from '../list-logs.ts';
import { selectLogSize } from '../sinks/store.ts';
import { verifyDatabase } from '../verify-database.ts';
import { logVerified } from './events.ts';
import { selectVerification, upsertVerification } from './store.ts';

/** How a full verification went. */
export type Verification = {
  readonly at: Date;
  readonly state: 'sound' | 'unsound' | 'too_large' | 'failed';
  readonly size: number;
  readonly findings: number;
  readonly firstBadSeq: number | null;
  /** The first finding, or why there is none. */
  readonly detail: string | null;
  readonly milliseconds: number;
};

/** Verifies logs from end to end, from time to time. */
export type LogVerifier = {
  /** Verifies one log now and keeps what came of it. */
  readonly verify: (tenantId: TenantId) => Promise<Verification>;
  /** Verifies the logs whose last verification is a day old. @returns how many */
  readonly verifyDue: () => Promise<number>;
};

/** What it is made of. */
export type LogVerifierDeps = {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly audit: () => AuditSink<Tx>;
  /** Longer logs are left to `gatehouse audit verify`; default 10,000,000. */
  readonly maxEntries?: number;
};

const dayMilliseconds = 86_400_000;
const defaultMaxEntries = 10_000_000;

/** Makes the part. Commitments are not opened: the nightly look needs nobody's name. */
export function createLogVerifier(deps: LogVerifierDeps): LogVerifier {
  const { database, clock, logger } = deps;
  const verify = async (tenantId: TenantId): Promise<Verification> => {
    const startedAt = performance.now();
    const result = await look(deps, tenantId);
    const milliseconds = Math.round(performance.now() - startedAt);
    const verification = { ...result, at: clock.now(), milliseconds };
    if (result.state === 'unsound' || result.state === 'failed')
      logger.error('a log does not verify', { tenantId, ...result });
    await database.withTenant(tenantId, (tx) => keep(tx, deps, verification));
    return verification;
  };
  return Object.freeze({
    verify,
    verifyDue: async () => {
      let done = 0;
      for (const { tenantId } of await listLogs(database)) {
        const last = await database.withTenant(tenantId, readVerification, { readOnly: true });
        if (last !== null && clock.now().getTime() - last.at.getTime() < dayMilliseconds) continue;
        await verify(tenantId);
        done += 1;
      }
      return done;
    },
  });
}

/** The tenant's last full verification, or null. */
export async function readVerification(tx: Tx): Promise<Verification | null> {
  return (await tx.query<Verification>(selectVerification)).rows[0] ?? null;
}

type Looked = Omit<Verification, 'at' | 'milliseconds'>;

async function look({ database, maxEntries = defaultMaxEntries }: LogVerifierDeps, tenantId: TenantId) {
  const nothing = { findings: 0, firstBadSeq: null };
  const { size } = await database.withTenant(
    tenantId,
    async (tx) => exactlyOne(await tx.query<{ size: number }>(selectLogSize), 'size'),
    { readOnly: true },
  );
  if (size > maxEntries) {
    const detail = `${size} entries, at most ${maxEntries} are verified here; run gatehouse audit verify --db`;
    return { ...nothing, state: 'too_large', size, detail } satisfies Looked;
  }
  try {
    const report = await database.withTenant(tenantId, (tx) => verifyDatabase(tx, tenantId), {
      readOnly: true,
      isolation: 'repeatable read',
      statementTimeoutMilliseconds: 600_000,
    });
    const { length } = report.findings;
    return {
      state: length === 0 ? 'sound' : 'unsound',
      size: report.size,
      findings: length,
      firstBadSeq: report.firstBadSeq,
      detail: report.findings[0]?.message.slice(0, 500) ?? null,
    } satisfies Looked;
  } catch (error) {
    const detail = (error instanceof Error ? error.message : String(error)).slice(0, 500);
    return { ...nothing, state: 'failed', size, detail } satisfies Looked;
  }
}

async function keep(
  tx: Tx,
  { audit }: LogVerifierDeps,
  { at, state, size, findings, firstBadSeq, detail, milliseconds }: Verification,
): Promise<void> {
  await tx.query(upsertVerification, [at, state, size, findings, firstBadSeq, detail, milliseconds]);
  await audit().append(tx, {
    definition: logVerified,
    tenantId: tx.tenantId,
    outcome: state === 'unsound' || state === 'failed' ? 'failure' : 'success',
    ...(state === 'sound' ? {} : { reason: state }),
    actor: { kind: 'system', id: 'audit.verifier', displayName: 'Scheduled verification' },
    detail: { state, size, findings, firstBadSeq, milliseconds },
  });
}
