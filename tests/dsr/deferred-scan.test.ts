import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Dsr } from '../../dsr/index.ts';
import type { TenantId } from '../../kernel/index.ts';
import { askThroughPortal, createDsrFixture, planAndApprove, type DsrFixture } from './dsr-fixture.ts';

describe('a scan too large to wait for', () => {
  let f: DsrFixture;
  let dsr: Dsr;
  let tenantId: TenantId;
  beforeAll(async () => {
    f = await createDsrFixture();
    tenantId = await f.createTenant('acme', 6);
    dsr = f.makeDsr({ options: { fullScanBudgetPages: 0 } });
  }, 60_000);
  afterAll(() => f.close());

  const erase = async (at: number): Promise<{ id: string; email: string }> => {
    const email = (await f.contacts(tenantId))[at]?.email ?? '';
    const { id } = await askThroughPortal(f, 'acme', { type: 'erasure', email });
    await planAndApprove(f, id, f.staff(tenantId, 'Dana'), f.staff(tenantId, 'Robin'));
    await f.call('executeDsrRequest', { principal: f.staff(tenantId, 'Dana'), params: { id } }, dsr);
    return { id, email };
  };
  const scans = async (id: string) =>
    (await f.db.admin('select scope, clean from dsr.absence where request_id = $1 order by run', [id])).rows;

  test('asks the indexes before completion and reads everything once afterwards', async () => {
    const { id } = await erase(0);
    expect(await scans(id)).toEqual([{ scope: 'indexed', clean: true }]);
    await f.settle(dsr);
    expect(await scans(id)).toEqual([
      { scope: 'indexed', clean: true },
      { scope: 'full', clean: true },
    ]);
  });

  test('reopens the request when it finds something', async () => {
    const { id, email } = await erase(1);
    await f.db.admin(
      `update marketing_campaigns.audience set definition = jsonb_build_object('note', $1::text)`,
      [email],
    );
    await dsr.worker.tick();
    const { rows } = await f.db.admin(
      'select state from dsr.timeline where request_id = $1 order by version',
      [id],
    );
    expect(rows.map((row) => row.state).filter((state) => state === 'executing').length).toBeGreaterThan(1);
    expect((await scans(id)).some((scan) => scan.scope === 'full' && !scan.clean)).toBe(true);
    await f.settle(dsr);
    const { rows: ended } = await f.db.admin('select state from dsr.request where id = $1', [id]);
    expect(ended[0]?.state).toBe('partially_completed');
  });
});
