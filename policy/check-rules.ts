import type { CatalogField } from './catalog.ts';
import { policyError } from './errors.ts';
import { parseCondition } from './parse-condition.ts';
import { resolveTemplates, templateNames } from './resolve-templates.ts';
import type { PolicyRule } from './schema.ts';

/**
 * Refuses rules that could never be decided: conditions on a type without fields, unknown fields or operators, values of
 * the wrong type, half templates. What only a principal's attributes can tell is left to the decision, which closes.
 *
 * @throws ERR_POLICY_INVALID_RULE, ERR_POLICY_UNKNOWN_FIELD, with the rule's place in `details`
 */
export function checkRules(
  rules: readonly PolicyRule[],
  fieldsOf: (type: string) => readonly CatalogField[] | null,
): void {
  rules.forEach((rule, index) => {
    const subjects = Array.isArray(rule.subject) ? rule.subject : [rule.subject];
    for (const subject of subjects) checkRule(rule, index, subject, fieldsOf(subject));
  });
}

function checkRule(
  rule: PolicyRule,
  index: number,
  subject: string,
  fields: readonly CatalogField[] | null,
): void {
  if (fields !== null) checkFields(rule, index, subject, fields);
  if (rule.conditions === undefined) return;
  if (fields === null) {
    throw policyError(
      'ERR_POLICY_INVALID_RULE',
      `rule ${index} has conditions on "${subject}", which has no fields; declare the resource type first`,
      { details: { index } },
    );
  }
  if (templateNames(rule.conditions).size > 0) {
    checkKeys(rule.conditions, fields);
    return;
  }
  parseCondition(rule.conditions, fields);
}

function checkFields(
  rule: PolicyRule,
  index: number,
  subject: string,
  fields: readonly CatalogField[],
): void {
  const unknown = rule.fields?.find((name) => fields.every((field) => field.name !== name));
  if (unknown !== undefined) {
    throw policyError(
      'ERR_POLICY_UNKNOWN_FIELD',
      `rule ${index} names the field "${unknown}", which "${subject}" does not have`,
      { details: { index } },
    );
  }
}

/** With templates the values are not known yet: stand-ins of the right type are tried for each. */
function checkKeys(conditions: unknown, fields: readonly CatalogField[]): void {
  const standIns: readonly unknown[] = [
    'text',
    '00000000-0000-7000-8000-000000000000',
    '2000-01-01',
    '2000-01-01T00:00:00Z',
    1,
    true,
  ];
  const names = [...templateNames(conditions)]
    .filter((name) => name.startsWith('attributes.'))
    .map((name) => name.slice(11));
  let last: unknown;
  for (const standIn of standIns) {
    const attributes = Object.fromEntries(names.map((name) => [name, standIn]));
    const id = '00000000-0000-7000-8000-000000000000';
    try {
      parseCondition(resolveTemplates(conditions, { id, email: 'a@example.com', attributes }), fields);
      return;
    } catch (error) {
      last = error;
    }
  }
  throw last;
}
