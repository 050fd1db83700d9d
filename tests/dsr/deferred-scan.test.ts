import { createHash } from 'node:crypto';
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

  const certificates = async (id: string) =>
    (
      await f.db.admin('select id, jws from dsr.certificate where request_id = $1 order by version, kind', [
        id,
      ])
    ).rows as readonly { id: string; jws: string }[];
  const claimsOf = (one: { jws: string } | undefined): unknown =>
    JSON.parse(Buffer.from(one?.jws.split('.')[1] ?? '', 'base64url').toString('utf8'));
  const verify = async (certificate: string): Promise<unknown> =>
    (await f.call('verifyCertificate', { body: { certificate } })).body;

  test('asks the indexes before completion and reads everything once afterwards', async () => {
    const { id } = await erase(0);
    expect(await scans(id)).toEqual([{ scope: 'indexed', clean: true }]);
    await f.settle(dsr);
    expect(await scans(id)).toEqual([
      { scope: 'indexed', clean: true },
      { scope: 'full', clean: true },
    ]);
    const [first, second] = await certificates(id);
    expect(claimsOf(first)).toMatchObject({ absence: { scope: 'indexed', fullScan: 'deferred' } });
    expect(claimsOf(second)).toMatchObject({
      absence: { scope: 'full', fullScan: 'done' },
      follows: { jti: first?.id, sha256: createHash('sha256').update(String(first?.jws)).digest('hex') },
    });
    expect(await verify(String(first?.jws))).toMatchObject({ status: 'valid', valid: true });
    expect(await verify(String(second?.jws))).toMatchObject({ status: 'valid', valid: true });
  });

  test('reopens the request when it finds something', async () => {
    const { id, email } = await erase(1);
    await f.db.admin(
      `update marketing_campaigns.audience set definition = jsonb_build_object('note', $1::text)`,
      [email],
    );
    const [first] = await certificates(id);
    expect(await verify(String(first?.jws))).toMatchObject({ status: 'valid' });
    await dsr.worker.tick();
    expect(await verify(String(first?.jws))).toMatchObject({
      status: 'superseded',
      valid: false,
      supersededAt: f.clock.now().toISOString(),
      keyId: expect.any(String),
    });
    const { rows } = await f.db.admin(
      'select state from dsr.timeline where request_id = $1 order by version',
      [id],
    );
    expect(rows.map((row) => row.state).filter((state) => state === 'executing').length).toBeGreaterThan(1);
    expect((await scans(id)).some((scan) => scan.scope === 'full' && scan.clean === false)).toBe(true);
    await f.settle(dsr);
    const { rows: ended } = await f.db.admin('select state from dsr.request where id = $1', [id]);
    expect(ended[0]?.state).toBe('partially_completed');
  });
});
