import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { canonicalJson, type CanonicalValue } from './canonical-json.ts';
import { findDrift, parsePlan, sealPlan, type PlanDocument } from './plan-document.ts';

const plan: PlanDocument = {
  format: 'gatehouse-dsr-plan/1',
  requestId: 'r',
  tenantId: 't',
  type: 'erasure',
  law: 'gdpr',
  lawVersion: 1,
  dataMapRevision: 'm',
  createdAt: '2026-11-02T09:00:00.000Z',
  createdBy: 'p',
  identity: { subjects: ['s'], found: [], sharedIdentifiers: 0 },
  steps: [
    {
      order: 1,
      system: 'a',
      collection: 'a.b',
      table: 'a.b',
      action: 'delete',
      path: 'subject_id',
      rows: 100,
      exemption: null,
      fields: [],
      note: null,
    },
  ],
  totals: { delete: 100, fields: 0, keep: 0, export: 0 },
  tolerance: { percent: 10, rows: 5 },
  warnings: [],
};
const withRows = (rows: number): PlanDocument => ({
  ...plan,
  steps: plan.steps.map((step) => ({ ...step, rows })),
});

describe('a plan', () => {
  test('has one byte form whatever the order of its members', () => {
    const value = fc.letrec<{ json: CanonicalValue }>((tie) => ({
      json: fc.oneof(
        { maxDepth: 3 },
        fc.string(),
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('json'), { maxLength: 4 }),
        fc.dictionary(fc.string(), tie('json'), { maxKeys: 4, noNullPrototype: true }),
      ),
    })).json;
    fc.assert(
      fc.property(value, (json) => {
        const text = canonicalJson(json);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(json)));
        expect(canonicalJson(JSON.parse(text) as CanonicalValue)).toBe(text);
      }),
    );
    expect(canonicalJson({ b: 1, a: [true, null, 'x'] })).toBe('{"a":[true,null,"x"],"b":1}');
    expect(() => canonicalJson(1.5)).toThrow(RangeError);
  });

  test('changes its hash with any change', () => {
    expect(sealPlan(plan).hash).not.toBe(sealPlan(withRows(101)).hash);
    expect(parsePlan(sealPlan(plan).text)).toEqual(plan);
  });

  test('tolerates ten percent or five rows, whichever is more, and no more', () => {
    for (const rows of [90, 100, 110]) expect(findDrift(plan, withRows(rows))).toEqual([]);
    for (const rows of [89, 111]) expect(findDrift(plan, withRows(rows))).toHaveLength(1);
    expect(findDrift(withRows(0), withRows(5))).toEqual([]);
    expect(findDrift(withRows(0), withRows(6))).toHaveLength(1);
  });

  test('never tolerates other people, another map or a collection that is gone', () => {
    expect(
      findDrift(plan, { ...plan, identity: { ...plan.identity, subjects: ['s', 'other'] } }),
    ).toHaveLength(1);
    expect(findDrift(plan, { ...plan, dataMapRevision: 'n' })).toHaveLength(1);
    expect(findDrift(plan, { ...plan, steps: [] })).toHaveLength(1);
  });
});
