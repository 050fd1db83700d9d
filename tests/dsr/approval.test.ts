import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Principal, TenantId } from '../../kernel/index.ts';
import { askThroughPortal, createDsrFixture, planAndApprove, type DsrFixture } from './dsr-fixture.ts';

describe('four eyes and drift', () => {
  let f: DsrFixture;
  let tenantId: TenantId;
  let dana: Principal;
  let robin: Principal;
  let people: Awaited<ReturnType<DsrFixture['contacts']>>;
  let next = 0;
  beforeAll(async () => {
    f = await createDsrFixture();
    tenantId = await f.createTenant('acme', 30);
    dana = f.staff(tenantId, 'Dana');
    robin = f.staff(tenantId, 'Robin');
    people = await f.contacts(tenantId);
  }, 60_000);
  afterAll(() => f.close());

  const verified = async (): Promise<{ id: string; ticket: string; person: (typeof people)[number] }> => {
    const person = people[(next += 1)];
    if (person === undefined) throw new Error('too few people');
    return { ...(await askThroughPortal(f, 'acme', { type: 'erasure', email: person.email })), person };
  };
  const plan = async (id: string): Promise<string> =>
    ((await f.call('planDsrRequest', { principal: dana, params: { id } })).body as { plan: { hash: string } })
      .plan.hash;
  const stateOf = async (id: string): Promise<string> =>
    (await f.db.admin('select state from dsr.request where id = $1', [id])).rows[0].state;

  test('refuses the planner as approver', async () => {
    const { id } = await verified();
    const planHash = await plan(id);
    await expect(
      f.call('approveDsrPlan', { principal: dana, params: { id }, body: { planHash } }),
    ).rejects.toMatchObject({ code: 'ERR_DSR_FOUR_EYES', status: 403 });
    expect(await stateOf(id)).toBe('planned');
  });

  test('refuses a plan that a service account made, until a person makes it anew and another approves', async () => {
    const { id } = await verified();
    const machine = f.machine(tenantId, 'svc-dpo');
    await f.call('planDsrRequest', { principal: machine, params: { id } });
    const { plan_hash: planHash } = (
      await f.db.admin('select plan_hash from dsr.request where id = $1', [id])
    ).rows[0];
    for (const principal of [robin, machine])
      await expect(
        f.call('approveDsrPlan', { principal, params: { id }, body: { planHash } }),
      ).rejects.toMatchObject({
        code: 'ERR_DSR_PLAN_WITHOUT_PERSON',
        status: 403,
        message: expect.stringContaining('a plan that a person answers for'),
      });
    expect(await stateOf(id)).toBe('planned');
    const insert = (kind: string | null) =>
      f.db.admin(
        `insert into dsr.approval (tenant_id, request_id, plan_hash, planned_by, planned_by_kind, approved_by, approved_at, assurance_level, authenticated_at) values ($1, $2, $3, $4, $5, $6, now(), 2, now())`,
        [tenantId, id, planHash, machine.id, kind, robin.id],
      );
    await expect(insert('user')).rejects.toMatchObject({ constraint: 'approval_names_the_kind_of_planner' });
    for (const kind of ['service_account', null])
      await expect(insert(kind)).rejects.toMatchObject({ constraint: 'approval_takes_a_person_as_planner' });
    f.clock.advance(1_000);
    const anew = await plan(id);
    await expect(
      f.call('approveDsrPlan', {
        principal: f.machine(tenantId, 'svc-dpo'),
        params: { id },
        body: { planHash: anew },
      }),
    ).rejects.toMatchObject({ code: 'ERR_DSR_FOUR_EYES', status: 403 });
    await f.call('approveDsrPlan', { principal: robin, params: { id }, body: { planHash: anew } });
    expect(await stateOf(id)).toBe('approved');
  });

  test('refuses an approver without fresh second factor, whatever let the call through', async () => {
    const { id } = await verified();
    const planHash = await plan(id);
    await expect(
      f.call('approveDsrPlan', {
        principal: f.staff(tenantId, 'Weak', 1),
        params: { id },
        body: { planHash },
      }),
    ).rejects.toMatchObject({ code: 'ERR_DSR_FOUR_EYES' });
    const stale = {
      ...robin,
      assurance: { ...robin.assurance, authenticatedAt: new Date(f.clock.now().getTime() - 3_600_000) },
    };
    await expect(
      f.call('approveDsrPlan', { principal: stale, params: { id }, body: { planHash } }),
    ).rejects.toMatchObject({ code: 'ERR_DSR_FOUR_EYES' });
  });

  test('is kept by the database even against direct SQL of the administrator', async () => {
    const { id } = await verified();
    const planHash = await plan(id);
    const insert = (planned: string, approved: string) =>
      f.db.admin(
        `insert into dsr.approval (tenant_id, request_id, plan_hash, planned_by, approved_by, approved_at, assurance_level, authenticated_at) values ($1, $2, $3, $4, $5, now(), 2, now())`,
        [tenantId, id, planHash, planned, approved],
      );
    await expect(insert(dana.id, dana.id)).rejects.toMatchObject({ constraint: 'approval_takes_two_people' });
    await expect(insert(robin.id, dana.id)).rejects.toMatchObject({
      constraint: 'approval_names_the_planner',
    });
    for (const state of ['approved', 'executing', 'completed']) {
      await expect(
        f.db.admin(`update dsr.request set state = $2, version = version + 1 where id = $1`, [id, state]),
      ).rejects.toMatchObject({ code: '23514' });
    }
    await expect(
      f.db.admin(`update dsr.request set state = 'refused', version = version + 1 where id = $1`, [id]),
    ).rejects.toMatchObject({ constraint: 'request_state_is_in_timeline' });
    await expect(
      f.db.admin(`update dsr.plan set document = '{}' where request_id = $1`, [id]),
    ).rejects.toMatchObject({ code: '42501' });
    await expect(f.db.admin(`delete from dsr.timeline where request_id = $1`, [id])).rejects.toMatchObject({
      code: '42501',
    });
  });

  test('approves only the plan that was read', async () => {
    const { id } = await verified();
    const old = await plan(id);
    f.clock.advance(1_000);
    const fresh = await plan(id);
    expect(fresh).not.toBe(old);
    robin = f.staff(tenantId, 'Robin');
    await expect(
      f.call('approveDsrPlan', { principal: robin, params: { id }, body: { planHash: old } }),
    ).rejects.toMatchObject({ code: 'ERR_DSR_PLAN_CHANGED' });
  });

  test('refuses to execute when the rows moved beyond tolerance, and sends it back to planning', async () => {
    const { id, person } = await verified();
    await planAndApprove(f, id, dana, f.staff(tenantId, 'Robin'));
    await f.db.admin(
      `insert into marketing_engagement.event (tenant_id, id, subject_id, contact_id, kind, occurred_at) select $1, gen_random_uuid(), $2, $3, 'page_viewed', now() from generate_series(1, 500)`,
      [tenantId, person.subjectId, person.id],
    );
    await expect(f.call('executeDsrRequest', { principal: dana, params: { id } })).rejects.toMatchObject({
      code: 'ERR_DSR_PLAN_DRIFTED',
    });
    expect(await stateOf(id)).toBe('verified');
    const { rows } = await f.db.admin(
      'select count(*)::integer as rows from marketing_contacts.contact where id = $1',
      [person.id],
    );
    expect(rows[0].rows).toBe(1);
  });

  test('goes on within tolerance, and takes the new rows along', async () => {
    const { id, person } = await verified();
    await planAndApprove(f, id, dana, f.staff(tenantId, 'Robin'));
    await f.db.admin(
      `insert into marketing_engagement.event (tenant_id, id, subject_id, contact_id, kind, occurred_at) values ($1, gen_random_uuid(), $2, $3, 'page_viewed', now())`,
      [tenantId, person.subjectId, person.id],
    );
    await f.settle();
    expect(await stateOf(id)).toBe('completed');
    const { rows } = await f.db.admin(
      'select count(*)::integer as rows from marketing_engagement.event where contact_id = $1',
      [person.id],
    );
    expect(rows[0].rows).toBe(0);
  });

  test('cannot complete while a free-text column still names the person; a retry after mending can', async () => {
    const { id, person } = await verified();
    await f.db.admin(
      `update marketing_campaigns.audience set definition = jsonb_build_object('note', 'call ' || $1::text) where id = (select min(id::text)::uuid from marketing_campaigns.audience where tenant_id = $2)`,
      [person.email.toUpperCase(), tenantId],
    );
    await planAndApprove(f, id, dana, f.staff(tenantId, 'Robin'));
    await f.settle();
    expect(await stateOf(id)).toBe('partially_completed');
    const { body } = await f.call('getDsrRequest', { principal: dana, params: { id } });
    expect(body).toMatchObject({
      certificate: null,
      absence: {
        state: 'left_behind',
        findings: [
          expect.objectContaining({
            table: 'marketing_campaigns.audience',
            column: 'definition',
            kind: 'text',
            rows: 1,
          }),
        ],
      },
    });
    await f.db.admin(`update marketing_campaigns.audience set definition = '{}' where definition ? 'note'`);
    await f.call('executeDsrRequest', { principal: dana, params: { id } });
    await f.settle();
    expect(await stateOf(id)).toBe('completed');
  });

  test('fails, and never succeeds, when a table that the map names is gone or its rights are missing', async () => {
    const { id } = await verified();
    await planAndApprove(f, id, dana, f.staff(tenantId, 'Robin'));
    await f.db.admin('revoke delete on marketing_contacts.consent from gatehouse_app');
    await expect(f.call('executeDsrRequest', { principal: dana, params: { id } })).rejects.toMatchObject({
      code: 'ERR_DSR_SYSTEM_UNREADY',
    });
    await f.db.admin('grant delete on marketing_contacts.consent to gatehouse_app');
    await f.db.admin('alter table marketing_contacts.consent drop constraint consent_pkey');
    await expect(f.call('executeDsrRequest', { principal: dana, params: { id } })).rejects.toMatchObject({
      code: 'ERR_DSR_SYSTEM_UNREADY',
    });
    await f.db.admin('alter table marketing_contacts.consent add primary key (tenant_id, id)');
    await f.settle();
    expect(await stateOf(id)).toBe('completed');
  });
});
