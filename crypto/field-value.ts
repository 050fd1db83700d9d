import { cryptoError } from './errors.ts';
import type { FieldPlan } from './types.ts';

// A byte-order mark at the front is part of the value.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** What the quick decoder puts where bytes are no UTF-8. */
const replacement = '\ufffd';

/**
 * A logical value as the text that is sealed.
 *
 * @throws ERR_CRYPTO_INPUT naming field and type, never the value
 */
export function encodeFieldValue(plan: FieldPlan, value: unknown): string {
  switch (plan.type) {
    case 'text':
      if (typeof value === 'string') return value;
      break;
    case 'number':
      if (typeof value === 'number' && Number.isFinite(value)) return String(value);
      break;
    case 'boolean':
      if (typeof value === 'boolean') return String(value);
      break;
    case 'date':
      if (typeof value === 'string') return value;
      if (isValidDate(value)) return value.toISOString();
      break;
    case 'json': {
      const text = JSON.stringify(value) as string | undefined; // undefined for functions and symbols
      if (text !== undefined) return text;
      break;
    }
  }
  throw cryptoError('ERR_CRYPTO_INPUT', `field "${plan.field}" must be of type ${plan.type}`);
}

function isValidDate(value: unknown): value is Date {
  return (
    Object.prototype.toString.call(value) === '[object Date]' && !Number.isNaN((value as Date).getTime())
  ); // a date of any realm
}

/** @returns the value, or undefined when the bytes are not what the type writes */
export function decodeFieldValue(type: FieldPlan['type'], bytes: Buffer): unknown {
  const text = decodeText(bytes);
  if (text === undefined) return undefined;
  switch (type) {
    case 'text':
    case 'date':
      return text;
    case 'number':
      return text.trim() === '' || !Number.isFinite(Number(text)) ? undefined : Number(text);
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : undefined;
    case 'json':
      return parseJson(text);
  }
}

function decodeText(bytes: Buffer): string | undefined {
  const quick = bytes.toString('utf8');
  if (!quick.includes(replacement)) return quick;
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
