import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { TenantId } from '../../kernel/index.ts';
import { encryptionPlan } from '../../datamap/index.ts';
import { certificateKey, verifyCertificate } from '../../dsr/index.ts';
import { askThroughPortal, createDsrFixture, planAndApprove, type DsrFixture } from './dsr-fixture.ts';

const tables = [
  'marketing_contacts.contact',
  'marketing_contacts.consent',
  'marketing_engagement.event',
  'marketing_campaigns.campaign',
  'marketing_campaigns.audience',
  'marketing_campaigns.audience_member',
  'marketing_campaigns.invoice',
];

describe('erasing one person of one tenant', () => {
  let f: DsrFixture;
  let acme: TenantId;
  let globex: TenantId;
  let victim: { id: string; subjectId: string; email: string; phone: string | null };
  let before: ReadonlyMap<string, string>;
  let invoicesBefore: string;
  let done: { id: string; ticket: string };
  let detail: { state: string; absence: unknown; tasks: readonly { state: string }[] };

  /** A hash per table over everything that is not the victim's. */
  const hashOthers = async (): Promise<ReadonlyMap<string, string>> => {
    const hashes = new Map<string, string>();
    for (const table of tables) {
      const { rows: columns } = await f.db.admin(
        `select attname from pg_attribute where attrelid = $1::regclass and attname in ('contact_id', 'subject_id')`,
        [table],
      );
      const own = table.endsWith('.contact')
        ? `id = $1`
        : columns.some((row) => row.attname === 'contact_id')
          ? `contact_id = $1`
          : `$1::uuid is null`;
      const { rows } = await f.db.admin(
        `select md5(coalesce(string_agg(t::text, '|' order by t.tenant_id, t.id), '')) as hash, count(*) as rows from ${table} t where not (${own})`,
        [victim.id],
      );
      hashes.set(table, `${rows[0].rows} ${rows[0].hash}`);
    }
    return hashes;
  };
  const invoicesOfVictim = async (): Promise<string> =>
    (
      await f.db.admin(
        `select coalesce(string_agg(i::text, '|' order by i.id), '') as rows from marketing_campaigns.invoice i where contact_id = $1`,
        [victim.id],
      )
    ).rows[0].rows;

  beforeAll(async () => {
    f = await createDsrFixture();
    acme = await f.createTenant('acme', 60);
    globex = await f.createTenant('globex', 40);
    const { rows } = await f.db.admin(
      `select contact_id from marketing_campaigns.invoice where tenant_id = $1 order by id limit 1`,
      [acme],
    );
    const found = (await f.contacts(acme)).find((one) => one.id === rows[0]?.contact_id);
    if (found === undefined) throw new Error('no contact with an invoice was generated');
    victim = found;
    before = await hashOthers();
    invoicesBefore = await invoicesOfVictim();
    done = await askThroughPortal(f, 'acme', { type: 'erasure', email: victim.email });
    await planAndApprove(f, done.id, f.staff(acme, 'Dana'), f.staff(acme, 'Robin'));
    const executed = await f.call('executeDsrRequest', {
      principal: f.staff(acme, 'Dana'),
      params: { id: done.id },
    });
    detail = executed.body as typeof detail; // the route's own shape
    await f.settle();
  }, 120_000);
  afterAll(() => f.close());

  test('completes with a clean scan of every column', () => {
    expect(detail.state).toBe('completed');
    expect(detail.absence).toMatchObject({ state: 'clean', scope: 'full', findings: [] });
    expect(detail.tasks.map((task) => task.state)).toEqual(['done', 'done', 'done']);
  });

  test("leaves every other person's rows of both tenants byte-identical", async () => {
    expect(await hashOthers()).toEqual(before);
  });

  test('keeps the invoices byte-identical and readable under the tax key', async () => {
    expect(invoicesBefore).not.toBe('');
    expect(await invoicesOfVictim()).toBe(invoicesBefore);
    const collection = f.dataMap.collection('campaigns.invoice');
    if (collection === null) throw new Error('no invoices mapped');
    const opened = await f.db.database.withTenant(acme, async (tx) => {
      const { rows } = await tx.run({
        sql: 'select * from marketing_campaigns.invoice where contact_id = $1',
        parameters: [victim.id],
      });
      return f.crypto.openRows(tx, encryptionPlan(collection), rows, ['billing_name']);
    });
    expect(typeof opened[0]?.['billing_name']).toBe('string');
  });

  test('has no row of the person left outside the exemption', async () => {
    for (const table of tables.filter((one) => !one.endsWith('.invoice'))) {
      const { rows } = await f.db.admin(
        `select count(*)::integer as rows from ${table} t where t::text like $1 or t::text like $2`,
        [`%${victim.id}%`, `%${victim.subjectId}%`],
      );
      expect([table, rows[0].rows]).toEqual([table, 0]);
    }
  });

  test('leaves no trace of address or phone in any column of any table, as a dump would show it', async () => {
    const { rows: all } = await f.db.admin(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema')`,
    );
    const hex = (text: string): string => Buffer.from(text).toString('hex');
    for (const { name } of all) {
      for (const word of [victim.email, victim.email.toLowerCase(), victim.phone ?? victim.email]) {
        const { rows } = await f.db.admin(
          `select count(*)::integer as rows from ${name} t where t::text ilike $1 or t::text ilike $2`,
          [`%${word}%`, `%${hex(word)}%`],
        );
        expect([name, word === victim.email ? 'as stored' : 'lower', rows[0].rows]).toEqual([
          name,
          word === victim.email ? 'as stored' : 'lower',
          0,
        ]);
      }
    }
  });

  test('issues a certificate that verifies offline, names nobody and proves the logged completion', async () => {
    const { body } = await f.call('getPortalCertificate', {
      params: { slug: 'acme' },
      query: { ticket: done.ticket },
    });
    const jws = String(body);
    const keys = (await f.call('listCertificateKeys', {})).body as {
      keys: readonly { kid: string; x: string }[];
    };
    const keyOf = (id: string) => {
      const key = keys.keys.find((one) => one.kid === id);
      return key === undefined ? null : certificateKey(Buffer.from(key.x, 'base64url'));
    };
    const verdict = verifyCertificate(jws, keyOf);
    if (!verdict.valid) throw new Error(verdict.reason);
    expect(verdict.claims.exemptions).toEqual([
      expect.objectContaining({
        collection: 'campaigns.invoice',
        code: 'legal_obligation.tax',
        citation: 'GDPR Art. 17(3)(b)',
      }),
    ]);
    expect(verdict.claims.requestId).toBe(done.id);
    // Nobody has laid down an end of the key epoch, so backups are named by how long they are kept.
    const { backups } = verdict.claims;
    expect(backups).toMatchObject({ keys: { until: null, basis: 'none' }, horizon: backups.retained });
    const { body: view } = await f.call('getPortalStatus', {
      params: { slug: 'acme' },
      query: { ticket: done.ticket },
    });
    expect(view).toMatchObject({ backupsUntil: backups.horizon });
    const text =
      Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString('utf8') +
      Buffer.from(verdict.claims.log.entry, 'base64').toString('utf8');
    expect(text).not.toContain(victim.email);
    expect(text).not.toContain(victim.subjectId);
    expect(text).not.toContain(victim.id);
    expect(text.toLowerCase()).not.toContain(victim.email.split('@')[0]?.toLowerCase());
    const [header, payload = '', signature] = jws.split('.');
    const forged = Buffer.from(
      Buffer.from(payload, 'base64url')
        .toString('utf8')
        .replace('"rows":0', '"rows":1')
        .replace('gdpr', 'ccpa'),
    ).toString('base64url');
    expect(verifyCertificate(`${header}.${forged}.${signature}`, keyOf)).toMatchObject({ valid: false });
    expect((await f.call('verifyCertificate', { body: { certificate: jws } })).body).toMatchObject({
      valid: true,
    });
    // The last byte of an Ed25519 signature is below 16: never 255.
    expect(
      (await f.call('verifyCertificate', { body: { certificate: `${jws.slice(0, -2)}_w` } })).body,
    ).toMatchObject({ valid: false });
  });

  test('puts the person on the suppression list of this tenant only, whatever the spelling', async () => {
    const ask = (tenantId: TenantId, value: string) =>
      f.db.database.withTenant(tenantId, (tx) =>
        f.dsr.suppression.isSuppressed(tx, [{ kind: 'email', value }], 'marketing'),
      );
    expect(await ask(acme, ` ${victim.email.toUpperCase()} `)).toMatchObject({
      requestId: done.id,
      scope: 'erased',
    });
    expect(await ask(globex, victim.email)).toBeNull();
    expect(await ask(acme, 'nobody@example.org')).toBeNull();
  });

  test('stands in the trail from receipt to certificate, every event of the person bearing the subject', async () => {
    await f.audit.flush();
    await f.audit.project(acme);
    const actions = await f.db.database.withTenant(acme, async (tx) =>
      (await f.audit.search(tx, { q: done.id, limit: 200 })).items.map((item) => item.action),
    );
    for (const action of [
      'dsr.request_received',
      'dsr.identity_checked',
      'dsr.plan_created',
      'dsr.plan_approved',
      'dsr.system_erased',
      'dsr.absence_scanned',
      'dsr.suppression_added',
      'dsr.request_completed',
      'dsr.certificate_issued',
      'dsr.request_forgotten',
    ]) {
      expect(actions).toContain(action);
    }
    const history = await f.db.database.withTenant(acme, (tx) => f.audit.history(tx, victim.subjectId));
    expect(history.map((item) => item.action)).toEqual(
      expect.arrayContaining(['dsr.system_erased', 'crypto.keys_shredded', 'dsr.state_changed']),
    );
  });

  test('forgets the request itself once its last message is out', async () => {
    const { rows } = await f.db.admin(
      'select sealed, search_sealed, subject_label, forgotten_at, identity_hash from dsr.request where id = $1',
      [done.id],
    );
    expect(rows[0]).toMatchObject({ sealed: null, search_sealed: null, subject_label: null });
    expect(rows[0].forgotten_at).not.toBeNull();
    expect(rows[0].identity_hash).toHaveLength(32);
  });
});
