import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from '@jest/globals';
import {
  createGuardrail,
  fromInstances,
  guardrailFiles,
  loadGuardrail,
  type GuardrailInput,
  type LoadedPolicy,
} from './guardrail.ts';

const input = (overrides: Partial<GuardrailInput> = {}): GuardrailInput => ({
  now: '2026-11-23T12:00:00.000Z',
  action: 'read',
  resource: { type: 'contacts.contact', governed: true, personal: true, purposes: ['marketing', 'support'] },
  purpose: 'marketing',
  principal: { kind: 'user', assurance: { level: 2, methods: ['pwd', 'otp'], ageSeconds: 60 } },
  ...overrides,
});
const assurance = (level: number, ageSeconds: number | null = 60, kind = 'user') => ({
  kind,
  assurance: { level, methods: [], ageSeconds },
});
const codes = (given: GuardrailInput): readonly string[] =>
  loaded.evaluate(given).deny.map(({ code }) => code);
const loaded = loadGuardrail();
const failure = expect.objectContaining({ code: 'ERR_POLICY_GUARDRAIL_FAILED' }) as unknown as Error;

describe('the guardrails', () => {
  test('reading personal data needs a declared purpose from the allowed list', () => {
    expect(codes(input())).toEqual([]);
    expect(codes(input({ purpose: null }))).toEqual(['ERR_POLICY_PURPOSE_REQUIRED']);
    expect(codes(input({ purpose: 'curiosity' }))).toEqual(['ERR_POLICY_PURPOSE_NOT_ALLOWED']);
    expect(codes(input({ action: 'export', purpose: null }))).toEqual(['ERR_POLICY_PURPOSE_REQUIRED']);
    expect(codes(input({ purpose: null, resource: { ...input().resource, personal: false } }))).toEqual([]);
  });
  test.each(['delete', 'dsr.execute', 'crypto.shred', 'crypto.rotate'])(
    '%s needs assurance level 2, and says how to get it',
    (action) => {
      expect(loaded.evaluate(input({ action }))).toEqual({ deny: [], obligations: [] });
      expect(loaded.evaluate(input({ action, principal: assurance(1) }))).toMatchObject({
        deny: [{ code: 'ERR_POLICY_ASSURANCE' }],
        obligations: [{ type: 'step_up', properties: { level: 2 } }],
      });
    },
  );
  test('a machine has no second factor to step up to', () => {
    expect(codes(input({ action: 'delete', principal: assurance(1, null, 'service_account') }))).toEqual([]);
  });
  test('a sign-in that lies in the future closes', () => {
    expect(codes(input({ action: 'delete', principal: assurance(2, -3_600) }))).toEqual([
      'ERR_POLICY_GUARDRAIL',
    ]);
  });
});

describe('failing closed', () => {
  test.each(['now', 'purpose', 'principal'])(
    'an input without %s gives no result, which is a failure',
    (name) => {
      const { [name as 'now']: _gone, ...rest } = input();
      expect(() => loaded.evaluate(rest as GuardrailInput)).toThrow(failure);
    },
  );
  test('bytes that are not the committed ones are refused', () => {
    const bytes = readFileSync(guardrailFiles.wasm);
    const hash = readFileSync(guardrailFiles.hash, 'utf8').trim();
    expect(createGuardrail(bytes, hash).version).toBe(hash.slice(0, 8));
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
    expect(() => createGuardrail(bytes, hash)).toThrow(failure);
  });
  test('bytes that are not WebAssembly are refused even with their own hash', () => {
    const bytes = Buffer.from('not wasm');
    expect(() => createGuardrail(bytes, createHash('sha256').update(bytes).digest('hex'))).toThrow(failure);
  });
  test('an input beyond the memory cap traps, and the next evaluation runs in a fresh instance', () => {
    const huge = input({
      resource: {
        ...input().resource,
        purposes: Array.from({ length: 200_000 }, (_, index) => `purpose-${index}-${'x'.repeat(40)}`),
      },
    });
    expect(() => loaded.evaluate(huge)).toThrow(failure);
    expect(codes(input())).toEqual([]);
  });
  test.each<readonly [string, LoadedPolicy]>([
    [
      'an abort, which the SDK throws as a string',
      {
        evaluate: () => {
          throw 'opa_malloc: failed'; // oxlint-disable-line eslint/no-throw-literal, typescript/only-throw-error -- what the SDK does
        },
      },
    ],
    ['no result', { evaluate: () => [] }],
    ['a result of another shape', { evaluate: () => [{ result: { deny: 'none' } }] }],
    [
      'an unknown denial code',
      { evaluate: () => [{ result: { deny: [{ code: 'X', message: '' }], obligations: [] } }] },
    ],
    [
      'an unknown obligation type',
      {
        evaluate: () => [{ result: { deny: [], obligations: [{ id: 'a', type: 'sing', properties: {} }] } }],
      },
    ],
  ])('%s is a failure', (_name, instance) => {
    expect(() => fromInstances(() => instance, 'test').evaluate(input())).toThrow(failure);
  });
  test('an instance that threw is never used again', () => {
    let made = 0;
    const guardrail = fromInstances(() => {
      made += 1;
      const turn = made;
      return {
        evaluate: () => {
          if (turn === 1) throw 'trap'; // oxlint-disable-line eslint/no-throw-literal, typescript/only-throw-error -- what the SDK does
          return [{ result: { deny: [], obligations: [] } }];
        },
      };
    }, 'test');
    expect(() => guardrail.evaluate(input())).toThrow(failure);
    guardrail.evaluate(input());
    guardrail.evaluate(input());
    expect(made).toBe(2);
  });
  test('an evaluation that took longer than its budget is not believed', () => {
    const slow: LoadedPolicy = {
      evaluate: () => {
        const until = performance.now() + 5;
        while (performance.now() < until);
        return [{ result: { deny: [], obligations: [] } }];
      },
    };
    expect(() => fromInstances(() => slow, 'test', 1).evaluate(input())).toThrow(failure);
  });
});

test('where no guardrail applies the decision is empty whatever else the input says, so that it may be skipped', () => {
  const actions = [
    'read',
    'export',
    'update',
    'create',
    'delete',
    'dsr.execute',
    'crypto.shred',
    'crypto.rotate',
    'audit.read',
    'policy.manage',
    'x',
  ];
  const whole = fc.record({
    now: fc.constant('2026-11-23T12:00:00.000Z'),
    action: fc.constantFrom(...actions),
    resource: fc.record({
      type: fc.constantFrom('contacts.contact', 'audit', 'todo'),
      governed: fc.boolean(),
      personal: fc.boolean(),
      purposes: fc.constantFrom([], ['marketing']),
    }),
    purpose: fc.constantFrom(null, 'marketing', 'curiosity'),
    principal: fc.record({
      kind: fc.constantFrom('user', 'service_account', 'system', 'external'),
      assurance: fc.record({
        level: fc.constantFrom(1, 2, 3),
        methods: fc.constant([]),
        ageSeconds: fc.constantFrom(null, -3_600, 0, 60),
      }),
    }),
  });
  let skipped = 0;
  fc.assert(
    fc.property(whole, (given) => {
      if (loaded.applies(given.action, given.resource)) return;
      skipped += 1;
      expect(loaded.evaluate(given)).toEqual({ deny: [], obligations: [] });
    }),
    { numRuns: 500 },
  );
  expect(skipped).toBeGreaterThan(100);
});

test('"applies" looks at the action and the resource alone, so that its answer may be remembered', () => {
  const rego = readFileSync(new URL('./rego/guardrail.rego', import.meta.url), 'utf8');
  const bodyOf = (name: string): string =>
    rego
      .split(/\n\n/)
      .filter((block) => block.replace(/^#.*\n/gm, '').startsWith(name))
      .join('\n');
  const reached = ['default applies', 'applies if', 'touches_personal_data', 'destroys'].map(bodyOf);
  for (const body of reached) {
    expect(body).not.toBe('');
    const named = [...body.matchAll(/input\.([a-z]+)(?:\.([a-z]+))?/g)].map(([, head, tail]) =>
      head === 'resource' ? `resource.${tail}` : head,
    );
    expect(
      named.every((name) => ['action', 'resource.personal', 'resource.governed'].includes(String(name))),
    ).toBe(true);
  }
});
