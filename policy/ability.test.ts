import { describe, expect, test } from '@jest/globals';
import { buildAbility, type HouseAbility } from './ability.ts';
import type { CatalogField } from './catalog.ts';
import { fieldMaskOfRow, fieldMaskOfType, planFields } from './field-mask.ts';
import { allFields, type FieldMask } from './decision.ts';
import type { PolicyRule } from './schema.ts';
import { tagRow } from './subject-tag.ts';

const fields: readonly CatalogField[] = ['id', 'region', 'email', 'ip'].map((name) => ({
  name,
  column: name,
  type: 'text',
  filterable: true,
}));
const ability = (rules: readonly PolicyRule[], purpose: string | null = null): HouseAbility =>
  buildAbility({
    rules: rules.map((rule, index) => ({ id: `test#${index}`, rule })),
    actor: { id: '1', email: null, attributes: {} },
    purpose,
    fieldsOf: () => fields,
  });

describe('types of rows', () => {
  const draft = ability([{ action: 'update', subject: 'draft' }]);
  test.each([
    '{"__caslSubjectType__":"draft"}',
    '{"constructor":{"name":"draft"}}',
    '{"constructor":{"modelName":"draft"}}',
    '{}',
  ])('an untagged %s is denied', (body) => {
    expect(draft.can('update', JSON.parse(body) as Record<string, unknown>)).toBe(false);
  });
  test('only the tag counts', () => {
    expect(
      draft.can(
        'update',
        tagRow(JSON.parse('{"__caslSubjectType__":"published"}') as Record<string, unknown>, 'draft'),
      ),
    ).toBe(true);
    expect(
      draft.can(
        'update',
        tagRow(JSON.parse('{"__caslSubjectType__":"draft"}') as Record<string, unknown>, 'published'),
      ),
    ).toBe(false);
  });
});

test('a forbidding rule wins whatever its place', () => {
  const forbid: PolicyRule = {
    action: 'read',
    subject: 'contact',
    inverted: true,
    conditions: { region: 'DE' },
  };
  const permit: PolicyRule = { action: 'read', subject: 'contact' };
  for (const rules of [
    [forbid, permit],
    [permit, forbid],
  ]) {
    expect(ability(rules).can('read', tagRow({ region: 'DE' }, 'contact'))).toBe(false);
    expect(ability(rules).can('read', tagRow({ region: 'PL' }, 'contact'))).toBe(true);
  }
});

test('a rule that could not be read forbids everything', () => {
  const broken = buildAbility({
    rules: [
      { id: 'a#0', rule: { action: 'read', subject: 'contact' } },
      { id: 'a#1', rule: null },
    ],
    actor: { id: '1', email: null, attributes: {} },
    purpose: null,
    fieldsOf: () => fields,
  });
  expect(broken.can('read', 'contact')).toBe(false);
});

test('an unknown value fails a permit and holds a prohibition', () => {
  const permit: PolicyRule = { action: 'read', subject: 'contact', conditions: { region: { $ne: 'DE' } } };
  expect(ability([permit]).can('read', tagRow({ region: null }, 'contact'))).toBe(true);
  expect(ability([permit]).can('read', tagRow({}, 'contact'))).toBe(false);
  const forbid: PolicyRule = {
    action: 'read',
    subject: 'contact',
    inverted: true,
    conditions: { region: 'DE' },
  };
  expect(ability([{ action: 'read', subject: 'contact' }, forbid]).can('read', tagRow({}, 'contact'))).toBe(
    false,
  );
});

describe('field masks', () => {
  const ofType = (rules: readonly PolicyRule[], purpose: string | null = null): FieldMask => {
    const built = ability(rules, purpose);
    return fieldMaskOfType(planFields(built, 'read', 'contact', fields), built.rulesFor('read', 'contact'));
  };
  const pl = { region: 'PL' };
  const base: PolicyRule = {
    action: 'read',
    subject: 'contact',
    fields: ['id', 'region', 'email'],
    mask: ['email'],
    conditions: pl,
  };

  test('without rules on fields every field is readable', () => {
    expect(ofType([{ action: 'read', subject: 'contact' }])).toBe(allFields);
  });
  test('a masked field is not readable, one that no rule names is neither', () => {
    expect(ofType([base])).toEqual({ readable: ['id', 'region'], masked: ['email'] });
  });
  test('a second rule for the same rows unmasks, with its purpose only', () => {
    const unmask: PolicyRule = {
      action: 'read',
      subject: 'contact',
      fields: ['email'],
      purposes: ['support'],
      conditions: pl,
    };
    expect(ofType([base, unmask], 'support')).toEqual({ readable: ['id', 'region', 'email'], masked: [] });
    expect(ofType([base, unmask], 'marketing')).toEqual({ readable: ['id', 'region'], masked: ['email'] });
    expect(ofType([base, unmask])).toEqual({ readable: ['id', 'region'], masked: ['email'] });
  });
  test('a field that is readable on some of the rows only is left out for the type, and given for such a row', () => {
    const rules: readonly PolicyRule[] = [
      { action: 'read', subject: 'contact', fields: ['id'] },
      { action: 'read', subject: 'contact', fields: ['ip'], conditions: pl },
    ];
    expect(ofType(rules)).toEqual({ readable: ['id'], masked: [] });
    const plan = planFields(ability(rules), 'read', 'contact', fields);
    expect(plan === null ? null : fieldMaskOfRow(plan, tagRow({ region: 'PL' }, 'contact'))).toEqual({
      readable: ['id', 'ip'],
      masked: [],
    });
    expect(plan === null ? null : fieldMaskOfRow(plan, tagRow({ region: 'DE' }, 'contact'))).toEqual({
      readable: ['id'],
      masked: [],
    });
  });
  test('a forbidden field is given in neither form', () => {
    const forbid: PolicyRule = {
      action: 'read',
      subject: 'contact',
      fields: ['email', 'ip'],
      inverted: true,
    };
    expect(ofType([{ action: 'read', subject: 'contact' }, forbid])).toEqual({
      readable: ['id', 'region'],
      masked: [],
    });
    expect(ofType([base, forbid])).toEqual({ readable: ['id', 'region'], masked: [] });
  });
  test('a field forbidden on some rows is left out for the type', () => {
    const forbid: PolicyRule = {
      action: 'read',
      subject: 'contact',
      fields: ['email'],
      inverted: true,
      conditions: pl,
    };
    expect(ofType([{ action: 'read', subject: 'contact' }, forbid])).toEqual({
      readable: ['id', 'region', 'ip'],
      masked: [],
    });
  });
});
