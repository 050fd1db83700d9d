import type { Tx } from '../db/index.ts';
import type { AbsenceResult } from './connectors/connector.ts';
import type { RequestRow } from './request-row.ts';
import type { RequestState } from './state-machine.ts';
import { selectAround } from './store-view.ts';

/** Instants as JSON of the database has them. */
type Instant = string;

/** What stands around a request: rows of the room's other tables as they are. */
export type Around = {
  readonly timeline: readonly {
    readonly state: RequestState;
    readonly at: Instant;
    readonly actor: string;
    readonly actorId: string;
    readonly note: string | null;
    readonly auditSeq: number | null;
  }[];
  readonly approvals: readonly { readonly by: string; readonly at: Instant; readonly planHash: string }[];
  readonly tasks: readonly {
    readonly system: string;
    readonly action: string;
    readonly state: string;
    readonly counts: Readonly<Record<string, number>>;
    readonly error: string | null;
    readonly attempts: number;
    readonly startedAt: Instant | null;
    readonly endedAt: Instant | null;
  }[];
  readonly plan: {
    readonly hash: string;
    readonly createdAt: Instant;
    readonly createdBy: string;
    readonly document: string;
  } | null;
  readonly absence: {
    readonly at: Instant;
    readonly clean: boolean;
    readonly scope: string;
    readonly result: AbsenceResult;
  } | null;
  readonly certificate: {
    readonly id: string;
    readonly kind: 'completion' | 'full_scan';
    readonly issuedAt: Instant;
    readonly supersededAt: Instant | null;
    readonly jws: string;
  } | null;
  readonly package: { readonly expiresAt: Instant; readonly downloadedAt: Instant | null } | null;
};

/** One statement, whatever there is. */
export async function readAround(tx: Tx, row: RequestRow): Promise<Around> {
  const { rows } = await tx.query<Around>(selectAround, [row.id, row.plan_hash]);
  return rows[0] as Around; // a select of scalar subqueries always gives its row
}

/** An instant as the wire has it: RFC 3339 in UTC. */
export const iso = (instant: Instant | Date): string => new Date(instant).toISOString();
/** As {@link iso}, for what may not have happened yet. */
export const isoOrNull = (instant: Instant | Date | null): string | null =>
  instant === null ? null : iso(instant);
