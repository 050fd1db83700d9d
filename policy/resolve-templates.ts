import { policyError } from './errors.ts';

/** Who is decided on: what templates may speak of. */
export type Actor = {
  readonly id: string;
  readonly email: string | null;
  readonly attributes: Readonly<Record<string, unknown>>;
};

const whole = /^\$\{principal\.(?:(id|email)|attributes\.([A-Za-z][A-Za-z0-9_-]{0,62}))\}$/;
const missing = Symbol('missing');

/** Names of the facts that a rule's conditions ask of the principal: `id`, `email`, `attributes.region`. */
export function templateNames(conditions: unknown, into: Set<string> = new Set()): Set<string> {
  if (typeof conditions === 'string') {
    const match = whole.exec(conditions);
    if (match !== null) into.add(match[1] ?? `attributes.${match[2] ?? ''}`);
    else if (conditions.includes('${')) {
      throw policyError(
        'ERR_POLICY_INVALID_RULE',
        'a template must be the whole value, e.g. "${principal.attributes.region}"',
      );
    }
  } else if (typeof conditions === 'object' && conditions !== null) {
    for (const part of Object.values(conditions)) templateNames(part, into);
  }
  return into;
}

/**
 * Puts the principal's facts into a rule's conditions. A list in the place of one value means "one of these".
 *
 * @returns null when a fact is missing: the rule then cannot be decided
 */
export function resolveTemplates(conditions: unknown, actor: Actor): unknown {
  const resolved = resolve(conditions, actor);
  return resolved === missing ? null : resolved;
}

function resolve(value: unknown, actor: Actor): unknown {
  if (typeof value === 'string') return resolveText(value, actor);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return resolveList(value, actor);
  const result: [string, unknown][] = [];
  for (const [key, part] of Object.entries(value)) {
    const resolved = resolve(part, actor);
    if (resolved === missing) return missing;
    result.push([key, placed(key, part, resolved)]);
  }
  return Object.fromEntries(result);
}

function placed(key: string, template: unknown, resolved: unknown): unknown {
  if (typeof template !== 'string') return resolved;
  if (key === '$in' || key === '$nin') return Array.isArray(resolved) ? resolved : [resolved];
  return Array.isArray(resolved) && !key.startsWith('$') ? { $in: resolved } : resolved;
}

function resolveList(list: readonly unknown[], actor: Actor): unknown {
  const result: unknown[] = [];
  for (const item of list) {
    const resolved = resolve(item, actor);
    if (resolved === missing) return missing;
    if (typeof item === 'string' && Array.isArray(resolved)) result.push(...(resolved as readonly unknown[]));
    else result.push(resolved);
  }
  return result;
}

function resolveText(text: string, actor: Actor): unknown {
  const match = whole.exec(text);
  if (match === null) return text;
  if (match[1] === 'id') return actor.id;
  if (match[1] === 'email') return actor.email ?? missing;
  const name = match[2] ?? '';
  const value = Object.hasOwn(actor.attributes, name) ? actor.attributes[name] : undefined;
  const empty =
    value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0);
  return empty ? missing : value;
}
