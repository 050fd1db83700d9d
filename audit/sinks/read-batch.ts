import type { Tx } from '../../db/index.ts';
import { parseLeafBody, type LeafBody } from '../leaf.ts';
import type { TrailEvent } from '../trail-view.ts';
import type { SinkFilter } from './configuration.ts';
import { selectFrom } from './store.ts';

/** Reads events as a list of the trail shows them; hands in the view, so that this folder opens nothing itself. */
export type ViewEntries = (
  tx: Tx,
  entries: readonly { readonly seq: number; readonly body: Buffer; readonly leafHash: Buffer }[],
  personalData: boolean,
) => Promise<readonly TrailEvent[]>;

/** Events from a cursor on. */
export type ReadBatch = {
  readonly events: readonly TrailEvent[];
  /** Where the next batch begins. */
  readonly next: number;
  /** False when the end of the log was reached. */
  readonly more: boolean;
};

/** @param limit - entries to look at; those the filter leaves out count */
export async function readBatch(
  tx: Tx,
  view: ViewEntries,
  { from, limit, filter, personalData }: BatchQuery,
): Promise<ReadBatch> {
  const { rows } = await tx.query<{ seq: number; body: Buffer; leafHash: Buffer }>(selectFrom, [
    tx.tenantId,
    from,
    limit,
  ]);
  const wanted = rows.filter(({ body }) => passes(parseLeafBody(body), filter));
  const next = (rows.at(-1)?.seq ?? from - 1) + 1;
  return { events: await view(tx, wanted, personalData), next, more: rows.length === limit };
}

/** Which events, and how they are shown. */
export type BatchQuery = {
  readonly from: number;
  readonly limit: number;
  readonly filter: SinkFilter;
  readonly personalData: boolean;
};

/** Whether an event goes out. */
export function passes(
  event: Pick<LeafBody, 'action' | 'category' | 'outcome'>,
  { actions, categories, outcomes }: SinkFilter,
): boolean {
  if (categories !== undefined && !categories.includes(event.category)) return false;
  if (outcomes !== undefined && !outcomes.includes(event.outcome)) return false;
  return (
    actions === undefined ||
    actions.some((action) =>
      action.endsWith('*') ? event.action.startsWith(action.slice(0, -1)) : event.action === action,
    )
  );
}
