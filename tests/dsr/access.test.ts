import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseSubjectId, type TenantId } from '../../kernel/index.ts';
import { askThroughPortal, createDsrFixture, type DsrFixture } from './dsr-fixture.ts';
import { readZip } from './read-zip.ts';

describe('an access request', () => {
  let f: DsrFixture;
  let tenantId: TenantId;
  let person: { id: string; subjectId: string; email: string };
  let others: readonly { id: string; email: string }[];
  let asked: { id: string; ticket: string };
  let files: ReadonlyMap<string, Buffer>;
  const file = (name: string): string => files.get(name)?.toString('utf8') ?? '';

  beforeAll(async () => {
    f = await createDsrFixture();
    tenantId = await f.createTenant('acme', 40);
    const { rows } = await f.db.admin(
      `select contact_id from marketing_campaigns.invoice where tenant_id = $1 order by id limit 1`,
      [tenantId],
    );
    const everybody = await f.contacts(tenantId);
    const found = everybody.find((one) => one.id === rows[0]?.contact_id);
    if (found === undefined) throw new Error('nobody has an invoice');
    person = found;
    others = everybody.filter((one) => one.id !== person.id);
    asked = await askThroughPortal(f, 'acme', { type: 'access', email: person.email, language: 'pl' });
    const dana = f.staff(tenantId, 'Dana');
    await f.call('planDsrRequest', { principal: dana, params: { id: asked.id } });
    const done = await f.call('executeDsrRequest', { principal: dana, params: { id: asked.id } });
    expect(done.body).toMatchObject({ state: 'completed' });
    await f.settle();
    const zip = (
      await f.call('downloadPortalPackage', { params: { slug: 'acme' }, body: { ticket: asked.ticket } })
    ).body as Buffer; // the route's own answer
    files = readZip(zip);
  }, 120_000);
  afterAll(() => f.close());

  test('gives a package whose manifest has the hash of every file', async () => {
    const manifest = JSON.parse(file('manifest.json')) as {
      files: readonly { name: string; sha256: string }[];
    };
    const inside = [...files.keys()].filter((name) => name !== 'manifest.json');
    expect(manifest.files.map((one) => one.name).toSorted()).toEqual(inside.toSorted());
    for (const { name, sha256 } of manifest.files)
      expect(
        createHash('sha256')
          .update(files.get(name) ?? '')
          .digest('hex'),
      ).toBe(sha256);
  });

  test('is complete: every row of every collection that leads to the person', async () => {
    for (const [collection, table, column] of [
      ['contacts.consent', 'marketing_contacts.consent', 'contact_id'],
      ['engagement.event', 'marketing_engagement.event', 'contact_id'],
      ['campaigns.invoice', 'marketing_campaigns.invoice', 'contact_id'],
      ['campaigns.audience_member', 'marketing_campaigns.audience_member', 'contact_id'],
      ['contacts.contact', 'marketing_contacts.contact', 'id'],
    ]) {
      const { rows } = await f.db.admin(
        `select count(*)::integer as rows from ${table} where ${column} = $1`,
        [person.id],
      );
      expect([collection, (JSON.parse(file(`data/${collection}.json`)) as unknown[]).length]).toEqual([
        collection,
        rows[0].rows,
      ]);
    }
    const [contact] = JSON.parse(file('data/contacts.contact.json')) as Record<string, unknown>[];
    expect(contact).toMatchObject({ email: person.email });
    expect(contact).not.toHaveProperty('subject_id');
  });

  test("holds nothing of anybody else's", async () => {
    const all = [...files.values()].map(String).join('\n');
    for (const other of others) {
      expect(all).not.toContain(other.email);
      expect(all).not.toContain(other.id);
    }
  });

  test('is written in the language of the person, without script, and tells what Article 15 asks', async () => {
    const html = file('index.html');
    expect(html).toContain('<html lang="pl">');
    expect(html).toContain('Twoje dane');
    expect(html).not.toMatch(/<script|https?:\/\//);
    const manifest = JSON.parse(file('manifest.json')) as { information: Record<string, unknown[]> };
    for (const part of ['purposes', 'categories', 'recipients', 'retention'])
      expect(manifest.information[part]?.length).toBeGreaterThan(0);
  });

  test('can be fetched once', async () => {
    await expect(
      f.call('downloadPortalPackage', { params: { slug: 'acme' }, body: { ticket: asked.ticket } }),
    ).rejects.toMatchObject({ code: 'ERR_DSR_NO_PACKAGE', status: 410 });
    const { rows } = await f.db.admin(
      'select count(*)::integer as rows from dsr.package_chunk where request_id = $1',
      [asked.id],
    );
    expect(rows[0].rows).toBe(0);
  });

  test('changes no row of the person', async () => {
    const { rows } = await f.db.admin(
      'select count(*)::integer as rows from marketing_contacts.contact where id = $1',
      [person.id],
    );
    expect(rows[0].rows).toBe(1);
  });

  test('is one sealed file at rest; one stored in the old way is still handed out', async () => {
    const email = others[1]?.email ?? '';
    const request = await askThroughPortal(f, 'acme', { type: 'access', email });
    const dana = f.staff(tenantId, 'Dana');
    await f.call('planDsrRequest', { principal: dana, params: { id: request.id } });
    await f.call('executeDsrRequest', { principal: dana, params: { id: request.id } });
    await f.settle();
    const { rows } = await f.db.admin(
      'select content from dsr.package_chunk where request_id = $1 order by position',
      [request.id],
    );
    const sealed = Buffer.concat(rows.map((row) => row.content as Buffer)); // bytea
    expect(sealed[0]).toBe(0x05);
    const place = { service: 'dsr', collection: 'request', rowId: request.id, purpose: 'dsr' };
    const scope = { kind: 'subject', subjectId: parseSubjectId(request.id) } as const;
    const [zip, old] = await f.db.database.withTenant(tenantId, async (tx) => {
      const opened = await f.crypto.files.open(tx, { ...place, field: 'package' }, sealed);
      if (opened.kind === 'shredded') throw new Error('the key of the request is gone');
      const field = 'package:0/1';
      return [opened.plaintext, await f.crypto.seal(tx, scope, { ...place, field }, opened.plaintext)];
    });
    await f.db.admin('delete from dsr.package_chunk where request_id = $1', [request.id]);
    await f.db.admin('update dsr.package set chunks = 1 where request_id = $1', [request.id]);
    await f.db.admin(
      'insert into dsr.package_chunk (tenant_id, request_id, position, content) values ($1, $2, 0, $3)',
      [tenantId, request.id, old],
    );
    const got = await f.call('downloadPortalPackage', {
      params: { slug: 'acme' },
      body: { ticket: request.ticket },
    });
    expect((got.body as Buffer).equals(zip ?? Buffer.alloc(0))).toBe(true); // the route's own answer
  });

  test('is sealed at rest and gone after seven days', async () => {
    const email = others[0]?.email ?? '';
    const second = await askThroughPortal(f, 'acme', { type: 'access', email });
    const dana = f.staff(tenantId, 'Dana');
    await f.call('planDsrRequest', { principal: dana, params: { id: second.id } });
    await f.call('executeDsrRequest', { principal: dana, params: { id: second.id } });
    const { rows } = await f.db.admin(
      `select count(*) filter (where position('PK'::bytea in content) = 1)::integer as zips, count(*)::integer as chunks from dsr.package_chunk where request_id = $1`,
      [second.id],
    );
    expect(rows[0]).toMatchObject({ zips: 0 });
    expect(rows[0].chunks).toBeGreaterThan(0);
    f.clock.advance(7 * 86_400_000 + 1_000);
    await expect(
      f.call('downloadPortalPackage', { params: { slug: 'acme' }, body: { ticket: second.ticket } }),
    ).rejects.toMatchObject({ code: 'ERR_DSR_NO_PACKAGE' });
    await f.settle();
    const { rows: left } = await f.db.admin(
      'select count(*)::integer as chunks from dsr.package_chunk where request_id = $1',
      [second.id],
    );
    expect(left[0].chunks).toBe(0);
  });
});
