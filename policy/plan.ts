import { rulesToCondition } from '@casl/ability/extra';
import { ruleCondition, ruleId, type HouseAbility, type HouseRule } from './ability.ts';
import type { CatalogField } from './catalog.ts';
import { allOf, always, anyOf, fieldsOf, isAlways, type Condition } from './condition.ts';
import { allRows, denial, noRows, reason, type Decision, type FieldMask } from './decision.ts';
import { fieldMaskOfRow, fieldMaskOfType, planFields, type FieldPlan } from './field-mask.ts';
import type { Row } from './match-condition.ts';
import type { RowFilter } from './row-filter.ts';

/** What an ability says about one action on one type, worked out once: decisions only look things up. */
export type Plan = {
  readonly rowFilter: RowFilter;
  /** The answer about the type as a whole. */
  readonly ofType: Decision;
  /** The answer about one row. */
  readonly ofRow: (row: Row) => Decision;
  /** Fields that some rule asks of a row. */
  readonly needs: readonly CatalogField[];
};

/** @param fields - the type's catalog */
export function createPlan(
  ability: HouseAbility,
  question: {
    readonly action: string;
    readonly type: string;
    readonly fields: readonly CatalogField[];
    readonly revision: string;
  },
): Plan {
  const { action, type, fields, revision } = question;
  const rules = ability.rulesFor(action, type);
  const fieldPlan = planFields(ability, action, type, fields);
  const rowFilter = toRowFilter(rules);
  const permit = (rule: HouseRule, fieldMask: FieldMask): Decision =>
    Object.freeze({
      decision: true,
      reasons: allowed(rule),
      rowFilter,
      fieldMask,
      obligations: Object.freeze([]),
      revision,
    });
  const refusal = (rule: HouseRule | undefined): Decision => denial(refused(rule, action, type), revision);

  return {
    rowFilter,
    ofType: decideType(rules, rowFilter, (rule) => permit(rule, fieldMaskOfType(fieldPlan, rules)), refusal),
    ofRow: rowDecider(rules, fieldPlan, permit, refusal),
    needs: neededFields(ability.possibleRulesFor(action, type), fields),
  };
}

function decideType(
  rules: readonly HouseRule[],
  rowFilter: RowFilter,
  permit: (rule: HouseRule) => Decision,
  refusal: (rule?: HouseRule) => Decision,
): Decision {
  const first = rules.find((rule) => !rule.inverted);
  if (rowFilter.kind === 'none' || first === undefined) return refusal(rules.find((rule) => rule.inverted));
  return permit(first);
}

function rowDecider(
  rules: readonly HouseRule[],
  fieldPlan: FieldPlan | null,
  permit: (rule: HouseRule, mask: FieldMask) => Decision,
  refusal: (rule?: HouseRule) => Decision,
): (row: Row) => Decision {
  const answers = new Map<HouseRule, Decision>();
  const none = refusal(undefined);
  return (row) => {
    const rule = firstMatch(rules, row);
    if (rule === null) return none;
    if (!rule.inverted && fieldPlan !== null) return permit(rule, fieldMaskOfRow(fieldPlan, row));
    let answer = answers.get(rule);
    if (answer === undefined) {
      answer = rule.inverted ? refusal(rule) : permit(rule, fieldMaskOfType(null, rules));
      answers.set(rule, answer);
    }
    return answer;
  };
}

/** What CASL's `relevantRuleFor` does, over the list that is already sorted and filtered. */
export function firstMatch(rules: readonly HouseRule[], row: Row): HouseRule | null {
  for (const rule of rules) if (rule.matchesConditions(row)) return rule;
  return null;
}

/** CASL's order of rules as one condition over rows. */
export function toRowFilter(rules: readonly HouseRule[]): RowFilter {
  const ast = rulesToCondition<HouseAbility, Condition, Condition>(
    rules,
    (rule) => (rule.inverted ? { kind: 'not', of: ruleCondition(rule) } : ruleCondition(rule)),
    { and: allOf, or: anyOf, empty: () => always },
  );
  if (ast === null) return noRows;
  return isAlways(ast) ? allRows : Object.freeze({ kind: 'condition', ast });
}

function neededFields(rules: readonly HouseRule[], fields: readonly CatalogField[]): readonly CatalogField[] {
  const names = new Set<string>();
  for (const rule of rules) fieldsOf(ruleCondition(rule), names);
  const heads = new Set([...names].map((name) => name.split('.')[0]));
  return fields.filter((field) => heads.has(field.name));
}

function allowed(rule: HouseRule): Decision['reasons'] {
  const id = ruleId(rule);
  return reason('ALLOWED', rule.reason ?? `permitted by rule ${id}`, id);
}

function refused(rule: HouseRule | undefined, action: string, type: string): Decision['reasons'] {
  if (rule === undefined)
    return reason('ERR_POLICY_NO_RULE', `no rule permits "${action}" on "${type}" here`);
  const id = ruleId(rule);
  return reason('ERR_POLICY_FORBIDDEN_BY_RULE', rule.reason ?? `forbidden by rule ${id}`, id);
}
