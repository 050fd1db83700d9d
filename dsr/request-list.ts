import type { z } from 'zod';
import { invalidRequest } from '../kernel/index.ts';
import type { Tx } from '../db/index.ts';
import { urgency } from './legal-clock.ts';
import type { RequestRow } from './request-row.ts';
import type { requestItem } from './schema.ts';
import { isClosed } from './state-machine.ts';
import { selectRequestPage } from './store.ts';

type Item = z.output<typeof requestItem>;

const iso = (instant: Date): string => instant.toISOString();
const isoOrNull = (instant: Date | null): string | null => instant?.toISOString() ?? null;

/** A request as lists show it: masked. */
export function viewItem(row: RequestRow, now: Date): Item {
  return {
    id: row.id,
    type: row.type,
    law: row.law,
    state: row.state,
    channel: row.channel,
    receivedAt: iso(row.received_at),
    dueAt: iso(row.due_at),
    acknowledgeBy: isoOrNull(row.acknowledge_at),
    dueExplanation: row.clock.explanation.join('; '),
    subjectLabel: row.subject_label ?? '•••',
    urgency: urgency(now, row.received_at, row.due_at, isClosed(row.state)),
    linkedTo: row.linked_to,
  };
}

/** A page, newest first. */
export async function listRequests(
  tx: Tx,
  query: {
    readonly state?: string | undefined;
    readonly cursor?: string | undefined;
    readonly limit: number;
  },
  now: Date,
): Promise<{ items: Item[]; nextCursor: string | null }> {
  const after = query.cursor === undefined ? null : readCursor(query.cursor);
  const { rows } = await tx.query<RequestRow>(selectRequestPage, [
    query.state ?? null,
    after?.at ?? null,
    after?.id ?? null,
    query.limit + 1,
  ]);
  const page = rows.slice(0, query.limit);
  const last = page.at(-1);
  const more = rows.length > query.limit && last !== undefined;
  return {
    items: page.map((row) => viewItem(row, now)),
    nextCursor: more ? Buffer.from(`${iso(last.received_at)} ${last.id}`).toString('base64url') : null,
  };
}

function readCursor(cursor: string): { readonly at: string; readonly id: string } {
  const match = /^(\d{4}-\d\d-\d\dT[\d:.]+Z) ([0-9a-f-]{36})$/.exec(
    Buffer.from(cursor, 'base64url').toString('latin1'),
  );
  if (match === null) throw invalidRequest('"cursor" is not one that a list gave');
  return { at: match[1] ?? '', id: match[2] ?? '' };
}
