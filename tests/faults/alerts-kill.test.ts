import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ruleDefinitionSchema } from '../../audit/alerts/rule.ts';
import type { Principal, TenantId } from '../../kernel/index.ts';
import { createAuditFixture, createEvent, createPrincipal, type AuditFixture } from '../audit/fixture.ts';

const eventsRecorded = 510;
let house: AuditFixture;
let tenantId: TenantId;
let admin: Principal;
beforeAll(async () => {
  house = await createAuditFixture();
  tenantId = await house.db.createTenant('alerts-kill');
  admin = createPrincipal(tenantId);
}, 60_000);
afterAll(() => house.close());

/** Follows in a process of its own; `milliseconds` after it began it is killed. @returns whether it came to the end */
function follow(milliseconds: number | null): Promise<boolean> {
  const script = join(import.meta.dirname, 'alerts-kill-worker.ts');
  const args = [house.db.adminUrl, house.rootFile, tenantId];
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
    if (milliseconds !== null && out.startsWith('begun'))
      setTimeout(() => child.kill('SIGKILL'), milliseconds);
  });
  return new Promise((done, fail) => {
    child.on('close', (code, signal) => {
      if (signal !== 'SIGKILL' && code !== 0) fail(new Error(`the follower failed: ${errors}`));
      else done(out.includes('done'));
    });
  });
}

test('a follower killed again and again loses no alert and raises none twice', async () => {
  const { rules, alerts, backtest } = house.audit.alerting;
  const definition = ruleDefinitionSchema.parse({
    kind: 'threshold',
    filter: { action: 'contacts.*' },
    by: 'actor',
    count: 17,
    windowSeconds: 86_400,
    quietSeconds: 0,
  });
  const query = { definition, since: null, to: null, signal: new AbortController().signal };
  const input = { name: 'seventeen', severity: 'low', definition } as const;
  await house.audit.prepare(tenantId);
  const inTenant = house.db.database.withTenant;
  const { id } = await inTenant(tenantId, (tx) => rules.create(tx, admin, input));
  for await (const line of backtest(admin, { ...query, ruleId: id, from: null })) void line;
  await inTenant(tenantId, (tx) => rules.enable(tx, admin, id));
  const people = [1, 2, 3].map((at) => createPrincipal(tenantId, `Person ${at}`));
  for (let at = 0; at < eventsRecorded; at += 51)
    await house.audit.recordMany(
      Array.from({ length: 51 }, (_, n) =>
        createEvent(tenantId, { actor: people[(at + n) % people.length] ?? admin }),
      ),
    );
  let killed = 0;
  for (const milliseconds of [60, 150, 250]) if (!(await follow(milliseconds))) killed += 1;
  expect(killed).toBeGreaterThan(0);
  while (!(await follow(null)));
  const live = await inTenant(tenantId, (tx) =>
    alerts.list(tx, { state: null, ruleId: id, before: null, limit: 1_000 }),
  );
  const { sinceSeq } = await inTenant(tenantId, (tx) => rules.get(tx, id));
  const told: string[] = [];
  for await (const line of backtest(admin, { ...query, ruleId: id, from: sinceSeq }))
    if (line.kind === 'alert') told.push(line.seqs.join(' '));
  expect(live.map(({ seqs }) => seqs.join(' ')).toSorted()).toEqual(told.toSorted());
  expect(live.length).toBe(3 * Math.floor(eventsRecorded / 3 / 17));
  await house.audit.flush();
  const named = await house.db.admin(
    `select count(*)::integer as count from audit.entry where tenant_id = $1 and action = 'audit.alert_raised'`,
    [tenantId],
  );
  expect(named.rows).toEqual([{ count: live.length }]);
}, 240_000);
