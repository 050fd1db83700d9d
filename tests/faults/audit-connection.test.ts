import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { verifyDatabase, type Audit } from '../../audit/index.ts';
import { createDatabase, deriveConnectionUrls, type Database } from '../../db/index.ts';
import { silentLogger, type TenantId } from '../../kernel/index.ts';
import { createAuditFixture, createEvent, createPrincipal, type AuditFixture } from '../audit/fixture.ts';
import { startTcpRelay, type TcpRelay } from '../support/tcp-relay.ts';

let house: AuditFixture;
let relay: TcpRelay;
let database: Database;
beforeAll(async () => {
  house = await createAuditFixture();
  const url = new URL(house.db.adminUrl);
  relay = await startTcpRelay(Number(url.port));
  url.port = String(relay.port);
  database = createDatabase({ urls: deriveConnectionUrls(url.href), logger: silentLogger });
});
afterAll(async () => {
  await house.close();
  await database.close();
  await relay.close();
});

/** Keys of a tenant's probes, as they stand in the log. */
async function keysInLog(tenant: TenantId): Promise<readonly string[]> {
  const { rows } = await house.db.admin(
    `select targets from audit.entry where tenant_id = $1 and targets like 'probe/%' order by seq`,
    [tenant],
  );
  return (rows as { targets: string }[]).map(({ targets }) => targets.slice('probe/'.length));
}

async function produce(audit: Audit, tenant: TenantId, name: string, count: number): Promise<string[]> {
  const actor = createPrincipal(tenant);
  const acknowledged: string[] = [];
  for (let n = 0; n < count; n += 1) {
    const key = `${name}-${n}`;
    try {
      await audit.record(createEvent(tenant, { actor, targets: [{ type: 'probe', id: key }] }));
      acknowledged.push(key);
    } catch {
      // told that it is not certain: it may stand there or not, but once
    }
  }
  return acknowledged;
}

test('a connection that breaks right after the commit was sent loses nothing acknowledged and doubles nothing', async () => {
  const tenant = await house.db.createTenant();
  const audit = house.another(database);
  await audit.record(createEvent(tenant));
  const cutting = setInterval(() => relay.cutAfterSending(900), 25);
  const acknowledged = (
    await Promise.all(Array.from({ length: 8 }, (_, at) => produce(audit, tenant, `p${at}`, 60)))
  ).flat();
  clearInterval(cutting);
  const found = await keysInLog(tenant);
  expect(relay.cuts()).toBeGreaterThan(5);
  expect(new Set(found).size).toBe(found.length);
  const there = new Set(found);
  expect(acknowledged.filter((key) => !there.has(key))).toEqual([]);
  expect(acknowledged.length).toBeGreaterThan(200);
  const report = await house.db.database.withTenant(tenant, (tx) => verifyDatabase(tx, tenant));
  expect(report).toMatchObject({ findings: [] });
}, 120_000);

test('a clock that jumps forwards and backwards changes neither order nor proofs', async () => {
  const tenant = await house.db.createTenant();
  const jumps = [0, 86_400_000, -86_400_000, 3_600_000, -30 * 86_400_000, 400 * 86_400_000];
  let at = 0;
  const audit = house.another(house.db.database, {
    clock: { now: () => new Date(Date.now() + (jumps[Math.floor(at++ / 40) % jumps.length] ?? 0)) },
  });
  const keys = await produce(audit, tenant, 'jump', 120);
  expect(keys).toHaveLength(120);
  await audit.platform.advance();
  expect(await keysInLog(tenant)).toEqual(keys);
  const report = await house.db.database.withTenant(tenant, (tx) => verifyDatabase(tx, tenant));
  expect(report).toMatchObject({ findings: [] });
}, 60_000);
