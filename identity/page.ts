import { invalidRequest } from '../kernel/index.ts';

const first = '00000000-0000-0000-0000-000000000000';

/** The id after which a page begins. @throws ERR_INVALID_REQUEST */
export function afterId(cursor: string | undefined): string {
  if (cursor === undefined) return first;
  const id = Buffer.from(cursor, 'base64url').toString('latin1');
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id))
    throw invalidRequest('the cursor is not one of ours; leave it out to begin at the start');
  return id;
}

/** A page of a list that was read with one row more than asked for. */
export function toPage<Row extends { readonly id: string }, Item>(
  rows: readonly Row[],
  limit: number,
  toItem: (row: Row) => Item,
): { items: Item[]; nextCursor: string | null } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const more = rows.length > limit && last !== undefined;
  return {
    items: shown.map(toItem),
    nextCursor: more ? Buffer.from(last.id, 'latin1').toString('base64url') : null,
  };
}
