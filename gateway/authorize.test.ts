import { describe, expect, test } from '@jest/globals';
import { sql } from '../db/index.ts';
import { fieldCatalog } from '../datamap/index.ts';
import { loadBuiltInDataMap } from '../examples/marketing/data-map.ts';
import { parsePrincipalId, parseTenantId, type Principal } from '../kernel/index.ts';
import { authorize, type Grant } from './authorize.ts';
import { openCall } from './call.ts';
import type { GatewayObligation, Parts, Verdict } from './ports.ts';

const id = '0193a000-0000-7000-8000-000000000001';
const now = new Date('2026-11-23T12:00:00Z');
const principal = (level: 1 | 2, minutesAgo: number | null, kind: Principal['kind'] = 'user'): Principal => ({
  kind,
  tenantId: parseTenantId(id),
  id: parsePrincipalId(id),
  displayName: 'somebody',
  email: null,
  roles: [],
  attributes: {},
  assurance: {
    level,
    authenticatedAt: minutesAgo === null ? null : new Date(now.getTime() - minutesAgo * 60_000),
    methods: [],
  },
  sessionId: null,
});

async function grantWith(obligations: readonly GatewayObligation[], who = principal(2, 1)) {
  const recorded: unknown[] = [];
  const verdict: Verdict = {
    decision: true,
    reasons: [{ code: 'ALLOWED', message: '', rule: 'r#0' }],
    fieldMask: { readable: 'all', masked: [] },
    obligations,
    revision: '1',
    where: () => sql`true`,
  };
  const parts = {
    decide: async () => verdict,
    clock: { now: () => now },
    audit: { append: async () => undefined, record: async (event: unknown) => void recorded.push(event) },
  } as unknown as Parts; // authorize uses no other part
  const map = loadBuiltInDataMap();
  const context = {
    requestId: 'r',
    traceparent: null,
    origin: { ip: null, userAgent: null, service: 'test' },
  };
  const call = openCall(
    { principal: who, context, map, service: 'contacts', collection: 'contact', purpose: 'marketing' },
    'read',
  );
  expect(call.catalog).toEqual(fieldCatalog(map, 'contacts.contact'));
  return {
    recorded,
    grant: await authorize(parts, call, 'read').catch((error: unknown) => error as { code: string }),
  };
}

describe('obligations', () => {
  test.each(['require_approval', 'watermark', 'notify', 'something_new'])(
    '"%s" cannot be fulfilled here, so it is a recorded denial',
    async (type) => {
      const { grant, recorded } = await grantWith([{ id: '1', type, properties: {} }]);
      expect(grant).toMatchObject({ code: 'ERR_GATEWAY_OBLIGATION', status: 403 });
      expect(recorded).toMatchObject([{ outcome: 'denied', reason: 'ERR_GATEWAY_OBLIGATION' }]);
    },
  );

  test('a mask without a list of fields is a denial, with one it masks them', async () => {
    expect((await grantWith([{ id: '1', type: 'mask', properties: {} }])).grant).toMatchObject({
      code: 'ERR_GATEWAY_OBLIGATION',
    });
    const { grant } = await grantWith([{ id: '1', type: 'mask', properties: { fields: ['last_name'] } }]);
    expect([...(grant as Grant).masked]).toEqual(['last_name']);
    expect((grant as Grant).clear.has('last_name')).toBe(false);
  });

  test.each([
    ['a fresh second factor', principal(2, 1), null],
    ['one factor', principal(1, 1), 'ERR_STEP_UP_REQUIRED'],
    ['an old second factor', principal(2, 20), 'ERR_STEP_UP_REQUIRED'],
    ['a machine', principal(2, null, 'service_account'), 'ERR_STEP_UP_REQUIRED'],
  ])('a step-up with %s', async (_what, who, code) => {
    const { grant } = await grantWith(
      [{ id: '1', type: 'step_up', properties: { level: 2, maxAgeSeconds: 300 } }],
      who,
    );
    expect((grant as { code?: string }).code ?? null).toBe(code);
  });
});
