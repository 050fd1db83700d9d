import type { Row } from './match-condition.ts';

/** What we answer for an object that nobody tagged; no rule can name it, since types begin with a letter. */
export const untyped = '\u0000untyped';

const types = new WeakMap<object, string>();

/**
 * Says which type a row is. CASL's own detection reads `__caslSubjectType__`, `constructor.name` and `modelName` from the
 * object, so a JSON body could choose its type (CASL #1332, #1371); a tag beside the object cannot be forged from within.
 */
export function tagRow(row: Row, type: string): Row {
  types.set(row, type);
  return row;
}

/** The only `detectSubjectType` that abilities of this house use. */
export function detectTaggedType(subject: object): string {
  return types.get(subject) ?? untyped;
}
