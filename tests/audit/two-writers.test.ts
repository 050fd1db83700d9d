import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { verifyDatabase } from '../../audit/index.ts';
import { createDatabase, type Database } from '../../db/index.ts';
import { silentLogger } from '../../kernel/index.ts';
import { createAuditFixture, createEvent, createPrincipal, type AuditFixture } from './fixture.ts';

let house: AuditFixture;
let elsewhere: Database;
beforeAll(async () => {
  house = await createAuditFixture();
  elsewhere = createDatabase({ urls: house.db.database.urls, logger: silentLogger });
});
afterAll(async () => {
  await elsewhere.close();
  await house.close();
});

describe('two writers at once', () => {
  test('never fork a log: every event of both stands in it once, without a gap', async () => {
    const tenant = await house.db.createTenant();
    const other = house.another(elsewhere);
    await other.start();
    const actor = createPrincipal(tenant);
    const produce = async (audit: typeof other, name: string): Promise<void> => {
      for (let n = 0; n < 40; n += 1) {
        await audit.record(createEvent(tenant, { actor, targets: [{ type: 'probe', id: `${name}-${n}` }] }));
        if (n % 4 === 0)
          await elsewhere.withTenant(tenant, (tx) =>
            audit.append(
              tx,
              createEvent(tenant, { actor, targets: [{ type: 'probe', id: `${name}-append-${n}` }] }),
            ),
          );
      }
    };
    await Promise.all([1, 2, 3].flatMap((p) => [produce(house.audit, `a${p}`), produce(other, `b${p}`)]));
    await Promise.all([house.audit.flush(), other.flush()]);
    const { rows } = await house.db.admin(
      `select seq::integer as seq, targets from audit.entry where tenant_id = $1 and targets like 'probe/%' order by seq`,
      [tenant],
    );
    const found = (rows as { seq: number; targets: string }[]).map(({ targets }) => targets);
    expect(found).toHaveLength(6 * 50);
    expect(new Set(found).size).toBe(found.length);
    const report = await house.db.database.withTenant(tenant, (tx) => verifyDatabase(tx, tenant));
    expect(report).toMatchObject({ findings: [] });
    expect(report.size).toBeGreaterThanOrEqual(found.length);
  }, 60_000);

  test('write an idempotency key once between them', async () => {
    const tenant = await house.db.createTenant();
    const other = house.another(elsewhere);
    await Promise.all([house.audit.ensureLog(tenant), other.ensureLog(tenant)]);
    const event = createEvent(tenant, { idempotencyKey: 'once' });
    await Promise.all([
      house.audit.record(event),
      other.record(event),
      house.audit.record(createEvent(tenant)),
      other.record(createEvent(tenant)),
    ]);
    const { rows } = await house.db.admin(
      'select 1 from audit.entry where tenant_id = $1 and idempotency_key is not null',
      [tenant],
    );
    expect(rows).toHaveLength(1);
  });
});

describe('a writer whose database was turned back', () => {
  test('refuses to sign a smaller tree and says so', async () => {
    const tenant = await house.db.createTenant();
    const audit = house.another(elsewhere);
    await audit.record(createEvent(tenant));
    const { rows } = await house.db.admin(
      'select size, root, frontier, checkpoint from audit.head where tenant_id = $1',
      [tenant],
    );
    await audit.record(createEvent(tenant));
    const { size, root, frontier, checkpoint } = rows[0] as {
      size: number;
      root: Buffer;
      frontier: Buffer;
      checkpoint: string;
    };
    await house.db.admin(
      'update audit.head set size = $2, root = $3, frontier = $4, checkpoint = $5 where tenant_id = $1',
      [tenant, size, root, frontier, checkpoint],
    );
    await expect(audit.record(createEvent(tenant))).rejects.toMatchObject({ code: 'ERR_AUDIT_ROLLED_BACK' });
    expect(audit.health().ok).toBe(false);
    const sound = await house.db.createTenant();
    await audit.record(createEvent(sound)); // the others go on
  });

  test('is fenced when the epoch was raised, and goes on after reading the head again', async () => {
    const tenant = await house.db.createTenant();
    await house.audit.record(createEvent(tenant));
    await house.db.admin('update audit.head set epoch = epoch + 1 where tenant_id = $1', [tenant]);
    await house.audit.record(createEvent(tenant));
    const report = await house.db.database.withTenant(tenant, (tx) => verifyDatabase(tx, tenant));
    expect(report).toMatchObject({ size: 2, findings: [] });
  });
});

test('a row that the database refuses is set aside and does not hold up the others', async () => {
  const [sound, broken] = [await house.db.createTenant(), await house.db.createTenant()];
  await Promise.all([house.audit.record(createEvent(sound)), house.audit.record(createEvent(broken))]);
  // A row beyond the head: what only tampering can make.
  await house.db.admin(
    `insert into audit.entry select tenant_id, seq + 1, id, occurred_at, received_at, action, outcome, actor_id, targets, null, leaf_hash, body from audit.entry where tenant_id = $1`,
    [broken],
  );
  const results = await Promise.allSettled([
    house.audit.record(createEvent(sound)),
    house.audit.record(createEvent(broken)),
    house.audit.record(createEvent(sound)),
  ]);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});

test('a writer that is stopped writes what it has accepted and refuses more', async () => {
  const tenant = await house.db.createTenant();
  const audit = house.another(elsewhere);
  const actor = createPrincipal(tenant);
  const event = createEvent(tenant, { actor });
  await audit.record(event); // its groups are sealed now, so that the next are accepted at once
  const accepted = Promise.all([1, 2, 3].map(() => audit.record(event)));
  await Promise.all([accepted, audit.stop()]);
  await expect(audit.record(event)).rejects.toMatchObject({ code: 'ERR_AUDIT_STOPPED' });
  const { rowCount } = await house.db.admin('select 1 from audit.entry where tenant_id = $1', [tenant]);
  expect(rowCount).toBe(4);
});
