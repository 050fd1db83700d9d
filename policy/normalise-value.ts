import type { FieldType, Scalar } from './condition.ts';

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const datePattern = /^\d{4}-\d{2}-\d{2}$/;
const maxTextLength = 1_024;

/**
 * Brings a condition's operand to the one form in which its type is compared.
 *
 * @returns undefined when the value is not of that type
 */
export function normaliseScalar(value: unknown, type: FieldType): Scalar | undefined {
  switch (type) {
    case 'text':
    case 'text[]':
      return text(value);
    case 'uuid':
      return uuid(value);
    case 'integer':
    case 'numeric':
      return typeof value === 'number' && Number.isFinite(value) ? value + 0 : undefined;
    case 'boolean':
      return typeof value === 'boolean' ? value : undefined;
    case 'timestamptz':
      return instant(value);
    case 'date':
      return date(value);
    case 'json':
      return normaliseJson(value);
  }
}

/**
 * Brings a row's value to the same form. Drivers give numeric as text and times as Date.
 *
 * @returns undefined when the value is not of that type: then nothing can be decided on it
 */
export function normaliseRowValue(value: unknown, type: FieldType): unknown {
  if (value === null) return null;
  if (type === 'json') return value;
  if (type === 'text[]')
    return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : undefined;
  if (type === 'text') return typeof value === 'string' ? value : undefined;
  if ((type === 'numeric' || type === 'integer') && typeof value === 'string') {
    return /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : undefined;
  }
  return normaliseScalar(value, type);
}

function text(value: unknown): string | undefined {
  // PostgreSQL stores neither NUL nor half a surrogate pair, so a condition with one would mean two things.
  const fits =
    typeof value === 'string' &&
    value.length <= maxTextLength &&
    !value.includes('\0') &&
    value.isWellFormed();
  return fits ? value : undefined;
}

function uuid(value: unknown): string | undefined {
  const lower = typeof value === 'string' ? value.toLowerCase() : '';
  return uuidPattern.test(lower) ? lower : undefined;
}

function instant(value: unknown): string | undefined {
  const isDate = Object.prototype.toString.call(value) === '[object Date]';
  if (!isDate && (typeof value !== 'string' || !/^\d{4}-\d{2}-\d{2}T/.test(value))) return undefined;
  const time = isDate ? (value as Date).getTime() : Date.parse(value as string); // just probed
  const year = Number.isNaN(time) ? -1 : new Date(time).getUTCFullYear();
  return year >= 1 && year <= 9_999 ? new Date(time).toISOString() : undefined;
}

function date(value: unknown): string | undefined {
  if (Object.prototype.toString.call(value) === '[object Date]') {
    const local = value as Date; // the driver reads a date as local midnight
    const two = (part: number): string => String(part).padStart(2, '0');
    return date(
      `${String(local.getFullYear()).padStart(4, '0')}-${two(local.getMonth() + 1)}-${two(local.getDate())}`,
    );
  }
  if (typeof value !== 'string' || !datePattern.test(value) || value.startsWith('0000')) return undefined;
  const parsed = new Date(`${value}T00:00:00Z`);
  return !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(value) ? value : undefined;
}

function normaliseJson(value: unknown): Scalar | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value + 0 : undefined;
  return typeof value === 'boolean' ? value : text(value);
}
