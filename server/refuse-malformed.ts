import { invalidRequest } from '../kernel/index.ts';

/** Deeper than any request of ours needs; a walk over more could exhaust the stack of whoever reads it next. */
export const maxDepth = 100;

/**
 * Refuses what no part of the house can keep: U+0000 and half surrogate pairs, which PostgreSQL does not store, and
 * nesting without end. Looks at names as well as values, without recursion.
 *
 * @param value - parsed path, query and body; bytes are left alone
 * @throws ERR_INVALID_REQUEST (400)
 */
export function refuseMalformed(value: unknown): void {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > maxDepth)
      throw invalidRequest(`the request is nested more than ${maxDepth} levels deep; send a flatter one`);
    const next: unknown[] = [];
    for (const one of level) {
      if (typeof one === 'string') requireText(one);
      else if (Array.isArray(one)) for (const item of one) next.push(item);
      else if (isRecord(one)) {
        for (const name of Object.keys(one)) {
          requireText(name);
          next.push(one[name]);
        }
      }
    }
    level = next;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !ArrayBuffer.isView(value);
}

function requireText(text: string): void {
  if (!text.includes('\0') && text.isWellFormed()) return;
  throw invalidRequest('the request holds a character U+0000 or half a surrogate pair; send text as Unicode');
}
