import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Principal, TenantId } from '../../kernel/index.ts';
import { askThroughPortal, createDsrFixture, planAndApprove, type DsrFixture } from './dsr-fixture.ts';

type Detail = {
  state: string;
  plan: { createdBy: string; createdByName: string | null };
  approvals: { by: string; byName: string | null }[];
  timeline: {
    state: string;
    actor: string;
    actorId: string;
    actorName: string | null;
    auditSeq: number | null;
  }[];
};

describe('a request as staff see it', () => {
  let f: DsrFixture;
  let tenantId: TenantId;
  let dana: Principal;
  let robin: Principal;
  let id: string;
  beforeAll(async () => {
    f = await createDsrFixture();
    tenantId = await f.createTenant('acme', 8);
    [dana, robin] = [f.staff(tenantId, 'Dana'), f.staff(tenantId, 'Robin')];
    const email = (await f.contacts(tenantId))[0]?.email ?? '';
    id = (await askThroughPortal(f, 'acme', { type: 'erasure', email })).id;
    await planAndApprove(f, id, dana, robin);
    await f.audit.flush();
  }, 60_000);
  afterAll(() => f.close());

  const view = async (dsr = f.dsr): Promise<Detail> =>
    (await f.call('getDsrRequest', { principal: dana, params: { id } }, dsr)).body as Detail;

  test('names whoever acted as they are called now, and keeps their id', async () => {
    const names = new Map([[String(dana.id), 'Dana Newname']]);
    const dsr = f.makeDsr({ nameOf: (_tx, principalId) => Promise.resolve(names.get(principalId) ?? null) });
    const detail = await view(dsr);
    expect(detail.plan).toMatchObject({ createdBy: dana.id, createdByName: 'Dana Newname' });
    expect(detail.approvals).toMatchObject([{ by: robin.id, byName: null }]);
    const step = (state: string) => detail.timeline.find((one) => one.state === state);
    expect(step('planned')).toMatchObject({
      actor: 'Dana Newname',
      actorName: 'Dana Newname',
      actorId: dana.id,
    });
    expect(step('approved')).toMatchObject({ actor: robin.id, actorName: null });
    expect(step('received')).toMatchObject({ actor: 'Data subject', actorId: id });
  });

  test('stores no name of staff', async () => {
    const { rows } = await f.db.admin('select actor from dsr.timeline');
    const stored = rows.map((row) => String(row.actor));
    expect(stored.some((actor) => /Dana|Robin/.test(actor))).toBe(false);
  });

  test('points from every step to its event in the log', async () => {
    for (const { state, auditSeq } of (await view()).timeline) {
      const event = await f.db.database.withTenant(tenantId, (tx) => f.audit.event(tx, auditSeq ?? -1));
      expect(event.targets).toContainEqual({ type: 'dsr.request', id });
      expect(event.detail).toMatchObject(state === 'received' ? { requestId: id } : { to: state });
    }
  });

  test('sees a table changed after the catalog was read, and asks it as well', async () => {
    await f.db.admin(
      `create table marketing_contacts.note (tenant_id uuid not null, id uuid not null, contact_id uuid not null, primary key (tenant_id, id),
         foreign key (tenant_id, contact_id) references marketing_contacts.contact (tenant_id, id))`,
    );
    await expect(f.call('executeDsrRequest', { principal: dana, params: { id } })).rejects.toMatchObject({
      code: 'ERR_DSR_SYSTEM_UNREADY',
    });
    await f.db.admin('drop table marketing_contacts.note');
    const { body } = await f.call('executeDsrRequest', { principal: dana, params: { id } });
    expect(body).toMatchObject({ state: 'completed' });
  });
});
