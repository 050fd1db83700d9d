import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { TenantId } from '../../kernel/index.ts';
import { askThroughPortal, createDsrFixture, planAndApprove, type DsrFixture } from './dsr-fixture.ts';

describe('an erasure in one transaction', () => {
  let f: DsrFixture;
  let tenantId: TenantId;
  beforeAll(async () => {
    f = await createDsrFixture();
    tenantId = await f.createTenant('acme', 12);
  }, 60_000);
  afterAll(() => f.close());

  const approved = async (at: number): Promise<{ id: string; email: string; contactId: string }> => {
    const person = (await f.contacts(tenantId))[at];
    const email = person?.email ?? '';
    const { id } = await askThroughPortal(f, 'acme', { type: 'erasure', email });
    await planAndApprove(f, id, f.staff(tenantId, 'Dana'), f.staff(tenantId, 'Robin'));
    return { id, email, contactId: person?.id ?? '' };
  };
  const execute = async (id: string) =>
    (await f.call('executeDsrRequest', { principal: f.staff(tenantId, 'Dana'), params: { id } })).body as {
      state: string;
      tasks: readonly { error: string | null; attempts: number }[];
    };
  const states = async (id: string): Promise<readonly string[]> =>
    (
      await f.db.admin('select state from dsr.timeline where request_id = $1 order by version', [id])
    ).rows.map((row) => String(row.state));

  test('finds what a deferred trigger would bring back at the commit', async () => {
    const { id, email } = await approved(0);
    await f.db
      .admin(`create function marketing_contacts.hoard() returns trigger language plpgsql security definer as $$
      begin
        update marketing_campaigns.audience set definition = jsonb_build_object('kept', '${email}') where tenant_id = old.tenant_id;
        return null;
      end $$`);
    await f.db
      .admin(`create constraint trigger hoard after delete on marketing_contacts.contact deferrable initially deferred
      for each row execute function marketing_contacts.hoard()`);
    try {
      expect((await execute(id)).state).toBe('partially_completed');
    } finally {
      await f.db.admin('drop function marketing_contacts.hoard() cascade');
      await f.db.admin(`update marketing_campaigns.audience set definition = '{}'`);
    }
    const { rows } = await f.db.admin(
      'select count(*)::integer as rows from dsr.certificate where request_id = $1',
      [id],
    );
    expect(rows[0].rows).toBe(0);
  });

  test('leaves nothing of itself when a part fails, and keeps the failure of the step', async () => {
    const { id, contactId } = await approved(1);
    await f.db.admin(`create function marketing_contacts.refuse() returns trigger language plpgsql as $$
      begin raise exception 'no' using errcode = 'P0001'; end $$`);
    await f.db.admin(`create trigger refuse before delete on marketing_contacts.contact for each row
      execute function marketing_contacts.refuse()`);
    const failed = await execute(id);
    expect(failed.state).toBe('executing');
    expect(failed.tasks[0]).toMatchObject({ error: 'SQLSTATE P0001', attempts: 1 });
    const { rows } = await f.db.admin(
      `select (select count(*)::integer from marketing_contacts.contact where id = $1) as contact,
         (select count(*)::integer from marketing_engagement.event where contact_id = $1) as events`,
      [contactId],
    );
    expect(rows[0].contact).toBe(1);
    expect(rows[0].events).toBeGreaterThan(0);
    await f.db.admin('drop function marketing_contacts.refuse() cascade');
    expect((await execute(id)).state).toBe('completed');
  });

  test('goes through every state of the machine', async () => {
    const { id } = await approved(2);
    expect((await execute(id)).state).toBe('completed');
    expect((await states(id)).slice(-3)).toEqual(['executing', 'verifying_absence', 'completed']);
  });

  test('is begun by one of two who ask at the same time, and done once', async () => {
    const { id } = await approved(3);
    await Promise.all([execute(id), execute(id), f.dsr.worker.tick()]);
    await f.settle();
    expect((await states(id)).filter((state) => state === 'executing')).toHaveLength(1);
    const { rows } = await f.db.admin(
      `select (select count(*)::integer from dsr.certificate where request_id = $1::uuid) as certificates,
         (select count(*)::integer from crypto.shred_ledger where request_id = $1::uuid::text) as shredded`,
      [id],
    );
    expect(rows[0]).toEqual({ certificates: 1, shredded: 2 });
  });
});
