import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { TenantId } from '../../kernel/index.ts';
import { encryptionPlan } from '../../datamap/index.ts';
import { askThroughPortal, createDsrFixture, planAndApprove, type DsrFixture } from './dsr-fixture.ts';

/** A copy of a database as a backup would be: everything as it was, keys included, as far as they stand in it. */
async function copyDatabase(adminUrl: string): Promise<string> {
  const live = new URL(adminUrl).pathname.slice(1);
  const copy = `copy_${randomUUID().replaceAll('-', '')}`;
  const server = new URL(adminUrl);
  server.pathname = '/postgres';
  const client = new pg.Client({ connectionString: server.href });
  await client.connect();
  try {
    // A template must have no visitors; the house connects again by itself.
    await client.query(`alter database ${live} allow_connections false`);
    for (let attempt = 0; ; attempt += 1) {
      await client.query('select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = $1', [
        live,
      ]);
      try {
        await client.query(`create database ${copy} template ${live}`);
        break;
      } catch (error) {
        if (attempt === 20) throw error;
      }
    }
  } finally {
    await client.query(`alter database ${live} allow_connections true`);
    await client.end();
  }
  return copy;
}

describe('copies taken before an erasure', () => {
  let f: DsrFixture;
  let tenantId: TenantId;
  let copy: string;
  let person: { id: string; subjectId: string; email: string };
  let requestId: string;
  let stolen: { email: Buffer };
  const atServer = async (
    text: string,
    database = 'postgres',
  ): Promise<readonly Record<string, unknown>[]> => {
    const url = new URL(f.db.adminUrl);
    url.pathname = `/${database}`;
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(text)).rows;
    } finally {
      await client.end();
    }
  };
  beforeAll(async () => {
    f = await createDsrFixture();
    tenantId = await f.createTenant('acme', 12);
    const found = (await f.contacts(tenantId))[2];
    if (found === undefined) throw new Error('nobody was generated');
    person = found;
    const { rows } = await f.db.admin('select email from marketing_contacts.contact where id = $1', [
      person.id,
    ]);
    stolen = { email: rows[0]?.email as Buffer };
    copy = await copyDatabase(f.db.adminUrl);
    requestId = (await askThroughPortal(f, 'acme', { type: 'erasure', email: person.email })).id;
  }, 60_000);
  afterAll(async () => {
    await atServer(`drop database if exists ${copy} with (force)`);
    await f.close();
  });

  const openStolen = () =>
    f.db.database.withTenant(tenantId, (tx) =>
      f.crypto.open(
        tx,
        { service: 'contacts', collection: 'contact', field: 'email', rowId: person.id, purpose: 'subject' },
        stolen.email,
      ),
    );
  /** The rows of the old copy, opened with the keys that the house has now. */
  const openCopy = async (type: string, fields: readonly string[]) => {
    const collection = f.dataMap.collection(type);
    if (collection === null) throw new Error(`${type} is not mapped`);
    const rows = await atServer(`select * from ${collection.schema}.${collection.table}`, copy);
    return f.db.database.withTenant(tenantId, async (tx) =>
      (await f.crypto.openRows(tx, encryptionPlan(collection), rows, fields)).map((opened, at) => ({
        mine: rows[at]?.['subject_id'] === person.subjectId,
        values: fields.map((field) => opened[field]).filter((value) => value !== null),
      })),
    );
  };

  test('give the person in the clear as long as their key lives', async () => {
    const contacts = await openCopy('contacts.contact', ['email']);
    expect(contacts.find(({ mine }) => mine)?.values).toEqual([person.email]);
    expect(await openStolen()).toMatchObject({ kind: 'plaintext', plaintext: Buffer.from(person.email) });
  });

  test('give tombstones of the erased person and plaintext of everybody else afterwards', async () => {
    await planAndApprove(f, requestId, f.staff(tenantId, 'Dana'), f.staff(tenantId, 'Robin'));
    await f.call('executeDsrRequest', {
      principal: f.staff(tenantId, 'Dana'),
      params: { id: requestId },
    });
    const opened = [
      ...(await openCopy('contacts.contact', ['email', 'phone', 'first_name', 'last_name', 'city'])),
      ...(await openCopy('engagement.event', ['ip', 'user_agent'])),
    ];
    const [mine, others] = [opened.filter((row) => row.mine), opened.filter((row) => !row.mine)];
    expect(mine.length).toBeGreaterThan(0);
    expect(others.length).toBeGreaterThan(10);
    for (const value of mine.flatMap(({ values }) => values))
      expect(value).toEqual({ tombstone: true, requestId });
    for (const value of others.flatMap(({ values }) => values)) expect(typeof value).toBe('string');
  });

  test('of a single ciphertext open as a tombstone that names the request', async () => {
    expect(await openStolen()).toMatchObject({ kind: 'shredded', requestId });
  });
});
