import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createCryptoFixture, erasure, newSubject, type CryptoFixture } from '../../crypto/crypto-fixture.ts';
import type { Crypto, SealedTable } from '../../crypto/index.ts';
import type { Tx } from '../../db/index.ts';
import { loadBuiltInDataMap } from '../../examples/marketing/data-map.ts';
import type { TenantId } from '../../kernel/index.ts';
import { sealedTablesOf } from '../../server/sealed-tables.ts';

const people = 6_000;
const tables = sealedTablesOf(loadBuiltInDataMap());
const contacts = tables.find(({ table }) => table === 'contact') as SealedTable; // the example has it
const { actor } = erasure;
let fixture: CryptoFixture;
let crypto: Crypto;
const children: ChildProcess[] = [];
beforeAll(async () => {
  fixture = await createCryptoFixture();
  crypto = fixture.make({ tables: async () => tables, jobLeaseSeconds: 1, indexVersionMilliseconds: 100 });
});
afterAll(async () => {
  for (const child of children)
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  await fixture.close();
});

const inTenant = <T>(id: TenantId, work: (tx: Tx) => Promise<T>): Promise<T> =>
  fixture.db.database.withTenant(id, work);

async function fill(tenant: TenantId): Promise<void> {
  const rows = Array.from({ length: people }, (_, at) => ({
    ...{ id: randomUUID(), tenant_id: tenant, subject_id: newSubject(), country: 'PL', region: 'emea' },
    ...{
      lifecycle: 'lead',
      email: `p${at}@example.com`,
      restricted: false,
      created_at: new Date(),
      updated_at: new Date(),
    },
  }));
  const sealed = await inTenant(tenant, (tx) => crypto.sealRows(tx, contacts.plan, rows));
  const records = sealed.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [
        name,
        Buffer.isBuffer(value) ? `\\x${value.toString('hex')}` : value,
      ]),
    ),
  );
  await fixture.db.admin(
    'insert into marketing_contacts.contact select * from jsonb_populate_recordset(null::marketing_contacts.contact, $1)',
    [JSON.stringify(records)],
  );
}

/** Digest of what stands in the table, by column. */
const digest = async (tenant: TenantId): Promise<Record<string, string>> =>
  (
    await fixture.db.admin(
      `select md5(string_agg(email::text, '' order by id)) as email, md5(string_agg(email_bidx::text, '' order by id)) as bidx
       from marketing_contacts.contact where tenant_id = $1 and lifecycle = 'lead'`,
      [tenant],
    )
  ).rows[0];

async function addresses(tenant: TenantId): Promise<readonly string[]> {
  const { rows } = await fixture.db.admin(
    `select * from marketing_contacts.contact where tenant_id = $1 and lifecycle = 'lead'`,
    [tenant],
  );
  const opened = await inTenant(tenant, (tx) => fixture.make().openRows(tx, contacts.plan, rows, ['email']));
  return opened.map((row) => String(row['email'])).toSorted();
}
const expected = Array.from({ length: people }, (_, at) => `p${at}@example.com`).toSorted();

/** Kills a process each time the job has gone on under it; the last one is left to end it. */
async function killThrough(id: string): Promise<number> {
  const script = join(import.meta.dirname, 'crypto-kill-child.ts');
  const state = async (): Promise<{ state: string; mark: string }> =>
    (
      await fixture.db.admin(
        `select state, phase || done || coalesce(position::text, '') as mark from crypto.key_job where id = $1`,
        [id],
      )
    ).rows[0];
  let kills = 0;
  for (let round = 0; round < 12 && (await state()).state === 'running'; round += 1) {
    const child = spawn(
      process.execPath,
      [
        '--disable-warning=ExperimentalWarning',
        script,
        fixture.db.adminUrl,
        join(fixture.folder, 'root.json'),
      ],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    children.push(child);
    if (child.stdout !== null) await once(child.stdout, 'data');
    const { mark } = await state();
    while ((await state()).mark === mark && (await state()).state === 'running') await sleep(2);
    if (round < 4) {
      await sleep((round * 7) % 20);
      if ((await state()).state === 'running') kills += 1;
    } else while ((await state()).state === 'running') await sleep(20);
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }
  expect(await state()).toMatchObject({ state: 'done' });
  return kills;
}

/** Reads and writes as a service does, until told to stop; every answer is checked. */
function keepBusy(tenant: TenantId): { readonly stop: () => Promise<number> } {
  let stopped = false;
  let rounds = 0;
  const own = fixture.make({ tables: async () => tables, indexVersionMilliseconds: 100 });
  const busy = (async () => {
    while (!stopped) {
      const email = `busy${rounds}@example.com`;
      await inTenant(tenant, async (tx) => {
        const row = await own.sealFields(tx, contacts.plan, {
          id: randomUUID(),
          subject_id: newSubject(),
          email,
        });
        await tx.run({
          sql: `insert into marketing_contacts.contact (tenant_id, id, subject_id, email, email_bidx, region, country, lifecycle)
            values ($1, $2, $3, $4, $5, 'emea', 'PL', 'customer')`,
          parameters: [tenant, row['id'], row['subject_id'], row['email'], row['email_bidx']],
        });
      });
      const wanted = rounds % 2 === 0 ? email : `p${(rounds * 31) % people}@example.com`;
      const found = await inTenant(tenant, async (tx) => {
        const terms = await own.indexTerms(tx, contacts.plan, 'email', 'exact', wanted);
        const { rows } = await tx.run<Record<string, unknown>>({
          sql: 'select * from marketing_contacts.contact where tenant_id = $1 and email_bidx = any($2)',
          parameters: [tenant, terms],
        });
        return own.openRows(tx, contacts.plan, rows, ['email']);
      });
      expect(found.map((row) => row['email'])).toEqual([wanted]);
      rounds += 1;
      await sleep(5);
    }
    return rounds;
  })();
  return { stop: () => ((stopped = true), busy) };
}

const kinds = {
  'a rewrap of all data keys': (tenant: TenantId) => crypto.jobs.rotateTenantKey(tenant, actor),
  'a rotation of data keys': (tenant: TenantId) =>
    crypto.jobs.rotateDataKeys(tenant, { before: new Date().toISOString() }, actor),
  'a rotation of a blind index': (tenant: TenantId) =>
    crypto.jobs.rotateIndex(
      tenant,
      { collection: `${contacts.plan.service}.${contacts.plan.collection}`, field: 'email', index: 'exact' },
      actor,
    ),
} as const;

test.each(Object.entries(kinds))(
  '%s goes on after its process was killed, loses nothing, and is read and written meanwhile',
  async (what, begin) => {
    const tenant = await fixture.db.createTenant();
    await fill(tenant);
    const before = await digest(tenant);
    const busy = keepBusy(tenant);
    const job = await begin(tenant);
    const kills = await killThrough(job.id);
    expect(await busy.stop()).toBeGreaterThan(0);
    expect(kills).toBeGreaterThan(0);
    const after = await digest(tenant);
    expect(after['email'] === before['email']).toBe(what !== 'a rotation of data keys');
    expect(after['bidx'] === before['bidx']).toBe(what !== 'a rotation of a blind index');
    expect(await addresses(tenant)).toEqual(expected);
    const { rows } = await fixture.db.admin(
      `select count(*)::integer as left from crypto.dek d join crypto.kek k using (tenant_id, epoch) where d.tenant_id = $1 and k.state <> 'active'`,
      [tenant],
    );
    expect(rows[0]).toEqual({ left: 0 });
  },
  120_000,
);
