import { createServer } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import {
  openCheckpoint,
  parsePolicy,
  parseVerifierKeys,
  type Audit,
  type WitnessPolicy,
} from '../../audit/index.ts';
import { createDatabase, deriveConnectionUrls, type Database } from '../../db/index.ts';
import { platformTenantId, silentLogger, type TenantId } from '../../kernel/index.ts';
import { createAuditFixture, createEvent, type AuditFixture } from '../audit/fixture.ts';
import { startWitness, type WitnessProcess } from '../support/witness-process.ts';

let house: AuditFixture;
let folder: string;
let witness: WitnessProcess;
let policy: WitnessPolicy;
let keys: readonly string[];
beforeAll(async () => {
  house = await createAuditFixture();
  folder = await mkdtemp(join(tmpdir(), 'gatehouse-restore-'));
  keys = (await house.audit.keys('platform')) ?? [];
  witness = await startWitness({ folder, logs: [keys] });
  const [cosigner = ''] = witness.vkeys;
  policy = parsePolicy(Buffer.from(`log ${keys[0]}\nwitness w ${cosigner} ${witness.url}\nquorum w\n`));
});
const opened: Database[] = [];
const restoredName = `restored_${process.pid}`;
afterAll(async () => {
  for (const database of opened) await database.close();
  await house.db.admin(`drop database if exists ${restoredName} with (force)`);
  await witness.stop();
  await house.close();
  await rm(folder, { recursive: true, force: true });
});

async function round(audit: Audit, tenant: TenantId): Promise<void> {
  await audit.record(createEvent(tenant));
  await audit.platform.advance();
  await audit.witnesses.tick();
}

/** Copies a database as it stands; whatever is connected to it is cut off, as by a snapshot of a stopped server. */
async function copyDatabase(url: string, to: string): Promise<string> {
  const target = new URL(url);
  const from = target.pathname.slice(1);
  target.pathname = '/postgres';
  const client = new pg.Client({ connectionString: target.href });
  await client.connect();
  try {
    for (let attempt = 0; ; attempt += 1) {
      await client.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [from]);
      try {
        await client.query(`create database ${to} template ${from}`);
        break;
      } catch (error) {
        if (attempt === 50) throw error; // somebody connected again
      }
    }
    await client.query(`revoke all on database ${to} from public`);
    await client.query(`grant connect on database ${to} to gatehouse_app, gatehouse_sequencer`);
  } finally {
    await client.end();
  }
  target.pathname = `/${to}`;
  return target.href;
}

function connect(url: string): Database {
  const database = createDatabase({ urls: deriveConnectionUrls(url), logger: silentLogger });
  opened.push(database);
  return database;
}

test('a quorum is met when the witness has cosigned, and the checkpoint with its line is served', async () => {
  const tenant = await house.db.createTenant();
  const audit = house.another(house.db.database, { witnessPolicy: policy });
  await audit.start();
  await round(audit, tenant);
  const { size } = await audit.platform.head();
  expect(await audit.witnesses.quorum()).toMatchObject({ state: 'met', size, witnessedSize: size });
  const note = (await audit.witnessedCheckpoint('platform')) ?? '';
  expect(openCheckpoint(note, parseVerifierKeys(keys.join('\n'))).size).toBe(size);
  expect(note).toContain('— witness.example/w1 ');
  await audit.record(createEvent(tenant));
  await audit.platform.advance();
  expect(await audit.witnesses.quorum()).toMatchObject({ state: 'behind', witnessedSize: size });
  expect(await audit.witnessedCheckpoint('platform')).toBe(note);
});

test('an old backup that is restored while a witness looks on is noticed before anything is signed: alarm, red health, no fork', async () => {
  const tenant = await house.db.createTenant();
  const audit = house.another(house.db.database, { witnessPolicy: policy });
  await audit.start();
  await round(audit, tenant);
  await audit.stop();
  const backup = await copyDatabase(house.db.adminUrl, restoredName);
  const after = house.another(connect(house.db.adminUrl), { witnessPolicy: policy });
  await after.start();
  for (let n = 0; n < 3; n += 1) await round(after, tenant);
  const { size: newest } = await after.platform.head();
  await after.stop();

  const restored = connect(backup);
  const headOf = async () => (await restored.withTenant(tenant, house.audit.head))?.note;
  const [headBefore, old] = [await headOf(), house.another(restored, { witnessPolicy: policy })];
  await old.start();
  const platformBefore = await old.platform.head();
  expect(platformBefore.size).toBeLessThan(newest);
  expect(old.health()).toMatchObject({ ok: false });
  expect(await old.witnesses.quorum()).toMatchObject({ state: 'halted' });
  await expect(old.record(createEvent(tenant))).rejects.toMatchObject({ code: 'ERR_AUDIT_ROLLED_BACK' });
  await expect(old.platform.advance()).rejects.toMatchObject({ code: 'ERR_AUDIT_ROLLED_BACK' });
  expect(await headOf()).toBe(headBefore);
  expect(await old.platform.head()).toEqual(platformBefore);
  const pending = await restored.withSequencer((tx) =>
    tx.client.query(
      `select action, convert_from(body, 'UTF8') as body from audit.pending where tenant_id = $1`,
      [platformTenantId],
    ),
  );
  const alarms = (pending.rows as { action: string; body: string }[]).filter(
    ({ action }) => action === 'audit.rollback_detected',
  );
  expect(alarms).toHaveLength(1);
  expect(JSON.parse(alarms[0]?.body ?? '{}')).toMatchObject({
    detail: { kind: 'rolled back', witnessSize: newest, size: platformBefore.size },
  });
}, 60_000);

test('a witness that claims more than it can show is no reason to stop', async () => {
  const liar = await startLiar();
  const [cosigner = ''] = witness.vkeys;
  const lying = parsePolicy(Buffer.from(`witness liar ${cosigner} ${liar.url}\nquorum liar\n`));
  const audit = house.another(connect(house.db.adminUrl), { witnessPolicy: lying });
  await audit.start();
  const tenant = await house.db.createTenant();
  await round(audit, tenant);
  expect(audit.health().ok).toBe(true);
  expect(await audit.witnesses.quorum()).toMatchObject({
    witnesses: expect.arrayContaining([
      expect.objectContaining({ witness: 'liar', outcome: 'contradicted' }),
    ]),
  });
  await liar.stop();
});

async function startLiar(): Promise<{ readonly url: string; readonly stop: () => Promise<void> }> {
  const server = createServer((request, response) => {
    if (request.method !== 'POST') return void response.writeHead(404).end();
    response.writeHead(409, { 'content-type': 'text/x.tlog.size' }).end('999999\n');
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as { port: number }; // it listens on TCP
  return {
    url: `http://127.0.0.1:${port}`,
    stop: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}
