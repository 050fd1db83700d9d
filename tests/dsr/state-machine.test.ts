import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { requestStates, requestTypes, transitions, type RequestState } from '../../dsr/index.ts';
import type { TenantId } from '../../kernel/index.ts';
import { createDsrFixture, type DsrFixture } from './dsr-fixture.ts';

/** What anybody may try on a request, in any order. */
const commands = [
  'wrong code',
  'right code',
  'plan',
  'self-approve',
  'approve',
  'execute',
  'tick',
  'refuse',
  'withdraw',
  'add event',
  'add flood',
  'month later',
] as const;
type CommandName = (typeof commands)[number];

describe('the state machine', () => {
  let f: DsrFixture;
  let tenantId: TenantId;
  beforeAll(async () => {
    f = await createDsrFixture();
    tenantId = await f.createTenant('acme', 120);
  }, 120_000);
  afterAll(() => f.close());

  test('is the same table in the code and in the database', async () => {
    const { rows } = await f.db.admin(
      'select request_type, from_state, to_state from dsr.allowed_transition',
    );
    const inDatabase = rows.map((row) => `${row.request_type} ${row.from_state} ${row.to_state}`).toSorted();
    const inCode = transitions
      .flatMap(({ types, from, to }) => types.map((type) => `${type} ${from} ${to}`))
      .toSorted();
    expect(inDatabase).toEqual(inCode);
  });

  test('reaches every state, and nothing leaves a refused, withdrawn or expired request', () => {
    for (const type of requestTypes) {
      const reached = new Set<RequestState>(['received']);
      for (let round = 0; round < requestStates.length; round += 1) {
        for (const one of transitions)
          if (one.types.includes(type) && reached.has(one.from)) reached.add(one.to);
      }
      const expected =
        type === 'erasure'
          ? requestStates
          : requestStates.filter((state) => state !== 'approved' && state !== 'verifying_absence');
      expect([...reached].toSorted()).toEqual([...expected].toSorted());
    }
    expect(
      transitions.filter(({ from }) => from === 'refused' || from === 'withdrawn' || from === 'expired'),
    ).toEqual([]);
  });

  test('the database refuses every step that is not in the table, whoever asks', async () => {
    const asked = await f.call('openPortalRequest', {
      params: { slug: 'acme' },
      body: { type: 'access', law: 'gdpr', email: 'steps@example.org' },
    });
    const { rows } = await f.db.admin(
      `select id, state from dsr.request where ticket_hash = sha256(convert_to($1, 'UTF8'))`,
      [(asked.body as { ticket: string }).ticket],
    );
    const allowed = new Set(
      transitions
        .filter((one) => one.from === 'verifying' && one.types.includes('access'))
        .map((one) => one.to),
    );
    for (const to of requestStates.filter((state) => !allowed.has(state))) {
      await expect(
        f.db.admin('update dsr.request set state = $2, version = version + 1 where id = $1', [
          rows[0].id,
          to,
        ]),
      ).rejects.toMatchObject({ code: '23514' });
    }
  });

  test('holds its promises over random histories', async () => {
    const people = await f.contacts(tenantId);
    let next = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('erasure' as const, 'access' as const),
        fc.array(fc.constantFrom(...commands), { minLength: 3, maxLength: 14 }),
        async (type, history) => {
          const person = people[(next += 1) % people.length];
          if (person === undefined) throw new Error('too few people');
          await playHistory(type, person, ['right code', ...history]);
        },
      ),
      { numRuns: 15, endOnFailure: true },
    );
  }, 240_000);

  async function playHistory(
    type: 'erasure' | 'access',
    person: Awaited<ReturnType<DsrFixture['contacts']>>[number],
    history: readonly CommandName[],
  ): Promise<void> {
    const slug = { slug: 'acme' };
    const asked = await f.call('openPortalRequest', {
      params: slug,
      body: { type, law: 'ccpa', email: person.email },
    });
    let { ticket } = asked.body as { ticket: string };
    const { rows } = await f.db.admin(
      `select id from dsr.request where ticket_hash = sha256(convert_to($1, 'UTF8'))`,
      [ticket],
    );
    const id = String(rows[0].id);
    const dana = f.staff(tenantId, 'Dana');
    const addEvents = (count: number) =>
      f.db.admin(
        `insert into marketing_engagement.event (tenant_id, id, subject_id, contact_id, kind, occurred_at) select tenant_id, gen_random_uuid(), subject_id, id, 'page_viewed', now() from marketing_contacts.contact, generate_series(1, $2) where id = $1`,
        [person.id, count],
      );
    const planHash = async (): Promise<string> =>
      (await f.db.admin('select plan_hash from dsr.request where id = $1', [id])).rows[0].plan_hash ??
      '0'.repeat(64);
    const run: Record<CommandName, () => Promise<unknown>> = {
      'wrong code': () => f.call('verifyPortalRequest', { params: slug, body: { ticket, code: '00000000' } }),
      'right code': async () => {
        await f.dsr.worker.tick();
        const proved = await f.call('verifyPortalRequest', {
          params: slug,
          body: { ticket, code: f.codeFor(person.email) },
        });
        ({ ticket } = proved.body as { ticket: string });
      },
      plan: () => f.call('planDsrRequest', { principal: dana, params: { id } }),
      'self-approve': async () => {
        const hash = await planHash();
        await expect(
          f.call('approveDsrPlan', { principal: dana, params: { id }, body: { planHash: hash } }),
        ).rejects.toBeDefined();
      },
      approve: async () =>
        f.call('approveDsrPlan', {
          principal: f.staff(tenantId, 'Robin'),
          params: { id },
          body: { planHash: await planHash() },
        }),
      execute: () => f.call('executeDsrRequest', { principal: dana, params: { id } }),
      tick: () => f.dsr.worker.tick(),
      refuse: () =>
        f.call('refuseDsrRequest', {
          principal: dana,
          params: { id },
          body: { reason: 'a reason', citation: 'GDPR Article 12(5)' },
        }),
      withdraw: () => f.call('withdrawPortalRequest', { params: slug, body: { ticket } }),
      'add event': () => addEvents(1),
      'add flood': () => addEvents(60),
      'month later': async () => f.clock.advance(46 * 86_400_000),
    };
    for (const name of history)
      await run[name]().catch((error: unknown) => expect((error as { code?: string }).code).toMatch(/^ERR_/));
    await checkPromises(type, id, person.id);
  }

  async function checkPromises(type: 'erasure' | 'access', id: string, contactId: string): Promise<void> {
    const { rows: timeline } = await f.db.admin(
      'select state, version from dsr.timeline where request_id = $1 order by version',
      [id],
    );
    const states = timeline.map((row) => row.state as RequestState);
    for (let at = 1; at < states.length; at += 1) {
      expect(
        transitions.some(
          (one) => one.from === states[at - 1] && one.to === states[at] && one.types.includes(type),
        ),
      ).toBe(true);
    }
    const { rows } = await f.db.admin(
      'select state, version, identity_level from dsr.request where id = $1',
      [id],
    );
    expect([rows[0].state, rows[0].version]).toEqual([states.at(-1), timeline.length]);
    const { rows: erased } = await f.db.admin(
      'select count(*)::integer as rows from marketing_contacts.contact where id = $1',
      [contactId],
    );
    const { rows: approvals } = await f.db.admin(
      'select planned_by, approved_by from dsr.approval where request_id = $1',
      [id],
    );
    if (states.includes('executing') && type === 'erasure') {
      expect(approvals.length).toBeGreaterThan(0);
      expect(approvals.every((one) => one.planned_by !== one.approved_by)).toBe(true);
    }
    if (rows[0].state === 'completed' && type === 'erasure') expect(erased[0].rows).toBe(0);
    await f.audit.flush();
    const { rows: logged } = await f.db.admin(
      `select count(*)::integer as rows from audit.entry where action = 'dsr.state_changed' and targets like '%' || $1 || '%'`,
      [id],
    );
    expect(logged[0].rows).toBe(timeline.length - 1);
  }
});
