import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { createDataMapRegistry, encryptionPlan, type DataMap } from '../../datamap/index.ts';
import type { Dsr } from '../../dsr/index.ts';
import { loadChinook } from '../../examples/chinook/load.ts';
import { systemClock, systemRandomBytes, uuidv7, type TenantId } from '../../kernel/index.ts';
import { testUnless } from '../support/skip.ts';
import { missingVectors, vectorsFolder } from '../support/vectors.ts';
import { createDsrFixture, type DsrFixture } from './dsr-fixture.ts';

const missing = missingVectors('chinook/Chinook_PostgreSql.sql');

describe('a customer of the Chinook shop', () => {
  let f: DsrFixture;
  let dsr: Dsr;
  let tenantId: TenantId;
  let map: DataMap;
  beforeAll(async () => {
    if (missing !== null) return;
    f = await createDsrFixture();
    tenantId = await f.createTenant('shop', 0);
    const newId = (): string => uuidv7(Date.now(), systemRandomBytes);
    const registry = createDataMapRegistry({
      database: f.db.database,
      builtIn: f.dataMap,
      clock: systemClock,
    });
    const script = await readFile(join(vectorsFolder, 'chinook', 'Chinook_PostgreSql.sql'), 'utf8');
    await loadChinook({
      adminUrl: f.db.adminUrl,
      database: f.db.database,
      crypto: f.crypto,
      registry,
      audit: f.audit,
      newId,
      tenantId,
      script,
    });
    dsr = f.makeDsr({ dataMap: registry });
    map = await registry.current(tenantId);
  }, 120_000);
  afterAll(async () => {
    if (missing === null) await f.close();
  });

  const email = 'luisg@embraer.com.br';
  const tableHash = async (table: string, where: string): Promise<string> =>
    String(
      (
        await f.db.admin(
          `select md5(coalesce(string_agg(t::text, '|' order by t::text), '')) || count(*) as hash from chinook.${table} t where ${where}`,
        )
      ).rows[0]?.hash,
    );
  const enter = async (type: string): Promise<string> => {
    const body = { type, law: 'gdpr', email, identity: { method: 'letter' } };
    const { body: made } = await f.call(
      'createDsrRequest',
      { principal: f.staff(tenantId, 'Dana'), body },
      dsr,
    );
    return (made as { id: string }).id;
  };

  testUnless(
    missing,
    'gets a copy of everything, then is erased while the invoices stay, byte for byte',
    async () => {
      const dana = f.staff(tenantId, 'Dana');
      const access = await enter('access');
      await f.call('planDsrRequest', { principal: dana, params: { id: access } }, dsr);
      const given = await f.call('executeDsrRequest', { principal: dana, params: { id: access } }, dsr);
      expect(given.body).toMatchObject({
        state: 'completed',
        tasks: expect.arrayContaining([
          expect.objectContaining({
            system: 'chinook',
            counts: expect.objectContaining({
              'chinook.customer': 1,
              'chinook.invoice': 7,
              'chinook.invoice_line': 38,
            }),
          }),
        ]),
      });

      const { rows } = await f.db.admin(`select customer_id from chinook.customer where customer_id = 1`);
      expect(rows).toHaveLength(1);
      const [customers, invoices, lines] = [
        await tableHash('customer', 'customer_id <> 1'),
        await tableHash('invoice', 'true'),
        await tableHash('invoice_line', 'true'),
      ];
      const erasure = await enter('erasure');
      const planned = await f.call('planDsrRequest', { principal: dana, params: { id: erasure } }, dsr);
      const plan = (planned.body as { plan: { hash: string } }).plan;
      await f.call(
        'approveDsrPlan',
        { principal: f.staff(tenantId, 'Robin'), params: { id: erasure }, body: { planHash: plan.hash } },
        dsr,
      );
      const done = await f.call('executeDsrRequest', { principal: dana, params: { id: erasure } }, dsr);
      expect(done.body).toMatchObject({ state: 'completed', absence: { state: 'clean', findings: [] } });
      expect((done.body as { certificate: unknown }).certificate).not.toBeNull();

      expect((await f.db.admin('select 1 from chinook.customer where customer_id = 1')).rows).toEqual([]);
      expect([
        await tableHash('customer', 'true'),
        await tableHash('invoice', 'true'),
        await tableHash('invoice_line', 'true'),
      ]).toEqual([customers, invoices, lines]);
      expect(await readableAddress()).toBe('Av. Brigadeiro Faria Lima, 2170');
    },
    120_000,
  );

  const readableAddress = async (): Promise<unknown> => {
    const collection = map.collection('chinook.invoice');
    if (collection === null) throw new Error('the invoices are not mapped');
    return f.db.database.withTenant(tenantId, async (tx) => {
      const { rows } = await tx.run({
        sql: 'select * from chinook.invoice where customer_id = 1 order by invoice_id limit 1',
        parameters: [],
      });
      return (await f.crypto.openRows(tx, encryptionPlan(collection), rows, ['billing_address']))[0]?.[
        'billing_address'
      ];
    });
  };
});
