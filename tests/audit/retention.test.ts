import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  createAuditRoutes,
  leafHash,
  parseTilePath,
  trailRead,
  verifyDatabase,
  verifyPackFile,
  verifyUrl,
  type Audit,
  type VerifyReport,
} from '../../audit/index.ts';
import { parseSubjectId, type Principal, type TenantId } from '../../kernel/index.ts';
import { createAuditFixture, createEvent, createPrincipal, newId, type AuditFixture } from './fixture.ts';

const day = 86_400_000;
const old = new Date(Date.now() - 800 * day);

let house: AuditFixture;
/** A process whose clock stands 800 days back. */
let past: Audit;
beforeAll(async () => {
  house = await createAuditFixture();
  past = house.another(house.db.database, { clock: { now: () => old } });
});
afterAll(() => house.close());

type Place = { readonly tenant: TenantId; readonly first: Principal; readonly second: Principal };

/** A log of 600 old and 20 new events; every tenth old one speaks of a person. */
async function createLog(oldEvents = 600): Promise<Place & { readonly person: string }> {
  const tenant = await house.db.createTenant();
  const actor = createPrincipal(tenant, 'Old Actor');
  const person = newId();
  for (let at = 0; at < oldEvents; at += 100) {
    const events = Array.from({ length: Math.min(100, oldEvents - at) }, (_, count) =>
      createEvent(tenant, {
        actor,
        detail: { count },
        ...(count % 10 === 0 ? { subjects: [parseSubjectId(person)] } : {}),
      }),
    );
    await past.recordMany(events);
  }
  await house.audit.recordMany(Array.from({ length: 20 }, () => createEvent(tenant, {})));
  await house.audit.project(tenant);
  return {
    tenant,
    person,
    first: createPrincipal(tenant, 'First'),
    second: createPrincipal(tenant, 'Second'),
  };
}

async function decide({ tenant, first, second }: Place, action: string, payload: unknown): Promise<unknown> {
  const { id, digest } = await house.db.database.withTenant(tenant, (tx) =>
    house.control.propose(tx, { action, payload, reason: 'the policy', proposedBy: first }),
  );
  return (await house.control.approve(id, second, digest)).result;
}

const keep = (place: Place, days: Record<string, number>): Promise<unknown> =>
  decide(place, 'audit.change_retention', { days, text: 'As the law wants it.' });
const prune = (place: Place, policyRevision = 1): Promise<unknown> =>
  decide(place, 'audit.prune', { policyRevision });

async function settle(): Promise<void> {
  while ((await house.audit.pruning.tick()) > 0);
  await house.audit.flush();
}

const verify = (tenant: TenantId): Promise<VerifyReport> =>
  house.db.database.withTenant(
    tenant,
    (tx) => verifyDatabase(tx, tenant, (commitments) => house.audit.openCommitments(tx, commitments)),
    { readOnly: true, isolation: 'repeatable read' },
  );

async function count(table: string, tenant: TenantId, where = 'true'): Promise<number> {
  const { rows } = await house.db.admin(
    `select count(*)::integer as n from audit.${table} where tenant_id = $1 and ${where}`,
    [tenant],
  );
  return rows[0].n;
}

describe('pruning', () => {
  test('removes what the policy lets go, and every proof and verification still holds', async () => {
    const place = await createLog();
    const { tenant, person } = place;
    const before = await house.db.admin(
      'select seq, body from audit.entry where tenant_id = $1 order by seq',
      [tenant],
    );
    await keep(place, { data: 365 });
    await prune(place);
    await settle();
    expect(await count('entry', tenant, 'seq < 512')).toBe(0);
    expect(await count('entry', tenant, 'seq >= 512 and seq < 620')).toBe(108);
    expect(await count('entry_subject', tenant, 'seq < 512')).toBe(0);
    expect(await count('search_entry', tenant, 'seq < 512')).toBe(0);
    const report = await verify(tenant);
    expect(report).toMatchObject({ findings: [], pruned: 512 });
    const { proof, consistency, page } = await house.db.database.withTenant(tenant, async (tx) => ({
      proof: await house.audit.proof(tx, 300),
      consistency: await house.audit.consistency(tx, 300),
      page: await house.audit.search(tx, { subject: person, limit: 200 }),
    }));
    expect(proof.leafHash).toEqual(leafHash(before.rows[300].body as Buffer));
    expect(proof.entry).toHaveLength(0);
    expect(consistency.hashes.length).toBeGreaterThan(0);
    expect(page.items.every(({ seq }) => seq >= 512)).toBe(true);
    await expect(
      house.db.database.withTenant(tenant, (tx) => house.audit.event(tx, 300)),
    ).rejects.toMatchObject({ code: 'ERR_AUDIT_PRUNED', status: 410 });
    expect(await count('entry', tenant, `action = 'audit.entries_pruned'`)).toBe(1);
  });

  test('the public log denies the bundles, gives the hashes, and publishes the policy', async () => {
    const place = await createLog();
    await keep(place, { data: 365 });
    await prune(place);
    await settle();
    const { logId } = await house.audit.ensureLog(place.tenant);
    for (const path of ['entries/000', 'entries/001', 'entries/001.p/4'])
      await expect(house.audit.tile(logId, parseTilePath(path))).rejects.toMatchObject({ status: 410 });
    expect(await house.audit.tile(logId, parseTilePath('entries/002.p/88'))).not.toBeNull();
    const full = await house.audit.tile(logId, parseTilePath('0/001'));
    const partial = await house.audit.tile(logId, parseTilePath('0/001.p/7'));
    expect(full?.subarray(0, 7 * 32)).toEqual(partial);
    const routes = createAuditRoutes(house.audit, {
      database: house.db.database,
      productVersion: '0',
      dualControl: house.control,
    });
    const route = routes.find(({ operationId }) => operationId === 'readLogRetention');
    const answer = await route?.handler({ params: { logId } } as never);
    expect(answer?.body).toMatchObject({ minimumIndex: 512, policy: { days: { data: 365 }, revision: 1 } });
  });

  test('verification from outside steps over what the published policy gave up', async () => {
    const place = await createLog();
    await keep(place, { data: 365 });
    await prune(place);
    await settle();
    const { logId, vkey } = await house.audit.ensureLog(place.tenant);
    const minimumIndex = await house.db.database.withTenant(place.tenant, house.audit.minimumIndex);
    const answer = async (rest: string): Promise<string | Buffer | null> => {
      if (rest === 'checkpoint') return house.audit.checkpoint(logId);
      if (rest === 'retention') return JSON.stringify({ minimumIndex });
      return house.audit.tile(logId, parseTilePath(rest.replace('tile/', '')));
    };
    const server = createServer((request, response) => {
      void answer((request.url ?? '').slice(1)).then(
        (body) => response.end(body),
        (error: { status?: number }) => response.writeHead(error.status ?? 500).end(),
      );
    }).listen(0, '127.0.0.1');
    await new Promise((ready) => server.once('listening', ready));
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const report = await verifyUrl(url, vkey);
      expect(report).toMatchObject({ findings: [], pruned: 512 });
      expect(report.size).toBeGreaterThanOrEqual(620);
    } finally {
      server.close();
    }
  });

  test('keeps what another category keeps longer, and lets it go when its time comes', async () => {
    const tenant = await house.db.createTenant();
    const [first, second] = [createPrincipal(tenant, 'First'), createPrincipal(tenant, 'Second')];
    const place = { tenant, first, second };
    const reading = { definition: trailRead, tenantId: tenant, outcome: 'success', actor: first } as const;
    for (let at = 0; at < 260; at += 20) {
      await past.record({ ...reading, detail: { what: 'search', returned: at } });
      await past.recordMany(Array.from({ length: 19 }, () => createEvent(tenant, { actor: first })));
    }
    await keep(place, { data: 365, access: 9_000 });
    await prune(place);
    await settle();
    expect(await count('entry', tenant, 'seq < 256')).toBe(13);
    expect(await verify(tenant)).toMatchObject({ findings: [], pruned: 243 });
    const kept = await house.db.database.withTenant(tenant, (tx) => house.audit.event(tx, 20));
    expect(kept).toMatchObject({ seq: 20, detail: { returned: 20 }, actor: { displayName: 'First' } });
    await keep(place, { data: 365, access: 365 });
    await prune(place, 2);
    await settle();
    expect(await count('entry', tenant, 'seq < 256')).toBe(0);
    expect(await verify(tenant)).toMatchObject({ findings: [], pruned: 256 });
  });

  test('an evidence pack over a pruned range verifies and says how many are gone', async () => {
    const place = await createLog();
    await keep(place, { data: 365 });
    await prune(place);
    await settle();
    const folder = await mkdtemp(join(tmpdir(), 'gatehouse-pruned-'));
    try {
      const { zip, range } = await house.audit.evidence(place.tenant, 100);
      const file = join(folder, 'pack.zip');
      await writeFile(file, await buffer(zip));
      expect(await verifyPackFile(file)).toMatchObject({ from: 100, to: range.to, pruned: 412 });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('needs two people for the policy and for the first run; later runs under it begin by themselves', async () => {
    const place = await createLog(300);
    const { tenant } = place;
    const standing = () =>
      house.db.database.withTenant(tenant, (tx) => house.audit.pruning.beginStanding(tx));
    expect(await standing()).toBeNull();
    await keep(place, { data: 365 });
    expect(await standing()).toBeNull();
    await expect(prune(place, 7)).rejects.toMatchObject({ code: 'ERR_INVALID_REQUEST' });
    await prune(place);
    await settle();
    expect(await count('entry', tenant, 'seq < 256')).toBe(0);
    await past.recordMany(Array.from({ length: 300 }, () => createEvent(tenant, {})));
    await keep(place, { data: 400 });
    expect(await standing()).toBeNull(); // a new revision stands for itself
    await prune(place, 2);
    await settle();
    expect((await verify(tenant)).findings).toEqual([]);
  });

  test('spares what a hold names, and goes on when it is released', async () => {
    const place = await createLog();
    const { tenant, person, first } = place;
    const hold = await house.db.database.withTenant(tenant, (tx) =>
      house.audit.holds.place(tx, first, {
        scope: { kind: 'subject', subjectId: person },
        reason: 'a lawsuit',
      }),
    );
    await keep(place, { data: 365 });
    await prune(place);
    await settle();
    expect(await count('entry', tenant, 'seq < 512')).toBe(52);
    expect(await verify(tenant)).toMatchObject({ findings: [], pruned: 460 });
    await decide(place, 'audit.release_hold', { holdId: hold.id });
    await prune(place);
    await settle();
    expect(await count('entry', tenant, 'seq < 512')).toBe(0);
    expect(await verify(tenant)).toMatchObject({ findings: [], pruned: 512 });
  });

  test('removes the sealed groups that only removed entries named', async () => {
    const place = await createLog(512);
    const { tenant } = place;
    await house.db.admin('alter table audit.sealed_group disable trigger user');
    await house.db.admin(
      `update audit.sealed_group g set created_at = now() - interval '900 days' where tenant_id = $1 and not exists (
         select from audit.entry e where e.tenant_id = $1 and e.seq >= 512 and position(convert_to(encode(g.commitment, 'hex'), 'UTF8') in e.body) > 0)`,
      [tenant],
    );
    await house.db.admin('alter table audit.sealed_group enable trigger user');
    expect(await count('sealed_group', tenant, `created_at < now() - interval '899 days'`)).toBe(2);
    await keep(place, { data: 365 });
    await prune(place);
    await settle();
    expect(await count('sealed_group', tenant, `created_at < now() - interval '899 days'`)).toBe(0);
    expect((await verify(tenant)).findings).toEqual([]);
  });
});

describe('history still refuses', () => {
  let place: Place;
  beforeAll(async () => {
    place = await createLog();
    await keep(place, { data: 365 });
    await prune(place);
    await settle();
  });

  test.each([
    ['deleting an entry', `delete from audit.entry where seq = 515`],
    ['deleting a person from an entry', `delete from audit.entry_subject where seq = 520`],
    ['deleting a group', `delete from audit.sealed_group`],
    [
      'changing a note of what was pruned',
      `update audit.pruned_tile set removed = decode(repeat('ff', 32), 'hex')`,
    ],
    ['forgetting a run', `delete from audit.prune_run`],
    ['changing the policy', `update audit.retention_policy set days = '{}'`],
  ])('%s, whoever asks', async (_name, text) => {
    await expect(house.db.admin(text)).rejects.toMatchObject({ code: '42501' });
  });

  test('the application cannot prune beyond what was approved', async () => {
    const { rows } = await house.db.admin('select id from audit.prune_run where tenant_id = $1', [
      place.tenant,
    ]);
    const asApp = (sql: string, parameters: unknown[]) =>
      house.db.database.withTenant(place.tenant, (tx) => tx.run({ sql, parameters }));
    const run = rows[0].id as string;
    await expect(asApp('select * from audit.prune_batch($1, 512, 768)', [run])).rejects.toMatchObject({
      code: '42501',
    });
    await expect(asApp('select * from audit.prune_batch($1, 0, 256)', [newId()])).rejects.toMatchObject({
      code: '42501',
    });
    await expect(asApp('delete from audit.entry where seq < 600', [])).rejects.toMatchObject({
      code: '42501',
    });
  });

  test('an entry that somebody removed past every trigger is found, with or without a forged note', async () => {
    const { tenant } = place;
    await house.db.admin('alter table audit.entry disable trigger user');
    await house.db.admin('alter table audit.pruned_tile disable trigger user');
    try {
      await house.db.admin('delete from audit.entry where tenant_id = $1 and seq = 515', [tenant]);
      const missing = await verify(tenant);
      expect(missing.firstBadSeq).toBe(515);
      await house.db.admin(
        `insert into audit.pruned_tile (tenant_id, run_id, tile, removed)
         select tenant_id, id, 2, set_bit(decode(repeat('00', 32), 'hex'), 3, 1) from audit.prune_run where tenant_id = $1`,
        [tenant],
      );
      const forged = await verify(tenant);
      expect(forged.findings.map(({ kind }) => kind)).toContain('pruned');
    } finally {
      await house.db.admin('alter table audit.entry enable trigger user');
      await house.db.admin('alter table audit.pruned_tile enable trigger user');
    }
  });
});
