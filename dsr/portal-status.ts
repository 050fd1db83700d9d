import type { z } from 'zod';
import type { Tx } from '../db/index.ts';
import { horizonOfCertificate } from './backup-horizon.ts';
import type { FoundByTicket } from './portal-tickets.ts';
import { iso, readAround } from './request-around.ts';
import type { RequestRow } from './request-row.ts';
import type { portalStatus } from './schema.ts';
import type { RequestState } from './state-machine.ts';

const ends: ReadonlySet<RequestState> = new Set(['refused', 'withdrawn', 'expired', 'partially_completed']);

/** The way a request goes, ending where this one ended. */
function wayOf(row: RequestRow): readonly RequestState[] {
  const way: readonly RequestState[] =
    row.type === 'erasure'
      ? ['received', 'verified', 'planned', 'approved', 'executing', 'verifying_absence', 'completed']
      : ['received', 'verified', 'planned', 'executing', 'completed'];
  return ends.has(row.state) ? [...way.slice(0, -1), row.state] : way;
}

/**
 * What the holder of the ticket sees: progress and dates, no plan. For the ticket from before the proof nothing is
 * available.
 */
export async function viewStatus(
  tx: Tx,
  { row, current: mayFetch }: Pick<FoundByTicket, 'row' | 'current'>,
  now: Date,
): Promise<z.output<typeof portalStatus>> {
  const { timeline, certificate, package: waiting } = await readAround(tx, row);
  const way = wayOf(row);
  const current = row.state === 'verifying' ? 0 : way.indexOf(row.state);
  const steps = way.map((state, index) => {
    const reached = timeline.findLast((one) => one.state === state);
    return {
      state,
      done: index <= current && reached !== undefined,
      at: index <= current && reached !== undefined ? iso(reached.at) : null,
    };
  });
  return {
    state: row.state,
    type: row.type,
    law: row.law,
    receivedAt: row.received_at.toISOString(),
    dueAt: row.due_at.toISOString(),
    steps,
    certificateAvailable: mayFetch && certificate !== null,
    backupsUntil: mayFetch && certificate !== null ? horizonOfCertificate(certificate.jws) : null,
    packageAvailable:
      mayFetch && waiting !== null && waiting.downloadedAt === null && new Date(waiting.expiresAt) > now,
  };
}
