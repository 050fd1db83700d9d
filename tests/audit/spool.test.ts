import { appendFile, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { createAuditRoutes, verifyDatabase, type Audit } from '../../audit/index.ts';
import type { Principal, TenantId } from '../../kernel/index.ts';
import { createAuditFixture, createEvent, createPrincipal, newId, type AuditFixture } from './fixture.ts';

let house: AuditFixture;
let folder: string;
let tenant: TenantId;
let reader: Principal;
let audit: Audit;
beforeAll(async () => {
  house = await createAuditFixture();
});
afterAll(() => house.close());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gatehouse-spool-'));
  audit = house.another(house.db.database, {
    spoolFolder: folder,
    spoolLimits: { deadMilliseconds: 1_000 },
    confirmMilliseconds: 1_500,
  });
  tenant = await house.db.createTenant();
  reader = createPrincipal(tenant, 'Rhoda Reader');
  await audit.prepare(tenant);
});
afterEach(async () => {
  await writable(true);
  await rm(folder, { recursive: true, force: true });
});

/** The log's tables refuse every write, and can still be read. */
async function writable(yes: boolean): Promise<void> {
  const verb = yes ? 'grant' : 'revoke';
  const link = yes ? 'to' : 'from';
  await house.db.admin(`${verb} insert on audit.entry ${link} gatehouse_sequencer`);
  await house.db.admin(`${verb} insert on audit.pending, audit.sealed_group ${link} gatehouse_app`);
}

const choose = (reads: 'closed' | 'spooled') =>
  house.db.database.withTenant(tenant, (tx) => audit.spool.choose(tx, reader, reads));
const read = (n: number, by = audit) =>
  by.record(createEvent(tenant, { actor: reader, detail: { count: n, note: 'canary-note' } }));
const counts = async (): Promise<readonly number[]> => {
  const { rows } = await house.db.admin(
    `select convert_from(body, 'UTF8')::jsonb -> 'detail' ->> 'count' as n from audit.entry
     where tenant_id = $1 and action = 'contacts.contact_read' order by 1`,
    [tenant],
  );
  return rows.map((row: { n: string }) => Number(row.n)).toSorted((a, b) => a - b);
};
const replayed = async (): Promise<readonly { outcome: string; detail: Record<string, unknown> }[]> => {
  await house.audit.flush();
  const { rows } = await house.db.admin(
    `select outcome, convert_from(body, 'UTF8')::jsonb -> 'detail' as detail from audit.entry
     where tenant_id = $1 and action = 'audit.spool_replayed' order by seq`,
    [tenant],
  );
  return rows;
};
async function until(done: () => Promise<boolean>): Promise<void> {
  for (let round = 0; round < 300 && !(await done()); round += 1)
    await new Promise((wake) => setTimeout(wake, 50));
}
async function replayAll(by = audit): Promise<void> {
  await until(async () => {
    await by.spool.tick();
    return (await readdir(folder)).length === 0;
  });
}

test('without a choice a read that cannot be recorded fails, and nothing lands on disk', async () => {
  await read(1);
  await writable(false);
  await expect(read(2)).rejects.toThrow();
  expect(await readdir(folder)).toEqual([]);
}, 30_000);

test('a tenant that chose so goes on reading; what waits is sealed, and enters the log once, with its replay', async () => {
  await choose('spooled');
  await read(1);
  await writable(false);
  for (const n of [2, 3, 4]) await read(n);
  const [file = ''] = await readdir(folder);
  const text = await readFile(join(folder, file), 'utf8');
  expect(text.trim().split('\n')).toHaveLength(3);
  for (const secret of ['Rhoda', 'example.com', '192.0.2.7', reader.id, 'canary-note', 'contacts.contact'])
    expect(text).not.toContain(secret);
  await writable(true);
  await replayAll();
  expect(await counts()).toEqual([1, 2, 3, 4]);
  expect(await replayed()).toMatchObject([{ outcome: 'success', detail: { count: 3, damaged: 0 } }]);
  const report = await house.db.database.withTenant(tenant, (tx) => verifyDatabase(tx, tenant));
  expect(report.findings).toEqual([]);
}, 60_000);

test('what changes something, and what was refused, fails closed whatever was chosen', async () => {
  await choose('spooled');
  await writable(false);
  await expect(audit.record(createEvent(tenant, { actor: reader, outcome: 'denied' }))).rejects.toThrow();
  const change = house.db.database.withTenant(tenant, (tx) => audit.spool.choose(tx, reader, 'closed'));
  await expect(change).rejects.toThrow();
  expect(await readdir(folder)).toEqual([]);
}, 30_000);

test('reading the trail itself follows the choice', async () => {
  await read(1);
  const routes = createAuditRoutes(audit, {
    database: house.db.database,
    productVersion: '0',
    dualControl: house.control,
  });
  const route = routes.find(
    ({ operationId }) => operationId === 'listAuditEvents' || operationId === 'searchAuditEvents',
  );
  const call = {
    requestId: newId(),
    traceparent: null,
    origin: { ip: null, userAgent: null, service: 'test' },
  };
  const search = () =>
    route?.handler({ query: { limit: 10 }, principal: reader, call, headers: {}, params: {} } as never);
  await writable(false);
  await expect(search()).rejects.toThrow();
  await writable(true);
  await choose('spooled');
  await writable(false);
  await audit.spool.isSpooled(tenant);
  const answer = await search();
  expect(answer).toMatchObject({ status: 200 });
  expect(audit.spool.waiting()).toBe(1);
}, 60_000);

test('a damaged line is found and reported, and the rest is replayed', async () => {
  await choose('spooled');
  await writable(false);
  for (const n of [1, 2, 3]) await read(n);
  await audit.stop();
  const [file = ''] = await readdir(folder);
  const path = join(folder, file);
  const lines = (await readFile(path, 'utf8')).split('\n');
  lines[1] = (lines[1] ?? '').replace('"sealed":"', '"sealed":"AAAA');
  await writeFile(path, lines.join('\n'));
  await appendFile(path, '{"torn');
  await utimes(path, new Date(0), new Date(0));
  await writable(true);
  const other = house.another(house.db.database, { spoolFolder: folder });
  await replayAll(other);
  expect(await counts()).toEqual([1, 3]);
  expect(await replayed()).toMatchObject([{ outcome: 'failure', detail: { count: 2, damaged: 1 } }]);
}, 60_000);

test('a full file closes reads again', async () => {
  const small = house.another(house.db.database, { spoolFolder: folder, spoolLimits: { maxBytes: 2_500 } });
  await choose('spooled');
  await writable(false);
  const outcomes = [];
  for (let n = 0; n < 6; n += 1)
    outcomes.push(
      await read(n, small).then(
        () => 'kept',
        (error: { code: string }) => error.code,
      ),
    );
  expect(outcomes[0]).toBe('kept');
  expect(outcomes.at(-1)).toBe('ERR_AUDIT_SPOOL_FULL');
}, 60_000);
