import { Ability, type AbilityTuple, type RawRuleFrom, type RuleOf } from '@casl/ability';
import type { CatalogField } from './catalog.ts';
import { always, isAlways, type Condition } from './condition.ts';
import { compileMatcher, type Row } from './match-condition.ts';
import { parseCondition } from './parse-condition.ts';
import { resolveTemplates, type Actor } from './resolve-templates.ts';
import type { PolicyRule } from './schema.ts';
import { detectTaggedType } from './subject-tag.ts';

/** Conditions as CASL carries them: our own tree, and what an unknown field means (a permit fails, a prohibition holds). */
export type CompiledCondition = { readonly ast: Condition; readonly whenUnknown: boolean };
/** The abilities of this house. */
export type HouseAbility = Ability<AbilityTuple<string, string | Row>, CompiledCondition>;
/** A rule inside an ability. */
export type HouseRule = RuleOf<HouseAbility>;
type RawRule = RawRuleFrom<AbilityTuple<string, string | Row>, CompiledCondition> & { readonly id: string };

/** A rule of a role, with the name by which reasons speak of it: `role#index`. */
export type NamedRule = { readonly id: string; readonly rule: PolicyRule | null };

/** What an ability is built from. */
export type AbilityInput = {
  readonly rules: readonly NamedRule[];
  readonly actor: Actor;
  readonly purpose: string | null;
  readonly fieldsOf: (type: string) => readonly CatalogField[];
};

/** How a field that is given in masked form only is called among a rule's fields. */
export const maskedName = (field: string): string => `masked:${field}`;

/**
 * Builds the CASL ability of one principal. A forbidding rule wins whatever its place, so that the order in which roles
 * are joined never matters. A rule that cannot be decided (a missing attribute, an unknown field, a broken text) closes:
 * a permit grants nothing, a prohibition forbids without condition.
 */
export function buildAbility(input: AbilityInput): HouseAbility {
  const permits: RawRule[] = [];
  const forbids: RawRule[] = [];
  for (const { id, rule } of input.rules) {
    if (rule === null)
      forbids.push({
        id,
        action: 'manage',
        subject: 'all',
        inverted: true,
        reason: 'a stored rule is broken',
      });
    else if (rule.inverted === true) forbids.push(...rawRules(id, rule, input));
    else if (
      rule.purposes === undefined ||
      (input.purpose !== null && rule.purposes.includes(input.purpose))
    ) {
      permits.push(...rawRules(id, rule, input));
    }
  }
  return new Ability<AbilityTuple<string, string | Row>, CompiledCondition>([...permits, ...forbids], {
    conditionsMatcher: toMatcher,
    fieldMatcher: (fields) => {
      const names = new Set(fields);
      return (field) => names.has(field);
    },
    detectSubjectType: detectTaggedType,
  });
}

/** The id that a rule was given, `role#index`. */
export function ruleId(rule: HouseRule): string {
  return (rule.origin as unknown as RawRule).id; // every raw rule above has one
}

/** A rule's condition; the trivial one when it has none. */
export function ruleCondition(rule: HouseRule): Condition {
  return rule.conditions?.ast ?? always;
}

function rawRules(id: string, rule: PolicyRule, input: AbilityInput): RawRule[] {
  const inverted = rule.inverted === true;
  const subjects = Array.isArray(rule.subject) ? rule.subject : [rule.subject];
  const result: RawRule[] = [];
  for (const subject of subjects) {
    const conditions = compileConditions(rule, subject, input);
    if (conditions === null && !inverted) continue;
    result.push({
      id,
      action: rule.action,
      subject,
      inverted,
      ...(rule.fields === undefined ? {} : { fields: abilityFields(rule.fields, rule) }),
      ...(conditions === null || isAlways(conditions.ast) ? {} : { conditions }),
      ...(rule.reason === undefined ? {} : { reason: rule.reason }),
    });
  }
  return result;
}

/** A clear field may be shown masked as well; a masked one only so; a forbidden one in neither way. */
function abilityFields(fields: readonly string[], rule: PolicyRule): string[] {
  return fields.flatMap((field) =>
    rule.mask?.includes(field) === true ? [maskedName(field)] : [field, maskedName(field)],
  );
}

function compileConditions(rule: PolicyRule, subject: string, input: AbilityInput): CompiledCondition | null {
  const whenUnknown = rule.inverted === true;
  if (rule.conditions === undefined) return { ast: always, whenUnknown };
  const resolved = resolveTemplates(rule.conditions, input.actor);
  if (resolved === null) return null;
  try {
    return { ast: parseCondition(resolved, input.fieldsOf(subject)), whenUnknown };
  } catch {
    return null; // the catalog changed under a stored rule, or an attribute has the wrong type: closed either way
  }
}

function toMatcher(compiled: CompiledCondition): ((row: Row) => boolean) & { ast: never } {
  const match = compileMatcher(compiled.ast);
  const matcher = (row: Row): boolean => match(row) ?? compiled.whenUnknown;
  return Object.assign(matcher, { ast: compiled.ast as never }); // CASL only passes the tree through
}
