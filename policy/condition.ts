/** A value that a condition compares with. */
export type Scalar = string | number | boolean;

/** How a field is compared, in memory and in SQL alike. */
export type FieldType =
  'uuid' | 'text' | 'integer' | 'numeric' | 'boolean' | 'timestamptz' | 'date' | 'json' | 'text[]';

/** Operators that need an order. */
export type Order = '<' | '<=' | '>' | '>=';

/**
 * A condition on one row. Every atom is true or false for a row whose fields are known; NULL equals only NULL and has no
 * place in an order. The same tree is evaluated in memory (`match-condition.ts`) and in SQL (`row-filter.ts`).
 */
export type Condition =
  | { readonly kind: 'and'; readonly of: readonly Condition[] }
  | { readonly kind: 'or'; readonly of: readonly Condition[] }
  | { readonly kind: 'not'; readonly of: Condition }
  | {
      readonly kind: 'equals';
      readonly field: string;
      readonly type: FieldType;
      readonly value: Scalar | null;
    }
  | {
      readonly kind: 'in';
      readonly field: string;
      readonly type: FieldType;
      readonly values: readonly (Scalar | null)[];
    }
  | {
      readonly kind: 'compare';
      readonly field: string;
      readonly type: FieldType;
      readonly operator: Order;
      readonly value: string | number;
    }
  | { readonly kind: 'exists'; readonly field: string; readonly type: FieldType };

/** True for every row. */
export const always: Condition = Object.freeze({ kind: 'and', of: Object.freeze([]) });

/** All of them; flat where it can be. */
export function allOf(conditions: readonly Condition[]): Condition {
  const [only] = conditions;
  return conditions.length === 1 && only !== undefined ? only : { kind: 'and', of: conditions };
}

/** Any of them. */
export function anyOf(conditions: readonly Condition[]): Condition {
  const [only] = conditions;
  return conditions.length === 1 && only !== undefined ? only : { kind: 'or', of: conditions };
}

/** Whether a condition is the trivial one. */
export function isAlways(condition: Condition): boolean {
  return condition.kind === 'and' && condition.of.length === 0;
}

/** Every field that a condition names. */
export function fieldsOf(condition: Condition, into: Set<string> = new Set()): Set<string> {
  if (condition.kind === 'and' || condition.kind === 'or') {
    for (const part of condition.of) fieldsOf(part, into);
  } else if (condition.kind === 'not') {
    fieldsOf(condition.of, into);
  } else {
    into.add(condition.field);
  }
  return into;
}
