import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { loadBuiltInDataMap } from '../../examples/marketing/data-map.ts';
import type { Tx } from '../../db/index.ts';
import type { SubjectId, TenantId } from '../../kernel/index.ts';
import { sealedTablesOf } from '../../server/sealed-tables.ts';
import {
  createCryptoFixture,
  emailContext,
  erasure,
  newSubject,
  type CryptoFixture,
} from '../crypto-fixture.ts';
import type { SealedTable } from '../sealed-table.ts';
import type { Crypto, Row } from '../types.ts';

let fixture: CryptoFixture;
let crypto: Crypto;
const mapped = sealedTablesOf(loadBuiltInDataMap());
const contacts = mapped.find(({ table }) => table === 'contact') as SealedTable; // the example has it
const { actor } = erasure;
beforeAll(async () => {
  fixture = await createCryptoFixture();
  crypto = fixture.make({ tables: async () => mapped });
});
afterAll(() => fixture.close());

const inTenant = <T>(id: TenantId, work: (tx: Tx) => Promise<T>): Promise<T> =>
  fixture.db.database.withTenant(id, work);

async function insertContacts(tenant: TenantId, subjects: readonly SubjectId[]): Promise<readonly string[]> {
  const rows = subjects.map((subject_id, at) => ({
    ...{ id: randomUUID(), tenant_id: tenant, subject_id, country: 'PL', region: 'emea', lifecycle: 'lead' },
    ...{ email: `p${at}@example.com`, phone: null, first_name: `First ${at}`, last_name: 'Last', city: null },
  }));
  const sealed = await inTenant(tenant, (tx) => crypto.sealRows(tx, contacts.plan, rows));
  for (const row of sealed) {
    const names = Object.keys(row);
    await fixture.db.admin(
      `insert into marketing_contacts.contact (${names.join(', ')}) values (${names.map((_, at) => `$${at + 1}`).join(', ')})`,
      Object.values(row),
    );
  }
  return rows.map(({ id }) => id);
}
const stored = async (tenant: TenantId): Promise<readonly Row[]> =>
  (
    await fixture.db.admin('select * from marketing_contacts.contact where tenant_id = $1 order by id', [
      tenant,
    ])
  ).rows;
const keyOf = (row: Row | undefined): string =>
  ((row ?? {})['email'] as Buffer).subarray(2, 10).toString('hex');
const opened = async (tenant: TenantId, own = crypto): Promise<readonly Row[]> => {
  const rows = await stored(tenant);
  return inTenant(tenant, (tx) => own.openRows(tx, contacts.plan, rows, ['email', 'first_name']));
};
const keys = async (tenant: TenantId, subject: SubjectId): Promise<readonly Row[]> =>
  (
    await fixture.db.admin(
      'select encode(kid, $3) as kid, state, current from crypto.dek where tenant_id = $1 and subject_id = $2 order by current',
      [tenant, subject, 'hex'],
    )
  ).rows;

describe('a rotation of data keys', () => {
  test('of one person gives a new key, seals their rows again and leaves index values as they are', async () => {
    const tenant = await fixture.db.createTenant();
    const [ada, eve] = [newSubject(), newSubject()];
    await insertContacts(tenant, [ada, ada, eve]);
    const before = await stored(tenant);
    const job = await crypto.jobs.rotateDataKeys(tenant, { subjectId: ada }, actor);
    expect(job).toMatchObject({ kind: 'data_key', state: 'running', phase: 'keys', total: 1 });
    expect(await crypto.jobs.wait(tenant, job)).toMatchObject({
      state: 'done',
      phase: 'values',
      done: 2,
      total: 2,
    });
    const after = await stored(tenant);
    for (const [at, row] of after.entries()) {
      expect(row['email_bidx']).toEqual(before[at]?.['email_bidx']);
      expect(keyOf(row) === keyOf(before[at])).toBe(row['subject_id'] === eve);
    }
    expect(await keys(tenant, ada)).toMatchObject([
      { state: 'superseded', current: false },
      { state: 'active', current: true },
    ]);
    expect((await opened(tenant, fixture.make())).map((row) => row['email']).toSorted()).toEqual([
      'p0@example.com',
      'p1@example.com',
      'p2@example.com',
    ]);
  });

  test('leaves what no table holds openable under the older key', async () => {
    const tenant = await fixture.db.createTenant();
    const scope = { kind: 'subject', subjectId: newSubject() } as const;
    const sealed = await inTenant(tenant, (tx) => crypto.seal(tx, scope, emailContext, Buffer.from('trail')));
    await crypto.jobs.wait(
      tenant,
      await crypto.jobs.rotateDataKeys(tenant, { subjectId: scope.subjectId }, actor),
    );
    await inTenant(tenant, async (tx) => {
      const later = await crypto.seal(tx, scope, emailContext, Buffer.from('now'));
      expect(later.subarray(2, 10)).not.toEqual(sealed.subarray(2, 10));
      expect(await crypto.open(tx, emailContext, sealed)).toMatchObject({ kind: 'plaintext' });
      // Opening under the older key does not make it the one that seals.
      expect((await crypto.seal(tx, scope, emailContext, Buffer.from('x'))).subarray(2, 10)).toEqual(
        later.subarray(2, 10),
      );
    });
  });

  test('of everything that is overdue takes what is old and leaves what is new', async () => {
    const tenant = await fixture.db.createTenant();
    const [old, young] = [newSubject(), newSubject()];
    await insertContacts(tenant, [old, young]);
    await fixture.db.admin(
      `update crypto.dek set created_at = now() - interval '400 days' where tenant_id = $1 and subject_id = $2`,
      [tenant, old],
    );
    const before = new Date(Date.now() - 365 * 86_400_000).toISOString();
    await crypto.jobs.wait(tenant, await crypto.jobs.rotateDataKeys(tenant, { before }, actor));
    expect((await keys(tenant, old)).length).toBe(2);
    expect((await keys(tenant, young)).length).toBe(1);
    expect(await opened(tenant, fixture.make())).toHaveLength(2);
  });

  test('of a purpose makes one new key; keys whose output is compared are refused', async () => {
    const tenant = await fixture.db.createTenant();
    const scope = { kind: 'tenant', purpose: 'tax' } as const;
    const sealed = await inTenant(tenant, (tx) => crypto.seal(tx, scope, emailContext, Buffer.from('x')));
    await crypto.jobs.wait(tenant, await crypto.jobs.rotateDataKeys(tenant, { purpose: 'tax' }, actor));
    const later = await inTenant(tenant, (tx) => crypto.seal(tx, scope, emailContext, Buffer.from('x')));
    expect(later.subarray(2, 10)).not.toEqual(sealed.subarray(2, 10));
    expect(await inTenant(tenant, (tx) => crypto.open(tx, emailContext, sealed))).toMatchObject({
      kind: 'plaintext',
    });
    for (const purpose of ['index', 'mac:shred-ledger'])
      await expect(crypto.jobs.rotateDataKeys(tenant, { purpose }, actor)).rejects.toThrow(/replaced/);
  });

  test('loses no write of others, and a row that somebody holds gets its turn', async () => {
    const tenant = await fixture.db.createTenant();
    const subject = newSubject();
    const ids = await insertContacts(
      tenant,
      Array.from({ length: 30 }, () => subject),
    );
    const writes: Promise<unknown>[] = [];
    let stop = false;
    const writer = async (own: Crypto, step: number): Promise<void> => {
      for (let round = 0; !stop; round += 1) {
        const id = ids[(round * step) % ids.length] ?? '';
        await inTenant(tenant, async (tx) => {
          const changed = { id, subject_id: subject, first_name: `by ${step} in ${round}` };
          const sealed = await own.sealFields(tx, contacts.plan, changed);
          await tx.run({
            sql: 'update marketing_contacts.contact set first_name = $3, city = null where tenant_id = $1 and id = $2',
            parameters: [tenant, id, sealed['first_name']],
          });
          if (round % 5 === 0) await sleep(20);
          latest.set(id, changed.first_name);
        });
      }
    };
    const latest = new Map<string, string>();
    writes.push(writer(fixture.make(), 7));
    for (let round = 0; round < 3; round += 1) {
      const job = await crypto.jobs.rotateDataKeys(tenant, { subjectId: subject }, actor);
      expect(await crypto.jobs.wait(tenant, job)).toMatchObject({ state: 'done' });
    }
    stop = true;
    await Promise.all(writes);
    for (const row of await opened(tenant, fixture.make()))
      if (latest.has(String(row['id']))) expect(row['first_name']).toBe(latest.get(String(row['id'])));
    expect((await keys(tenant, subject)).filter(({ current }) => current === true)).toHaveLength(1);
    expect(latest.size).toBeGreaterThan(0);
  });
});

describe('shredding after rotations', () => {
  test('destroys every key of the person, and the ledger lists each', async () => {
    const tenant = await fixture.db.createTenant();
    const subject = newSubject();
    await insertContacts(tenant, [subject]);
    for (let round = 0; round < 2; round += 1)
      await crypto.jobs.wait(tenant, await crypto.jobs.rotateDataKeys(tenant, { subjectId: subject }, actor));
    const { kids, ledgerIds } = await inTenant(tenant, (tx) => crypto.shred(tx, [subject], erasure));
    expect([kids.length, ledgerIds.length]).toEqual([3, 3]);
    const rows = await keys(tenant, subject);
    expect(rows.map(({ state }) => state)).toEqual(['shredded', 'shredded', 'shredded']);
    const { rows: ledger } = await fixture.db.admin(
      'select encode(kid, $2) as kid from crypto.shred_ledger where tenant_id = $1',
      [tenant, 'hex'],
    );
    expect(new Set(ledger.map(({ kid }) => kid as string))).toEqual(new Set<string>(kids));
    expect(await opened(tenant)).toMatchObject([{ email: { tombstone: true } }]);
  });

  test('a shredded person gets no new key from a rotation, and none from a seal, whoever is first', async () => {
    const tenant = await fixture.db.createTenant();
    const people = Array.from({ length: 25 }, newSubject);
    await inTenant(tenant, (tx) =>
      crypto.sealRows(
        tx,
        contacts.plan,
        people.map((subject_id) => ({ id: randomUUID(), subject_id, first_name: 'x' })),
      ),
    );
    const others = [
      fixture.make({ tables: async () => mapped }),
      fixture.make({ tables: async () => mapped }),
    ];
    await Promise.all(
      people.map(async (subjectId, at) => {
        const other = others[at % 2] ?? crypto;
        const rotating = other.jobs
          .rotateDataKeys(tenant, { subjectId }, actor)
          .then((job) => other.jobs.wait(tenant, job));
        await sleep(at % 4);
        await inTenant(tenant, (tx) => crypto.shred(tx, [subjectId], erasure));
        await rotating;
      }),
    );
    for (const subjectId of people) {
      const rows = await keys(tenant, subjectId);
      expect(rows.every(({ state }) => state === 'shredded')).toBe(true);
      expect(rows.filter(({ current }) => current === true)).toHaveLength(1);
      const scope = { kind: 'subject', subjectId } as const;
      await expect(
        inTenant(tenant, (tx) => fixture.make().seal(tx, scope, emailContext, Buffer.from('x'))),
      ).rejects.toMatchObject({ code: 'ERR_CRYPTO_SHREDDED' });
    }
  });
});

describe('jobs', () => {
  test('are taken by one process at a time; one whose process is silent is taken over, and the silent one cannot write', async () => {
    const tenant = await fixture.db.createTenant();
    await insertContacts(tenant, [newSubject()]);
    const job = await crypto.jobs.rewrap(tenant, actor);
    const held = `update crypto.key_job set fence = fence + 1, lease_until = now() + interval '1 hour' where id = $1`;
    await fixture.db.admin(held, [job.id]);
    expect(await crypto.jobs.tick()).toBe(0);
    await fixture.db.admin(
      `update crypto.key_job set lease_until = now() - interval '1 second' where id = $1`,
      [job.id],
    );
    const ended = await Promise.all([crypto.jobs.tick(), fixture.make().jobs.tick()]);
    expect(ended[0] + ended[1]).toBe(1);
    expect(await inTenant(tenant, (tx) => crypto.jobs.find(tx, job.id))).toMatchObject({ state: 'done' });
  });

  test('stand in the list of their tenant only, newest first', async () => {
    const [tenant, other] = [await fixture.db.createTenant(), await fixture.db.createTenant()];
    const first = await crypto.jobs.wait(tenant, await crypto.jobs.rewrap(tenant, actor));
    const second = await crypto.jobs.wait(tenant, await crypto.jobs.rotateTenantKey(tenant, actor));
    const page = { after: null, limit: 10 };
    const list = await inTenant(tenant, (tx) => crypto.jobs.list(tx, page));
    expect(list.map(({ id }) => id)).toEqual([second.id, first.id]);
    expect(await inTenant(other, (tx) => crypto.jobs.list(tx, page))).toEqual([]);
  });
});
