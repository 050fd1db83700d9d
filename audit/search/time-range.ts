import { sql, type Tx } from '../../db/index.ts';
import type { TrailFilter } from '../schema.ts';
import { selectSeqOfTime } from './store.ts';

/** A run of sequence numbers: from, and before. */
export type SeqRun = { readonly low: number | null; readonly high: number | null };

/**
 * The run of a log in which the entries of a time stand, but for those that came late or early: they are strays, see
 * {@link straysOutside}. Null: no time was asked for, or the log cannot be halved because entries are gone.
 */
export async function readSeqRun(tx: Tx, { from, to }: TrailFilter): Promise<SeqRun | null> {
  if (from === undefined && to === undefined) return null;
  const seqOf = async (time: Date): Promise<number | undefined> =>
    (await tx.query<{ seq: number }>(selectSeqOfTime, [tx.tenantId, time])).rows[0]?.seq;
  const low = from === undefined ? null : await seqOf(from);
  const high = to === undefined ? null : await seqOf(to);
  return low === undefined || high === undefined ? null : { low, high };
}

/**
 * Entries of a time that stand outside its run, as `e`. The block ranges of `audit.entry_time` hold both the times and
 * the numbers, so that only blocks with a stray are read; OFFSET 0 keeps the planner from walking the log instead.
 */
export function straysOutside(tenantId: string, { from, to }: TrailFilter, { low, high }: SeqRun) {
  const outside = [
    ...(low === null ? [] : [sql`x.seq < ${low}::bigint`]),
    ...(high === null ? [] : [sql`x.seq >= ${high}::bigint`]),
  ];
  const within = sql.join(
    [
      sql`x.tenant_id = ${tenantId}::uuid`,
      ...(from === undefined ? [] : [sql`x.occurred_at >= ${from}::timestamptz`]),
      ...(to === undefined ? [] : [sql`x.occurred_at < ${to}::timestamptz`]),
    ],
    sql` and `,
  );
  const parts = outside.map(
    (side) => sql`(select x.* from audit.entry x where ${within} and ${side} offset 0)`,
  );
  return sql`(${sql.join(parts, sql` union all `)}) e`;
}
