import { expect, test } from '@jest/globals';
import { allFields, allRows, denial, reason, type Decision, type Obligation } from './decision.ts';
import { enforceObligations, requireAllowed } from './obligations.ts';

const permit = (obligations: readonly Obligation[]): Decision => ({
  decision: true,
  reasons: reason('ALLOWED', 'test', 'a#0'),
  rowFilter: allRows,
  fieldMask: allFields,
  obligations,
  revision: '1-x',
});
const watermark: Obligation = { id: 'w', type: 'watermark', properties: {} };
const stepUp: Obligation = { id: 's', type: 'step_up', properties: { level: 2 } };
const weak = denial(reason('ERR_POLICY_ASSURANCE', 'weak'), '1-x', [stepUp]);

test('an obligation that the enforcement point does not know is a denial: no rows, no fields', () => {
  expect(enforceObligations(permit([watermark]), ['step_up'])).toMatchObject({
    decision: false,
    reasons: [{ code: 'ERR_POLICY_UNKNOWN_OBLIGATION' }],
    rowFilter: { kind: 'none' },
    fieldMask: { readable: [], masked: [] },
  });
  expect(() => requireAllowed(permit([watermark]), [])).toThrow(
    expect.objectContaining({ code: 'ERR_POLICY_UNKNOWN_OBLIGATION', status: 403 }) as unknown as Error,
  );
});

test('a known obligation stays with the decision', () => {
  const decision = permit([watermark]);
  expect(enforceObligations(decision, ['watermark'])).toBe(decision);
});

test('a denial that a second factor would turn asks for it, where the caller can', () => {
  expect(() => requireAllowed(weak, ['step_up'])).toThrow(
    expect.objectContaining({ code: 'ERR_STEP_UP_REQUIRED', status: 401 }) as unknown as Error,
  );
  expect(() => requireAllowed(weak, [])).toThrow(
    expect.objectContaining({ status: 403 }) as unknown as Error,
  );
});
