import { invalidRequest } from '../kernel/index.ts';

/** The opaque cursor of a list that runs down a log. */
export function writeCursor(seq: number): string {
  return Buffer.from(`s${seq}`).toString('base64url');
}

/** Where a list goes on. @throws ERR_INVALID_REQUEST for a cursor that no list gave */
export function readCursor(cursor: string): number {
  const match = /^s(\d{1,16})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1'));
  if (match === null) throw invalidRequest('"cursor" is not one that a list gave');
  return Number(match[1]);
}
