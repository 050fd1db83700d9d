import { maskedName, ruleCondition, type HouseAbility, type HouseRule } from './ability.ts';
import type { CatalogField } from './catalog.ts';
import { isAlways } from './condition.ts';
import { allFields, type FieldMask } from './decision.ts';
import type { Row } from './match-condition.ts';

type FieldRules = {
  readonly name: string;
  readonly clear: readonly HouseRule[];
  readonly masked: readonly HouseRule[];
};
/** Rules per field; null stands for "no rule speaks of fields". */
export type FieldPlan = readonly FieldRules[];

/** Works out which rules decide each field. */
export function planFields(
  ability: HouseAbility,
  action: string,
  type: string,
  fields: readonly CatalogField[],
): FieldPlan | null {
  const rules = ability.possibleRulesFor(action, type);
  if (rules.every((rule) => rule.fields === undefined)) return null;
  const named = rules.flatMap((rule) => rule.fields ?? []).filter((name) => !name.startsWith('masked:'));
  const masked = rules
    .flatMap((rule) => rule.fields ?? [])
    .filter((name) => name.startsWith('masked:'))
    .map((name) => name.slice(7));
  const names = new Set([...fields.map((field) => field.name), ...named, ...masked]);
  return [...names].map((name) => ({
    name,
    clear: ability.rulesFor(action, type, name),
    masked: ability.rulesFor(action, type, maskedName(name)),
  }));
}

/** The mask for one row whose values are known. */
export function fieldMaskOfRow(plan: FieldPlan, row: Row): FieldMask {
  const permits = (rules: readonly HouseRule[]): boolean => {
    const rule = rules.find((candidate) => candidate.matchesConditions(row));
    return rule !== undefined && !rule.inverted;
  };
  return toMask(plan, permits);
}

/**
 * The one mask for all rows of a decision's row filter. A field counts as readable only when its own rules provably cover
 * every row that the filter lets through: the same prohibitions, and for each permit one with the same condition or none.
 * Where two permits differ in rows and in fields, the field that only one of them gives is left out: narrower, never wider.
 */
export function fieldMaskOfType(plan: FieldPlan | null, rules: readonly HouseRule[]): FieldMask {
  if (plan === null) return allFields;
  const forbids = rules.filter((rule) => rule.inverted);
  const permits = rules.filter((rule) => !rule.inverted).map(conditionKey);
  const covers = (own: readonly HouseRule[]): boolean => {
    if (!own.every((rule) => !rule.inverted || forbids.includes(rule))) return false;
    const given = new Set(own.filter((rule) => !rule.inverted).map(conditionKey));
    return permits.length > 0 && (given.has(unconditional) || permits.every((key) => given.has(key)));
  };
  return toMask(plan, covers);
}

const unconditional = 'always';

function conditionKey(rule: HouseRule): string {
  const condition = ruleCondition(rule);
  return isAlways(condition) ? unconditional : JSON.stringify(condition);
}

function toMask(plan: FieldPlan, permits: (rules: readonly HouseRule[]) => boolean): FieldMask {
  const readable: string[] = [];
  const masked: string[] = [];
  for (const field of plan) {
    if (permits(field.clear)) readable.push(field.name);
    else if (permits(field.masked)) masked.push(field.name);
  }
  return Object.freeze({ readable: Object.freeze(readable), masked: Object.freeze(masked) });
}
