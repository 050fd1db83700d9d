import type { Condition, Order, Scalar } from './condition.ts';

/** A row as conditions see it: normalised values by field name; a field that is absent is unknown, not null. */
export type Row = Readonly<Record<string, unknown>>;

/** True, false, or undefined when the row does not tell. */
export type Truth = boolean | undefined;

/** A condition made ready to run. */
export type Matcher = (row: Row) => Truth;

/**
 * Compiles a condition to a closure, once. Three-valued (Kleene): what is unknown stays unknown through `not`, so that
 * the caller can close on it.
 */
export function compileMatcher(condition: Condition): Matcher {
  switch (condition.kind) {
    case 'and':
      return every(condition.of.map(compileMatcher), true);
    case 'or':
      return every(condition.of.map(compileMatcher), false);
    case 'not': {
      const inner = compileMatcher(condition.of);
      return (row) => {
        const truth = inner(row);
        return truth === undefined ? undefined : !truth;
      };
    }
    case 'equals': {
      const { value } = condition;
      return atom(condition.field, (actual) => equalsOrHolds(actual, value));
    }
    case 'in': {
      const values = new Set<unknown>(condition.values);
      return atom(condition.field, (actual) =>
        Array.isArray(actual) ? actual.some((item) => item !== null && values.has(item)) : values.has(actual),
      );
    }
    case 'compare': {
      const { operator, value } = condition;
      return atom(condition.field, (actual) => inOrder(actual, operator, value));
    }
    case 'exists':
      return atom(condition.field, (actual) => actual !== null);
  }
}

/** `until` true: and (false wins); `until` false: or (true wins). */
function every(matchers: readonly Matcher[], until: boolean): Matcher {
  const [only] = matchers;
  if (matchers.length === 1 && only !== undefined) return only;
  return (row) => {
    let result: Truth = until;
    for (const matcher of matchers) {
      const truth = matcher(row);
      if (truth === !until) return !until;
      if (truth === undefined) result = undefined;
    }
    return result;
  };
}

function atom(key: string, test: (actual: unknown) => boolean): Matcher {
  if (!key.includes('.')) {
    return (row) => {
      const actual = row[key];
      return actual === undefined ? undefined : test(actual);
    };
  }
  const [head = key, ...path] = key.split('.');
  return (row) => {
    const actual = row[head];
    return actual === undefined ? undefined : test(follow(actual, path));
  };
}

/** What `#>` gives: null where the path ends early or leaves objects. */
function follow(value: unknown, path: readonly string[]): unknown {
  let current = value;
  for (const name of path) {
    if (
      typeof current !== 'object' ||
      current === null ||
      Array.isArray(current) ||
      !Object.hasOwn(current, name)
    )
      return null;
    current = (current as Record<string, unknown>)[name]; // just checked
  }
  return current === undefined ? null : current;
}

function equalsOrHolds(actual: unknown, value: Scalar | null): boolean {
  return actual === value || (value !== null && Array.isArray(actual) && actual.includes(value));
}

function inOrder(actual: unknown, operator: Order, bound: string | number): boolean {
  if (typeof actual !== typeof bound) return false;
  const sign =
    typeof actual === 'string'
      ? compareText(actual, String(bound))
      : Math.sign(Number(actual) - Number(bound));
  if (operator === '<') return sign < 0;
  if (operator === '<=') return sign <= 0;
  return operator === '>' ? sign > 0 : sign >= 0;
}

/** Order of `collate "C"`: by code point, where JavaScript's own order is by UTF-16 unit. */
function compareText(left: string, right: string): number {
  return left === right ? 0 : Buffer.compare(Buffer.from(left), Buffer.from(right));
}
