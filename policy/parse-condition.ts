import { resolveKey, type CatalogField, type ResolvedKey } from './catalog.ts';
import { allOf, anyOf, type Condition, type Order, type Scalar } from './condition.ts';
import { policyError } from './errors.ts';
import { normaliseScalar } from './normalise-value.ts';

const orders: Readonly<Record<string, Order>> = { $lt: '<', $lte: '<=', $gt: '>', $gte: '>=' };
const maxDepth = 8;
const maxListLength = 1_000;
type Plain = Readonly<Record<string, unknown>>;

/**
 * Reads a rule's conditions (the part of the MongoDB query language that has one meaning in memory and in SQL).
 *
 * @param fields - the resource type's catalog; a key outside it is refused
 * @throws ERR_POLICY_INVALID_RULE, ERR_POLICY_UNKNOWN_FIELD
 */
export function parseCondition(input: unknown, fields: readonly CatalogField[]): Condition {
  return parseObject(input, fields, 0);
}

function parseObject(input: unknown, fields: readonly CatalogField[], depth: number): Condition {
  if (depth > maxDepth) throw invalid(`conditions nest deeper than ${maxDepth}`);
  const parts: Condition[] = [];
  for (const [key, value] of Object.entries(plainObject(input, 'conditions'))) {
    if (key === '$and' || key === '$or' || key === '$nor') parts.push(parseList(key, value, fields, depth));
    else if (key === '$not') parts.push({ kind: 'not', of: parseObject(value, fields, depth + 1) });
    else if (key.startsWith('$')) throw invalid(`operator "${key.slice(0, 32)}" is unknown`);
    else parts.push(parseField(key, value, fields, depth));
  }
  return allOf(parts);
}

function parseList(
  operator: string,
  value: unknown,
  fields: readonly CatalogField[],
  depth: number,
): Condition {
  const parts = list(operator, value).map((part) => parseObject(part, fields, depth + 1));
  if (operator === '$and') return allOf(parts);
  return operator === '$or' ? anyOf(parts) : { kind: 'not', of: anyOf(parts) };
}

function parseField(key: string, value: unknown, fields: readonly CatalogField[], depth: number): Condition {
  const resolved = resolveKey(fields, key);
  if (resolved === null) {
    throw policyError(
      'ERR_POLICY_UNKNOWN_FIELD',
      `conditions may not name "${key.slice(0, 64)}"; use a filterable field of the resource type`,
    );
  }
  if (typeof value !== 'object' || value === null) return equals(key, resolved, value);
  return parseOperators(key, value, resolved, depth);
}

function parseOperators(key: string, value: unknown, resolved: ResolvedKey, depth: number): Condition {
  if (depth > maxDepth) throw invalid(`conditions nest deeper than ${maxDepth}`);
  const entries = Object.entries(plainObject(value, `the condition on "${key}"`));
  if (entries.length === 0) throw invalid(`the condition on "${key}" has no operator`);
  return allOf(entries.map(([operator, operand]) => parseOperator(key, operator, operand, resolved, depth)));
}

function parseOperator(
  key: string,
  operator: string,
  operand: unknown,
  resolved: ResolvedKey,
  depth: number,
): Condition {
  const { type } = resolved;
  if (operator === '$eq') return equals(key, resolved, operand);
  if (operator === '$ne') return { kind: 'not', of: equals(key, resolved, operand) };
  if (operator === '$in') return within(key, resolved, operand);
  if (operator === '$nin') return { kind: 'not', of: within(key, resolved, operand) };
  if (operator === '$not') return { kind: 'not', of: parseOperators(key, operand, resolved, depth + 1) };
  if (operator === '$exists') {
    if (typeof operand !== 'boolean') throw invalid(`"$exists" on "${key}" needs true or false`);
    const exists: Condition = { kind: 'exists', field: key, type };
    return operand ? exists : { kind: 'not', of: exists };
  }
  const order = Object.hasOwn(orders, operator) ? orders[operator] : undefined;
  if (order === undefined) throw invalid(`operator "${operator.slice(0, 32)}" is unknown`);
  const bound = scalar(key, resolved, operand);
  if (bound === null || typeof bound === 'boolean' || type === 'text[]' || type === 'uuid') {
    throw invalid(`"${operator}" on "${key}" needs a field and a value with an order`);
  }
  return { kind: 'compare', field: key, type, operator: order, value: bound };
}

function equals(key: string, resolved: ResolvedKey, value: unknown): Condition {
  return { kind: 'equals', field: key, type: resolved.type, value: scalar(key, resolved, value) };
}

function within(key: string, resolved: ResolvedKey, value: unknown): Condition {
  const values = list(key, value).map((item) => scalar(key, resolved, item));
  return { kind: 'in', field: key, type: resolved.type, values };
}

function scalar(key: string, resolved: ResolvedKey, value: unknown): Scalar | null {
  if (value === null) return null;
  const result = normaliseScalar(value, resolved.type);
  if (result === undefined) throw invalid(`the condition on "${key}" needs a value of type ${resolved.type}`);
  return result;
}

function list(what: string, value: unknown): readonly unknown[] {
  if (!Array.isArray(value) || value.length > maxListLength)
    throw invalid(`"${what}" needs a list of at most ${maxListLength}`);
  return value as readonly unknown[]; // just checked
}

function plainObject(value: unknown, what: string): Plain {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid(`${what} must be an object`);
  return value as Plain; // just checked
}

function invalid(message: string): Error {
  return policyError('ERR_POLICY_INVALID_RULE', message);
}
