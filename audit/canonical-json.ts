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
  if (typeof value === 'string') return JSON.stringify(value);
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value);
  if (typeof value !== 'object' || depth >= maxDepth) throw unfit(typeof value);
  if (Array.isArray(value)) return arrayText(value, depth + 1);
  if (typeof (value as { toISOString?: unknown }).toISOString === 'function') return JSON.stringify(value); // a Date of any realm
  let fields = '';
  for (const key of sortedKeys(value)) {
    const field = (value as Record<string, unknown>)[key]; // own key
    if (field === undefined) continue;
    fields += `${fields === '' ? '' : ','}${keyText(key)}${canonicalJson(field, depth + 1)}`;
  }
  return `{${fields}}`;
}

function arrayText(items: readonly unknown[], depth: number): string {
  let list = '';
  for (const item of items) list += `${list === '' ? '' : ','}${canonicalJson(item ?? null, depth)}`;
  return `[${list}]`;
}

/** Most details are written with sorted keys already. */
function sortedKeys(value: object): readonly string[] {
  const keys = Object.keys(value);
  for (let at = 1; at < keys.length; at += 1) if ((keys[at - 1] ?? '') > (keys[at] ?? '')) return keys.sort();
  return keys;
}

const keyTexts = new Map<string, string>();
const mostKeyTexts = 2_000;

/** Keys come from declared events, so they are few. */
function keyText(key: string): string {
  const known = keyTexts.get(key);
  if (known !== undefined) return known;
  const made = `${JSON.stringify(key)}:`;
  if (keyTexts.size < mostKeyTexts) keyTexts.set(key, made);
  return made;
}

function unfit(what: string): Error {
  return auditError(
    'ERR_AUDIT_INVALID_EVENT',
    `a detail holds a ${what} that JSON cannot carry, or is nested deeper than ${maxDepth}`,
  );
}
