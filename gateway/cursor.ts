import { z } from 'zod';
import type { FieldMap } from '../datamap/index.ts';
import { gatewayError } from './errors.ts';

/** Where a page ended: the sort value as PostgreSQL writes it, and the row's id. */
export type Cursor = { readonly value: string | null; readonly id: string };

/** The list a cursor belongs to. */
export type CursorPlace = { readonly type: string; readonly field: FieldMap; readonly descending: boolean };

const shape = z.tuple([z.string().max(300), z.string().max(10_000).nullable(), z.string().max(200)]);

const label = ({ type, field, descending }: CursorPlace): string =>
  `1 ${type} ${descending ? '-' : ''}${field.name}`;

/** Opaque text for `nextCursor`; it holds nothing that the caller has not just read. */
export function encodeCursor(place: CursorPlace, cursor: Cursor): string {
  return Buffer.from(JSON.stringify([label(place), cursor.value, cursor.id])).toString('base64url');
}

/** @throws ERR_GATEWAY_CURSOR when it is damaged or belongs to another list */
export function decodeCursor(text: unknown, place: CursorPlace): Cursor {
  const parsed = typeof text === 'string' && text.length <= 20_000 ? shape.safeParse(parseJson(text)) : null;
  if (parsed?.success !== true || parsed.data[0] !== label(place)) {
    throw gatewayError(
      'ERR_GATEWAY_CURSOR',
      'the cursor is damaged or belongs to another list; begin again without one',
    );
  }
  const [, value, id] = parsed.data;
  return { value, id };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch {
    return null;
  }
}
