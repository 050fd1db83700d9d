import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createLogVerifier, type LogVerifier } from '../../audit/health/verify-logs.ts';
import { silentLogger, type TenantId } from '../../kernel/index.ts';
import { createAuditFixture, createEvent, type AuditFixture } from './fixture.ts';

let house: AuditFixture;
let tenant: TenantId;
let now = Date.now();
beforeAll(async () => {
  house = await createAuditFixture();
  tenant = await house.db.createTenant('health');
  await house.audit.recordMany([createEvent(tenant), createEvent(tenant), createEvent(tenant)]);
});
afterAll(() => house.close());

const verifier = (maxEntries = 1_000): LogVerifier =>
  createLogVerifier({
    database: house.db.database,
    clock: { now: () => new Date(now) },
    logger: silentLogger,
    audit: () => house.audit,
    maxEntries,
  });
const stateOf = async (name: string): Promise<string | undefined> =>
  (await house.audit.logHealth(tenant)).checks.find((check) => check.name === name)?.state;

test('a log that was never verified asks for attention, a sound one does not', async () => {
  expect(await stateOf('verification')).toBe('attention');
  expect(await verifier().verifyDue()).toBeGreaterThan(0);
  expect(await stateOf('verification')).toBe('ok');
  const { ok, figures } = await house.audit.logHealth(tenant);
  expect(ok).toBe(true);
  expect(figures).toMatchObject({ gaps: 0, verification: { state: 'sound', size: 3, findings: 0 } });
  expect(Math.abs(figures.clockSkewMilliseconds)).toBeLessThan(2_000);
});

test('a log is verified again after a day, not sooner', async () => {
  expect(await verifier().verifyDue()).toBe(0);
  now += 86_400_000;
  expect(await verifier().verifyDue()).toBeGreaterThan(0);
});

test('a log that is too large is said to be, and is no alarm', async () => {
  expect(await verifier(1).verify(tenant)).toMatchObject({ state: 'too_large', findings: 0 });
  expect(await stateOf('verification')).toBe('attention');
});

test('a changed byte makes the verification fail, with an event and an unhealthy log', async () => {
  await house.audit.flush();
  await house.db.admin('alter table audit.entry disable trigger user');
  const flip = `update audit.entry set body = set_byte(body, 40, get_byte(body, 40) # 1) where tenant_id = $1 and seq = 1`;
  await house.db.admin(flip, [tenant]);
  expect(await verifier().verify(tenant)).toMatchObject({ state: 'unsound', firstBadSeq: 1 });
  await house.db.admin(flip, [tenant]);
  expect(await stateOf('verification')).toBe('failing');
  expect((await house.audit.logHealth(tenant)).ok).toBe(false);
  await house.audit.flush();
  const { items } = await house.db.database.withTenant(tenant, (tx) =>
    house.audit.search(tx, { action: 'audit.log_verified', outcome: 'failure', limit: 10 }),
  );
  expect(items).toMatchObject([{ reason: 'unsound' }]);
});
