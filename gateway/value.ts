import type { FieldMap } from '../datamap/index.ts';
import { gatewayError } from './errors.ts';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const instant = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})$/;
const day = /^\d{4}-\d{2}-\d{2}$/;
const decimal = /^-?\d{1,20}(\.\d{1,10})?$/;
const address = /^[0-9a-fA-F:.]{2,45}(\/\d{1,3})?$/;
const maxJsonLength = 100_000;

/**
 * Checks a value of a JSON body against its field.
 *
 * @returns the value as crypto and PostgreSQL take it
 * @throws ERR_GATEWAY_VALUE naming the field and what was expected, never the value
 */
export function parseValue(field: FieldMap, value: unknown): unknown {
  if (value === null) {
    if (field.nullable) return null;
    throw wrong(field, 'a value, not null');
  }
  switch (field.type) {
    case 'boolean':
      return typeof value === 'boolean' ? value : reject(field, 'true or false');
    case 'integer':
      return Number.isSafeInteger(value) ? value : reject(field, 'a whole number');
    case 'numeric':
      return parseNumeric(field, value);
    case 'json':
      return parseJson(field, value);
    default:
      return typeof value === 'string' ? parseText(field, value) : reject(field, 'a string');
  }
}

/** Checks a value that came as text in a query. @throws ERR_GATEWAY_VALUE */
export function parseQueryValue(field: FieldMap, text: string): unknown {
  if (field.type === 'boolean')
    return text === 'true' || (text !== 'false' && reject(field, 'true or false'));
  if (field.type === 'integer')
    return /^-?\d{1,15}$/.test(text) ? Number(text) : reject(field, 'a whole number');
  if (field.type === 'numeric') return parseNumeric(field, text);
  if (field.type === 'json') return reject(field, 'nothing: JSON fields take no filter');
  return parseText({ ...field, values: null }, text);
}

function parseText(field: FieldMap, value: string): string {
  // PostgreSQL's text holds no NUL.
  if (value.includes('\u0000')) throw wrong(field, 'text without NUL characters');
  switch (field.type) {
    case 'uuid':
      return uuid.test(value) ? value.toLowerCase() : reject(field, 'a UUID');
    case 'timestamptz':
      return instant.test(value) && isRealDay(value) ? value : reject(field, 'an RFC 3339 time');
    case 'date':
      return day.test(value) && isRealDay(value) ? value : reject(field, 'a date YYYY-MM-DD');
    case 'inet':
      return address.test(value) ? value : reject(field, 'an IP address');
    default:
      return parsePlainText(field, value);
  }
}

function parsePlainText(field: FieldMap, value: string): string {
  if (field.values !== null && !field.values.includes(value))
    throw wrong(field, `one of ${field.values.join(', ')}`);
  if (value.length > field.maxLength) throw wrong(field, `at most ${field.maxLength} characters`);
  if (field.identity === 'email' && !/^[^\s@]{1,64}@[^\s@]{1,255}$/.test(value))
    throw wrong(field, 'an e-mail address');
  if (field.identity === 'phone' && !/^\+?[0-9 ().\-/]{5,32}$/.test(value))
    throw wrong(field, 'a phone number');
  return value;
}

/** `2026-02-30` parses as a date in JavaScript and fails in PostgreSQL. */
function isRealDay(value: string): boolean {
  const head = value.slice(0, 10);
  const time = Date.parse(`${head}T00:00:00Z`);
  return (
    !Number.isNaN(time) && new Date(time).toISOString().startsWith(head) && !Number.isNaN(Date.parse(value))
  );
}

function parseNumeric(field: FieldMap, value: unknown): string {
  const text = typeof value === 'number' ? String(value) : value;
  return typeof text === 'string' && decimal.test(text) ? text : reject(field, 'a decimal number');
}

function parseJson(field: FieldMap, value: unknown): unknown {
  if (JSON.stringify(value).length > maxJsonLength)
    throw wrong(field, `at most ${maxJsonLength} characters of JSON`);
  return value;
}

function wrong(field: FieldMap, expected: string): Error {
  return gatewayError('ERR_GATEWAY_VALUE', `field "${field.name}" must be ${expected}`, {
    field: field.name,
  });
}

function reject(field: FieldMap, expected: string): never {
  throw wrong(field, expected);
}
