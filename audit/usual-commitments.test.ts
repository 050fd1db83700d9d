import { expect, test } from '@jest/globals';
import { createEvent, createPrincipal } from '../tests/audit/fixture.ts';
import { parseTenantId } from '../kernel/index.ts';
import { createUsualCommitments } from './usual-commitments.ts';

const [tenant, other] = ['1', '2'].map((n) => parseTenantId(`0${n}a208e2-bf45-71ab-b576-5b7442957b96`)) as [
  ReturnType<typeof parseTenantId>,
  ReturnType<typeof parseTenantId>,
];
const commitments = { actor: 'a'.repeat(64), origin: 'b'.repeat(64) };
const actor = Object.freeze(createPrincipal(tenant));
const from = (ip: string) => ({
  requestId: 'r',
  traceparent: null,
  origin: { ip, userAgent: 'probe', service: 'api' },
});

test('commitments come back for the same frozen actor in the same place, until they end', () => {
  const usual = createUsualCommitments();
  usual.keep(createEvent(tenant, { actor, call: from('192.0.2.1') }), commitments, 100);
  expect(usual.find(createEvent(tenant, { actor, call: from('192.0.2.1') }), 100)).toBe(commitments);
  expect(usual.find(createEvent(tenant, { actor, call: from('192.0.2.1') }), 101)).toBeNull();
  expect(usual.find(createEvent(tenant, { actor, call: from('192.0.2.2') }), 100)).toBeNull();
  expect(usual.find(createEvent(other, { actor, call: from('192.0.2.1') }), 100)).toBeNull();
});

test('an actor that may still change is not recognised', () => {
  const usual = createUsualCommitments();
  const loose = { ...actor };
  usual.keep(createEvent(tenant, { actor: loose, call: from('192.0.2.1') }), commitments, 100);
  expect(usual.find(createEvent(tenant, { actor: loose, call: from('192.0.2.1') }), 0)).toBeNull();
});
