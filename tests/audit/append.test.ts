import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { openCheckpoint, parseVerifierKey, verifyConsistency, verifyInclusion } from '../../audit/index.ts';
import { checkCatalog } from '../../db/index.ts';
import { parseSubjectId } from '../../kernel/index.ts';
import { createAuditFixture, createEvent, createPrincipal, newId, type AuditFixture } from './fixture.ts';

let house: AuditFixture;
beforeAll(async () => {
  house = await createAuditFixture();
});
afterAll(() => house.close());

const page = { limit: 50 };

describe('recording', () => {
  test('is acknowledged when the event is durable and inside a signed checkpoint', async () => {
    const tenant = await house.db.createTenant();
    await house.audit.record(createEvent(tenant));
    const log = await house.audit.logInfo(tenant);
    const note = await house.audit.checkpoint(log?.logId ?? '');
    expect(openCheckpoint(note ?? '', parseVerifierKey(log?.vkey ?? ''))).toMatchObject({
      size: 1,
      origin: log?.origin,
    });
    const { rows } = await house.db.admin(
      'select count(*)::integer as count from audit.entry where tenant_id = $1',
      [tenant],
    );
    expect(rows[0]).toEqual({ count: 1 });
  });

  test('gives gapless numbers to a thousand simultaneous events, and every one can be proved', async () => {
    const tenant = await house.db.createTenant();
    const actor = createPrincipal(tenant);
    await Promise.all(
      Array.from({ length: 1_000 }, (_, count) =>
        house.audit.record(createEvent(tenant, { actor, detail: { count } })),
      ),
    );
    const { rows } = await house.db.admin(
      'select count(*)::integer as count, max(seq)::integer as last, count(distinct id)::integer as ids from audit.entry where tenant_id = $1',
      [tenant],
    );
    expect(rows[0]).toEqual({ count: 1_000, last: 999, ids: 1_000 });
    const log = await house.audit.logInfo(tenant);
    for (const seq of [0, 255, 256, 700, 999]) {
      const proof = await house.db.database.withTenant(tenant, (tx) => house.audit.proof(tx, seq));
      const { root } = openCheckpoint(proof.checkpoint, parseVerifierKey(log?.vkey ?? ''));
      verifyInclusion({ ...proof, root });
    }
  });

  test('does not keep its caller waiting for a log that cannot be written, and writes the event once it can', async () => {
    const tenant = await house.db.createTenant();
    const audit = house.another(house.db.database, { confirmMilliseconds: 200 });
    await audit.start();
    await audit.record(createEvent(tenant));
    const blocker = new pg.Client({ connectionString: house.db.adminUrl });
    await blocker.connect();
    await blocker.query('begin; lock table audit.head in access exclusive mode');
    await expect(audit.record(createEvent(tenant))).rejects.toMatchObject({
      code: 'ERR_AUDIT_UNCONFIRMED',
      status: 503,
    });
    await blocker.query('rollback');
    await blocker.end();
    await audit.flush();
    const { rows } = await house.db.admin(
      'select size::integer as size from audit.head where tenant_id = $1',
      [tenant],
    );
    expect(rows[0]).toEqual({ size: 2 });
  });

  test('keeps every checkpoint, and each is consistent with the newest', async () => {
    const tenant = await house.db.createTenant();
    for (let round = 0; round < 5; round += 1)
      await house.audit.recordMany([createEvent(tenant), createEvent(tenant)]);
    const { rows } = await house.db.admin(
      'select size::integer, root, note from audit.checkpoint where tenant_id = $1 order by size',
      [tenant],
    );
    expect(rows.length).toBeGreaterThanOrEqual(6);
    for (const row of rows.filter(({ size }) => size > 0)) {
      const { to, hashes } = await house.db.database.withTenant(tenant, (tx) =>
        house.audit.consistency(tx, row.size),
      );
      verifyConsistency({ size1: row.size, size2: to.size, root1: row.root, root2: to.root, hashes });
    }
  });

  test('seals the actor and origin of a session once', async () => {
    const tenant = await house.db.createTenant();
    const actor = createPrincipal(tenant);
    await Promise.all(Array.from({ length: 50 }, () => house.audit.record(createEvent(tenant, { actor }))));
    const { rows } = await house.db.admin(
      'select kind from audit.sealed_group where tenant_id = $1 order by kind',
      [tenant],
    );
    expect(rows).toEqual([{ kind: 'actor' }, { kind: 'origin' }]);
  });

  test('keeps personal data out of every leaf', async () => {
    const tenant = await house.db.createTenant();
    await house.audit.record(createEvent(tenant, { actor: createPrincipal(tenant, 'Kanaria Testova') }));
    const { rows } = await house.db.admin(
      `select convert_from(body, 'UTF8') as body from audit.entry where tenant_id = $1`,
      [tenant],
    );
    expect(rows[0]?.body).not.toMatch(/Kanaria|example\.com|192\.0\.2|probe\/1/);
  });

  test('refuses undeclared events, ill-fitting details and NULs, and writes nothing', async () => {
    const tenant = await house.db.createTenant();
    const event = createEvent(tenant);
    const undeclared = { ...event, definition: { ...event.definition, action: 'contacts.unheard_of' } };
    await expect(house.audit.record(undeclared)).rejects.toMatchObject({ code: 'ERR_AUDIT_UNKNOWN_EVENT' });
    const misfit = { ...event, detail: { count: 'many' } } as unknown as typeof event; // what a caller without types could send
    await expect(house.audit.record(misfit)).rejects.toMatchObject({ code: 'ERR_AUDIT_INVALID_EVENT' });
    await expect(house.audit.record({ ...event, reason: 'a\0b' })).rejects.toMatchObject({
      code: 'ERR_AUDIT_INVALID_EVENT',
    });
    await house.audit.flush();
    expect((await house.db.admin('select 1 from audit.entry where tenant_id = $1', [tenant])).rowCount).toBe(
      0,
    );
  });

  test('keeps a detail that is too large for a leaf beside the log', async () => {
    const tenant = await house.db.createTenant();
    await house.audit.record(createEvent(tenant, { detail: { count: 1, note: 'x'.repeat(100_000) } }));
    const event = await house.db.database.withTenant(tenant, (tx) => house.audit.event(tx, 0));
    expect(event.detail).toMatchObject({ note: expect.stringMatching(/^x{100000}$/) });
    expect(Buffer.from(event.canonical, 'base64').length).toBeLessThan(2_000);
  });

  test('writes the same idempotency key once, at the same time or later', async () => {
    const tenant = await house.db.createTenant();
    const event = createEvent(tenant, { idempotencyKey: 'import-7' });
    await Promise.all([house.audit.record(event), house.audit.record(event)]);
    await house.audit.record(event);
    await house.db.database.withTenant(tenant, (tx) => house.audit.append(tx, event));
    await house.audit.flush();
    expect((await house.db.admin('select 1 from audit.entry where tenant_id = $1', [tenant])).rowCount).toBe(
      1,
    );
    expect(
      (await house.db.admin('select 1 from audit.pending where tenant_id = $1', [tenant])).rowCount,
    ).toBe(0);
  });

  test('refuses with 503 when its queue is full, and loses nothing it accepted', async () => {
    const tenant = await house.db.createTenant();
    const actor = createPrincipal(tenant);
    await house.audit.record(createEvent(tenant, { actor }));
    const results = await Promise.allSettled(
      Array.from({ length: 12_000 }, () =>
        house.audit.record(createEvent(tenant, { actor, call: undefined as never })),
      ),
    );
    const accepted = results.filter(({ status }) => status === 'fulfilled').length;
    const refused = results.find((result) => result.status === 'rejected');
    expect(refused).toMatchObject({ reason: { code: 'ERR_OVERLOADED', status: 503 } });
    const { rows } = await house.db.admin(
      'select count(*)::integer as count from audit.entry where tenant_id = $1',
      [tenant],
    );
    expect(rows[0]).toEqual({ count: accepted + 1 });
  });
});

describe('appending inside a transaction', () => {
  test('records exactly once, within 250 ms of the commit', async () => {
    const tenant = await house.db.createTenant();
    await house.audit.ensureLog(tenant);
    await house.db.database.withTenant(tenant, (tx) => house.audit.append(tx, createEvent(tenant)));
    const committed = Date.now();
    let count = 0;
    while (count === 0 && Date.now() - committed < 5_000) {
      ({ rowCount: count } = (await house.db.admin('select 1 from audit.entry where tenant_id = $1', [
        tenant,
      ])) as { rowCount: number }); // a select counts
    }
    expect(Date.now() - committed).toBeLessThan(2_000); // the goal is 250 ms on an idle machine; the machine of a test may not be
    await house.audit.flush();
    expect((await house.db.admin('select 1 from audit.entry where tenant_id = $1', [tenant])).rowCount).toBe(
      1,
    );
  });

  test('records nothing when the transaction rolls back', async () => {
    const tenant = await house.db.createTenant();
    const attempt = house.db.database.withTenant(tenant, async (tx) => {
      await house.audit.append(tx, createEvent(tenant));
      throw new Error('changed my mind');
    });
    await expect(attempt).rejects.toThrow('changed my mind');
    await house.audit.flush();
    expect((await house.db.admin('select 1 from audit.entry where tenant_id = $1', [tenant])).rowCount).toBe(
      0,
    );
  });

  test('is refused for an event of another tenant', async () => {
    const [mine, other] = [await house.db.createTenant(), await house.db.createTenant()];
    const attempt = house.db.database.withTenant(mine, (tx) => house.audit.append(tx, createEvent(other)));
    await expect(attempt).rejects.toMatchObject({ code: 'ERR_AUDIT_INVALID_EVENT' });
  });

  test("of many tenants ends in each one's own log", async () => {
    const tenants = await Promise.all(Array.from({ length: 8 }, () => house.db.createTenant()));
    await Promise.all(
      tenants.flatMap((tenant) =>
        [1, 2, 3].map(() =>
          house.db.database.withTenant(tenant, (tx) => house.audit.append(tx, createEvent(tenant))),
        ),
      ),
    );
    await house.audit.flush();
    for (const tenant of tenants) {
      expect(
        (await house.db.database.withTenant(tenant, (tx) => house.audit.search(tx, page))).items.map(
          ({ seq }) => seq,
        ),
      ).toEqual([2, 1, 0]);
    }
  });
});

describe('the trail', () => {
  test('is searched by actor, action, outcome, subject, time and words, page by page', async () => {
    const tenant = await house.db.createTenant();
    const [ada, bob] = [createPrincipal(tenant, 'Ada'), createPrincipal(tenant, 'Bob')];
    const subject = parseSubjectId(newId());
    const targets = [{ type: 'contacts.contact', id: 'needle-42' }];
    await house.audit.record(createEvent(tenant, { actor: ada, subjects: [subject] }));
    await house.audit.record(
      createEvent(tenant, { actor: bob, outcome: 'denied', reason: 'no_grant', targets }),
    );
    await house.audit.record(
      createEvent(tenant, { actor: ada, occurredAt: new Date('2020-01-01T00:00:00Z') }),
    );
    await house.audit.project(tenant);
    const search = (query: object): Promise<number[]> =>
      house.db.database.withTenant(tenant, async (tx) =>
        (await house.audit.search(tx, { ...page, ...query })).items.map(({ seq }) => seq),
      );
    expect(await search({ actor: ada.id })).toEqual([2, 0]);
    expect(await search({ action: 'contacts.*' })).toEqual([2, 1, 0]);
    expect(await search({ action: 'contacts.contact_read' })).toEqual([2, 1, 0]);
    expect(await search({ action: 'contact.*' })).toEqual([]);
    expect(await search({ outcome: 'denied' })).toEqual([1]);
    expect(await search({ subject })).toEqual([0]);
    expect(await search({ to: new Date('2021-01-01') })).toEqual([2]);
    expect(await search({ q: 'NEEDLE-42' })).toEqual([1]);
    expect(await search({ q: `outcome:success actor:${ada.id}` })).toEqual([2, 0]);
    expect(await search({ q: '%' })).toEqual([]);
    const first = await house.db.database.withTenant(tenant, (tx) => house.audit.search(tx, { limit: 2 }));
    expect(first.items[1]).toMatchObject({ seq: 1, actor: { displayName: 'Bob' }, reason: 'no_grant' });
    expect(await search({ cursor: first.nextCursor })).toEqual([0]);
    const facets = await house.db.database.withTenant(tenant, (tx) => house.audit.facets(tx, {}));
    expect(facets).toMatchObject({
      scanned: 3,
      actions: [{ value: 'contacts.contact_read', count: 3 }],
      actors: [
        { value: ada.id, count: 2 },
        { value: bob.id, count: 1 },
      ],
    });
    expect(facets.outcomes).toEqual([
      { value: 'success', count: 2 },
      { value: 'denied', count: 1 },
    ]);
    const histogram = await house.db.database.withTenant(tenant, (tx) =>
      house.audit.histogram(tx, {}, new Date(Date.now() + 1_000)),
    );
    expect(histogram.buckets.reduce((sum, bucket) => sum + bucket.success + bucket.denied, 0)).toBe(2);
  });

  test('of another tenant does not exist', async () => {
    const [mine, other] = [await house.db.createTenant(), await house.db.createTenant()];
    await house.audit.record(createEvent(other));
    await house.audit.ensureLog(mine);
    await house.db.database.withTenant(mine, async (tx) => {
      expect((await house.audit.search(tx, page)).items).toEqual([]);
      await expect(house.audit.event(tx, 0)).rejects.toMatchObject({ status: 404 });
      await expect(house.audit.proof(tx, 0)).rejects.toMatchObject({ status: 404 });
    });
  });

  test('shows a tombstone for an erased person, and every proof still holds', async () => {
    const tenant = await house.db.createTenant();
    const actor = createPrincipal(tenant, 'Gone Soon');
    await house.audit.record(createEvent(tenant, { actor }));
    const requestId = newId();
    await house.db.database.withTenant(tenant, (tx) =>
      house.crypto.shred(tx, [parseSubjectId(actor.id)], {
        requestId,
        reason: 'erasure',
        actor: { kind: 'system', id: 'dsr', displayName: 'DSR worker' },
      }),
    );
    await house.audit.record(createEvent(tenant, { actor: { ...actor, sessionId: newId() } })); // recorded after the erasure
    await house.audit.flush();
    const before = await house.db.database.withTenant(tenant, (tx) => house.audit.event(tx, 0));
    expect(before).toMatchObject({
      actor: { displayName: null, erased: true, requestId },
      origin: { erased: true, requestId },
    });
    const { items } = await house.db.database.withTenant(tenant, (tx) =>
      house.audit.search(tx, { ...page, actor: actor.id }),
    );
    expect(items.map((item) => item.actor.erased)).toEqual([true, true]);
    const log = await house.audit.logInfo(tenant);
    const proof = await house.db.database.withTenant(tenant, (tx) => house.audit.proof(tx, 0));
    verifyInclusion({
      ...proof,
      root: openCheckpoint(proof.checkpoint, parseVerifierKey(log?.vkey ?? '')).root,
    });
  });
});

test('the catalog self-check finds nothing, and history refuses changes even from its owner', async () => {
  const findings = (await checkCatalog(house.db.database.urls.app)).filter(({ object }) =>
    object.includes('audit'),
  );
  expect(findings).toEqual([]);
  const tenant = await house.db.createTenant();
  await house.audit.record(createEvent(tenant));
  for (const table of ['log', 'entry', 'tile', 'checkpoint', 'sealed_group']) {
    await expect(house.db.admin(`truncate audit.${table} cascade`)).rejects.toMatchObject({ code: '42501' });
  }
  await expect(house.db.admin('update audit.entry set outcome = $1', ['denied'])).rejects.toMatchObject({
    code: '42501',
  });
  await expect(house.db.admin('delete from audit.checkpoint')).rejects.toMatchObject({ code: '42501' });
});
