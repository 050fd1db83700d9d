import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { verifyDatabase, type VerifyReport } from '../../audit/index.ts';
import { parseSubjectId, type Principal, type TenantId } from '../../kernel/index.ts';
import {
  createAuditFixture,
  createEvent,
  createPrincipal,
  newId,
  type AuditFixture,
} from '../audit/fixture.ts';

/** Pruning is killed under load, and races with holds. */

const day = 86_400_000;
let house: AuditFixture;
beforeAll(async () => {
  house = await createAuditFixture();
});
afterAll(() => house.close());

const verify = (tenant: TenantId): Promise<VerifyReport> =>
  house.db.database.withTenant(tenant, (tx) => verifyDatabase(tx, tenant), {
    readOnly: true,
    isolation: 'repeatable read',
  });
const pruned = async (tenant: TenantId): Promise<number> => {
  const { rows } = await house.db.admin(
    'select coalesce(sum(bit_count(removed)), 0)::integer as n from audit.pruned_tile where tenant_id = $1',
    [tenant],
  );
  return rows[0].n;
};

/** A log of old events whose pruning is decided and begun, but not carried on. */
async function createDecided(
  events: number,
): Promise<{ readonly tenant: TenantId; readonly first: Principal }> {
  const tenant = await house.db.createTenant();
  const past = house.another(house.db.database, { clock: { now: () => new Date(Date.now() - 800 * day) } });
  const [first, second] = [createPrincipal(tenant, 'First'), createPrincipal(tenant, 'Second')];
  for (let at = 0; at < events; at += 512)
    await past.recordMany(Array.from({ length: 512 }, () => createEvent(tenant, { actor: first })));
  const decide = async (action: string, payload: unknown): Promise<void> => {
    const { id, digest } = await house.db.database.withTenant(tenant, (tx) =>
      house.control.propose(tx, { action, payload, reason: 'the policy', proposedBy: first }),
    );
    await house.control.approve(id, second, digest);
  };
  await decide('audit.change_retention', { days: { data: 365 }, text: 'A year.' });
  await decide('audit.prune', { policyRevision: 1 });
  return { tenant, first };
}

/** Runs the child until it finished so many batches, then kills it. */
async function killAfter(tenant: TenantId, batches: number): Promise<void> {
  const script = join(import.meta.dirname, 'audit-prune-child.ts');
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', script, house.db.adminUrl, house.rootFile, tenant],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let out = '';
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
    if (out.split('\n').length > batches) child.kill('SIGKILL');
  });
  const signal = await new Promise((done) => child.on('close', (_code, by) => done(by)));
  if (signal !== 'SIGKILL') throw new Error(`the child ended by itself: ${errors}`);
}

test('SIGKILL while it prunes under load: what went is noted and vouched for, and another process goes on', async () => {
  const { tenant } = await createDecided(2_048);
  for (const batches of [1, 2]) {
    await killAfter(tenant, batches);
    await house.audit.flush();
    const report = await verify(tenant);
    expect(report).toMatchObject({ findings: [], pruned: await pruned(tenant) });
    expect(report.pruned).toBeLessThan(2_048);
  }
  while ((await house.audit.pruning.tick()) > 0);
  await house.audit.flush();
  expect(await verify(tenant)).toMatchObject({ findings: [], pruned: 2_048 });
}, 120_000);

test('a hold placed while it prunes: nothing goes once the hold was answered', async () => {
  const { tenant, first } = await createDecided(2_048);
  const small = house.another(house.db.database, { pruneBatchEntries: 128 });
  let stopped = false;
  const pruning = Promise.all(
    [1, 2].map(async () => {
      while (!stopped) await small.pruning.tick();
    }),
  );
  while ((await pruned(tenant)) === 0) await new Promise((wake) => setTimeout(wake, 5));
  await house.db.database.withTenant(tenant, (tx) =>
    house.audit.holds.place(tx, first, { scope: { kind: 'log' }, reason: 'a lawsuit' }),
  );
  const atHold = await pruned(tenant);
  await new Promise((wake) => setTimeout(wake, 500));
  stopped = true;
  await pruning;
  expect(await pruned(tenant)).toBe(atHold);
  expect(atHold).toBeLessThan(2_048);
  await house.audit.flush();
  expect((await verify(tenant)).findings).toEqual([]);
}, 120_000);

test('a hold placed while keys are destroyed: each key either went before the hold or stays', async () => {
  const tenant = await house.db.createTenant();
  const by = createPrincipal(tenant, 'First');
  await house.audit.prepare(tenant);
  const people = Array.from({ length: 24 }, () => parseSubjectId(newId()));
  let answered = false;
  let late = 0;
  const shredding = people.map(async (person, at) => {
    await new Promise((wake) => setTimeout(wake, at * 5));
    const beganLate = answered;
    try {
      await house.db.database.withTenant(tenant, (tx) =>
        house.crypto.shred(tx, [person], { requestId: newId(), reason: 'erasure', actor: by }),
      );
      if (beganLate) late += 1;
      return 'destroyed';
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_AUDIT_HELD' });
      return 'kept';
    }
  });
  await new Promise((wake) => setTimeout(wake, 40));
  await house.db.database.withTenant(tenant, (tx) =>
    house.audit.holds.place(tx, by, { scope: { kind: 'log' }, reason: 'a lawsuit' }),
  );
  answered = true;
  const { rows } = await house.db.admin(
    `select count(*)::integer as n from crypto.dek where tenant_id = $1 and subject_id is not null and state = 'shredded'`,
    [tenant],
  );
  const outcomes = await Promise.all(shredding);
  expect(late).toBe(0);
  expect(outcomes.at(-1)).toBe('kept');
  expect(outcomes.filter((one) => one === 'destroyed')).toHaveLength(rows[0].n);
}, 60_000);
