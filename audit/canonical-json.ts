import { auditError } from './errors.ts';

const maxDepth = 16;

/**
 * One way to write a JSON value: keys sorted by code unit, no white space, absent where undefined. Strings and numbers
 * are written as ECMAScript does, as RFC 8785 asks.
 *
 * @throws ERR_AUDIT_INVALID_EVENT for what JSON cannot carry
 * @see https://www.rfc-editor.org/rfc/rfc8785#section-3.2
 */
export function canonicalJson(value: unknown, depth = 0): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value);
  if (typeof value !== 'object' || depth >= maxDepth) throw unfit(typeof value);
  if (Array.isArray(value))
    return `[${value.map((item) => canonicalJson(item ?? null, depth + 1)).join(',')}]`;
  if (typeof (value as { toISOString?: unknown }).toISOString === 'function') return JSON.stringify(value); // a Date of any realm
  const fields: string[] = [];
  for (const key of Object.keys(value).sort()) {
    const field = (value as Record<string, unknown>)[key]; // own key
    if (field !== undefined) fields.push(`${JSON.stringify(key)}:${canonicalJson(field, depth + 1)}`);
  }
  return `{${fields.join(',')}}`;
}

function unfit(what: string): Error {
  return auditError(
    'ERR_AUDIT_INVALID_EVENT',
    `a detail holds a ${what} that JSON cannot carry, or is nested deeper than ${maxDepth}`,
  );
}
