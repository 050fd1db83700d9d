import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect } from '@jest/globals';
import pg from 'pg';
import type { Page } from 'playwright-core';
import { testUnless } from '../support/skip.ts';
import { call } from '../support/house.ts';
import {
  confirmStepUp,
  openBrowserHouse,
  personOf,
  settled,
  signIn,
  tenantOf,
  whyNoBrowser,
  type BrowserHouse,
} from './support/browser.ts';

/** The main job of the product, played in a browser by everybody it concerns, then checked from outside. */

const run = promisify(execFile);
const missing = await whyNoBrowser();
const slug = 'acme';
const minute = 60_000;
const root = join(import.meta.dirname, '..', '..');

let house: BrowserHouse;
let database: pg.Client;
let folder: string;
/** What the story learns on its way. */
const story = { email: '', contactId: '', subjectId: '', portalUrl: '', requestId: '', certificate: '' };

beforeAll(async () => {
  if (missing !== null) return;
  house = await openBrowserHouse();
  database = new pg.Client({ connectionString: house.bootstrap.databaseUrl });
  await database.connect();
  folder = await mkdtemp(join(tmpdir(), 'gatehouse-story-'));
}, minute);

afterAll(async () => {
  if (missing !== null) return;
  await database.end();
  await house.close();
  await rm(folder, { recursive: true, force: true });
});

const picture = (page: Page, name: string): Promise<Buffer> =>
  page.screenshot({ path: join(house.artifacts, `story-${name}.png`), fullPage: true });

async function as(persona: string, path: string, work: (page: Page) => Promise<void>): Promise<void> {
  const context = await house.context();
  const page = await context.newPage();
  await signIn(page, slug, personOf(house, slug, persona), path);
  await settled(page);
  await work(page);
  await context.close();
}

async function tokenFor(role: string): Promise<string> {
  const account = tenantOf(house, slug).serviceAccounts.find((one) => one.roles.includes(role));
  const basic = Buffer.from(`${account?.clientId}:${account?.clientSecret}`).toString('base64');
  const response = await fetch(house.bootstrap.tokenEndpoint, {
    method: 'POST',
    headers: { authorization: `Basic ${basic}`, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ grant_type: 'client_credentials', resource: house.url }),
  });
  return ((await response.json()) as { access_token: string }).access_token; // RFC 6749 section 5.1
}

testUnless(
  missing,
  'a marketer sees the permitted contacts, masked, while the database holds ciphertext',
  async () => {
    await as('marketer', '/data?purpose=marketing', async (page) => {
      await page.getByTestId('masked').first().waitFor();
      const regions = await database.query<{ region: string }>(
        'select distinct region from marketing_contacts.contact',
      );
      expect(regions.rows.length).toBeGreaterThan(1);
      const text = await page.locator('main').innerText();
      expect(text).toContain('emea');
      expect(text).not.toMatch(/\b(apac|amer)\b/);
      await picture(page, '1-marketer');
    });
    const authorization = `Bearer ${await tokenFor('marketer')}`;
    const invoiced = await database.query<{ id: string; subject_id: string }>(
      `select c.id, c.subject_id from marketing_contacts.contact c join marketing_campaigns.invoice i on i.tenant_id = c.tenant_id and i.contact_id = c.id
     where c.tenant_id = $1 and c.region = 'emea' and exists (select 1 from marketing_engagement.event e where e.tenant_id = c.tenant_id and e.contact_id = c.id) order by c.id limit 1`,
      [tenantOf(house, slug).id],
    );
    story.contactId = invoiced.rows[0]?.id ?? '';
    story.subjectId = invoiced.rows[0]?.subject_id ?? '';
    const contact = await call(house.url, 'GET', `/v1/data/contacts/contact/${story.contactId}`, undefined, {
      authorization,
      'gatehouse-purpose': 'support',
    });
    expect(contact.status).toBe(200);
    story.email = contact.body.email;
    expect(story.email).toMatch(/@/);
    const stored = await database.query('select * from marketing_contacts.contact where id = $1', [
      story.contactId,
    ]);
    expect(stored.rows[0].email[0]).toBe(1); // CT1, suite 01
    expect(
      JSON.stringify(
        Object.values(stored.rows[0]).map((value) =>
          Buffer.isBuffer(value) ? value.toString('latin1') : value,
        ),
      ),
    ).not.toContain(story.email);
  },
  3 * minute,
);

testUnless(
  missing,
  'a person asks for erasure in the portal, on a phone, and proves control of the mailbox',
  async () => {
    const context = await house.context({ viewport: { width: 390, height: 844 } });
    const page = await context.newPage();
    await page.goto(`/portal/${slug}`);
    await page.locator('input[name="type"][value="erasure"]').check();
    await page.getByLabel('Your e-mail address').fill(story.email);
    await picture(page, '2-portal-ask');
    await page.getByTestId('portal-send').click();
    await page.getByTestId('portal-code-input').waitFor();
    await page.getByTestId('portal-code-input').fill(await mailedCode(story.email));
    await page.getByTestId('portal-prove').click();
    await page.locator('[data-testid="portal-status"][data-state="verified"]').waitFor();
    await picture(page, '3-portal-verified');
    story.portalUrl = page.url();
    await context.close();
  },
  2 * minute,
);

async function mailedCode(to: string): Promise<string> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const { body } = await call(house.url, 'GET', `/v1/dsr/outbox?to=${encodeURIComponent(to)}`);
    const code = /\b\d{8}\b|\b\d{6}\b/.exec(body.items[0]?.text ?? '')?.[0];
    if (code !== undefined) return code;
    await new Promise((wake) => setTimeout(wake, 100));
  }
  throw new Error('no mail with a code arrived in the outbox');
}

testUnless(
  missing,
  'the DPO sees the plan: systems, tables, row counts, what is kept and under which exemption',
  async () => {
    await as('dpo', '/requests', async (page) => {
      await page.getByTestId('request-link').first().click();
      await page.getByTestId('make-plan').click();
      await page.getByTestId('plan-tree').waitFor();
      story.requestId = new URL(page.url()).pathname.split('/').at(-1) ?? '';
      const plan = await page.getByTestId('plan-tree').innerText();
      for (const words of ['contact', 'event', 'invoice']) expect(plan).toContain(words);
      expect(await page.getByTestId('exemption').first().innerText()).toMatch(/17\(3\)/);
      await picture(page, '4-plan');
      await page.getByTestId('approve').click();
      await page.getByTestId('approve-confirm').click();
      await stepUpIfAsked(page, 'dpo');
      await page.getByTestId('problem-code').first().waitFor();
      await picture(page, '5-own-plan-refused');
    });
  },
  3 * minute,
);

/** Signing in with a code counts as fresh for some minutes; later the dialog asks again. */
async function stepUpIfAsked(page: Page, persona: string): Promise<void> {
  const asked = page.getByTestId('step-up-code');
  const settledFirst = page
    .locator(
      '[data-testid="problem-code"], [data-state="approved"], [data-state="executing"], [data-state="completed"]',
    )
    .first();
  await Promise.race([asked.waitFor({ timeout: 15_000 }), settledFirst.waitFor({ timeout: 15_000 })]);
  if (await asked.isVisible()) await confirmStepUp(page, personOf(house, slug, persona));
}

testUnless(
  missing,
  'a second person approves, it executes, absence is verified, a signed certificate is issued',
  async () => {
    await as('deputy', `/requests/${story.requestId}`, async (page) => {
      // Ten minutes pass: what was proved at sign-in is no longer fresh enough for this.
      await database.query(
        `update identity.session set authenticated_at = authenticated_at - interval '10 minutes'`,
      );
      await page.getByTestId('approve').click();
      await picture(page, '6-approve');
      await page.getByTestId('approve-confirm').click();
      await page.getByTestId('step-up').waitFor();
      await picture(page, '6b-step-up');
      await confirmStepUp(page, personOf(house, slug, 'deputy'));
      await page.locator('[data-testid="request-state"] [data-state="approved"]').waitFor();
      await page.getByTestId('execute').click();
      await page
        .locator('[data-testid="request-state"] [data-state="completed"]')
        .waitFor({ timeout: minute });
      await page.getByTestId('certificate').waitFor();
      await page.getByTestId('absence').waitFor();
      await picture(page, '7-completed');
    });
    const context = await house.context({ viewport: { width: 390, height: 844 } });
    const page = await context.newPage();
    await page.goto(story.portalUrl);
    await page.locator('[data-testid="portal-status"][data-state="completed"]').waitFor();
    const download = page.waitForEvent('download');
    await page.getByTestId('portal-certificate').click();
    const file = join(folder, 'certificate.jws');
    await (await download).saveAs(file);
    story.certificate = (await readFile(file, 'utf8')).trim();
    await picture(page, '8-portal-completed');
    await context.close();
  },
  4 * minute,
);

testUnless(
  missing,
  'the certificate verifies offline with the command, holds no personal data, and a changed one does not',
  async () => {
    const file = join(folder, 'to-verify.jws');
    await writeFile(file, story.certificate);
    const keys = join(folder, 'keys.json');
    await writeFile(keys, await (await fetch(`${house.url}/v1/dsr/certificates/keys`)).text());
    const good = await run(process.execPath, [
      join(root, 'cli', 'main.ts'),
      'dsr',
      'verify',
      file,
      '--keys',
      keys,
    ]);
    expect(good.stdout).toMatch(/valid/i);
    const payload = Buffer.from(story.certificate.split('.')[1] ?? '', 'base64url').toString('utf8');
    expect(payload).not.toContain(story.email);
    expect(payload).not.toContain(story.subjectId);
    const [header, body, signature] = story.certificate.split('.');
    await writeFile(
      file,
      `${header}.${Buffer.from(
        Buffer.from(body ?? '', 'base64url')
          .toString('utf8')
          .replace('erasure', 'Erasure'),
      ).toString('base64url')}.${signature}`,
    );
    await expect(
      run(process.execPath, [join(root, 'cli', 'main.ts'), 'dsr', 'verify', file, '--keys', keys]),
    ).rejects.toMatchObject({ code: 1 });
  },
  minute,
);

testUnless(
  missing,
  'the auditor finds every step, checks the proof in the browser, and verifies the evidence pack offline',
  async () => {
    await as('auditor', `/trail?q=${story.requestId}`, async (page) => {
      const shown = page.getByTestId('events').getByRole('link').first();
      await shown.waitFor();
      await picture(page, '9-trail');
      // The table holds only the rows in view, so each step is asked for by itself.
      for (const step of [
        'dsr.request_received',
        'dsr.identity_checked',
        'dsr.plan_created',
        'dsr.plan_approved',
        'dsr.system_erased',
        'dsr.absence_scanned',
        'crypto.keys_shredded',
        'dsr.certificate_issued',
        'dsr.request_completed',
      ]) {
        await page.goto(`/trail?q=${story.requestId}&action=${step}`);
        await shown.waitFor();
        expect(await page.getByTestId('events').innerText()).toContain(step);
      }
      await shown.click();
      await page.locator('[data-testid="proof-verdict"][data-state="good"]').waitFor();
      await picture(page, '10-proof');
      await page.goto('/trail');
      const download = page.waitForEvent('download', { timeout: minute });
      await page.getByTestId('evidence-pack').click();
      await (await download).saveAs(join(folder, 'evidence.zip'));
    });
    const verified = await run(process.execPath, [
      join(root, 'cli', 'main.ts'),
      'audit',
      'verify',
      '--pack',
      join(folder, 'evidence.zip'),
    ]);
    expect(verified.stdout).toMatch(/ok|verified|holds/i);
  },
  4 * minute,
);

testUnless(
  missing,
  'nothing of the person is left outside the declared exemption, and every proof still holds',
  async () => {
    const rows = await database.query(
      'select 1 from marketing_contacts.contact where id = $1 union all select 1 from marketing_engagement.event where contact_id = $1',
      [story.contactId],
    );
    expect(rows.rowCount).toBe(0);
    const kept = await database.query(
      'select billing_name from marketing_campaigns.invoice where contact_id = $1',
      [story.contactId],
    );
    expect(kept.rowCount).toBeGreaterThan(0);
    expect(await tablesThatMention(story.email)).toEqual([]);
    const verify = await run(
      process.execPath,
      [join(root, 'cli', 'main.ts'), 'audit', 'verify', '--url', house.url, '--tenant', slug],
      {
        env: { ...process.env, GATEHOUSE_DATA_DIR: join(process.env['GATEHOUSE_E2E_BOOTSTRAP'] ?? '', '..') },
      },
    );
    expect(verify.stdout).toMatch(/ok|verified|holds/i);
  },
  2 * minute,
);

/** Looks through every column of every table, text or bytes, as a dump would show them. */
async function tablesThatMention(text: string): Promise<readonly string[]> {
  const tables = await database.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema')`,
  );
  const found: string[] = [];
  for (const { name } of tables.rows) {
    const hex = Buffer.from(text, 'utf8').toString('hex');
    const { rowCount } = await database.query(
      `select 1 from ${name} t where t::text ilike $1 or t::text ilike $2 limit 1`,
      [`%${text}%`, `%${hex}%`],
    );
    if (rowCount !== 0) found.push(name);
  }
  return found;
}

testUnless(
  missing,
  'whoever was erased cannot be brought back by an import',
  async () => {
    const authorization = `Bearer ${await tokenFor('marketer')}`;
    const answer = await call(
      house.url,
      'POST',
      '/v1/data/contacts/contact',
      { email: story.email, first_name: 'Again', region: 'emea', country: 'PL', lifecycle: 'lead' },
      { authorization, 'gatehouse-purpose': 'marketing' },
    );
    expect([answer.status, answer.body.code]).toEqual([409, 'ERR_GATEWAY_SUPPRESSED']);
  },
  minute,
);

testUnless(
  missing,
  'another person asks for a copy of their data and downloads it once, from the portal',
  async () => {
    const { email, firstName } = await somebodyElse();
    const context = await house.context({ viewport: { width: 390, height: 844 }, locale: 'pl-PL' });
    const page = await context.newPage();
    await page.goto(`/portal/${slug}`);
    await page.locator('input[name="type"][value="access"]').check();
    await page.locator('input[type="email"]').fill(email);
    await page.getByTestId('portal-send').click();
    await page.getByTestId('portal-code-input').waitFor();
    await page.getByTestId('portal-code-input').fill(await mailedCode(email));
    await page.getByTestId('portal-prove').click();
    await page.locator('[data-testid="portal-status"][data-state="verified"]').waitFor();
    await as('dpo', '/requests', async (desk) => {
      await desk.getByTestId('request-link').first().click();
      await desk.getByTestId('make-plan').click();
      await desk.getByTestId('plan-tree').waitFor();
      await desk.getByTestId('execute').click();
      await desk
        .locator('[data-testid="request-state"] [data-state="completed"]')
        .waitFor({ timeout: minute });
    });
    await page.reload();
    await page.getByTestId('portal-package').waitFor();
    await picture(page, '11-portal-package');
    const download = page.waitForEvent('download');
    await page.getByTestId('portal-package').click();
    const file = join(folder, 'package.zip');
    await (await download).saveAs(file);
    const listing = await run('python3', ['-c', unzip, file]);
    expect(listing.stdout).toContain('manifest.json');
    expect(listing.stdout).toContain(firstName);
    expect(listing.stdout).toContain(email);
    await context.close();
  },
  4 * minute,
);

/** Prints every file of a zip; python3 stands on every machine that has a browser for tests. */
const unzip = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as z:
    for name in z.namelist():
        print(name); print(z.read(name).decode('utf-8'))
`;

async function somebodyElse(): Promise<{ readonly email: string; readonly firstName: string }> {
  const authorization = `Bearer ${await tokenFor('marketer')}`;
  const { body } = await call(house.url, 'GET', '/v1/data/contacts/contact?limit=5', undefined, {
    authorization,
    'gatehouse-purpose': 'support',
  });
  const other = body.items.find((item: { id: string }) => item.id !== story.contactId);
  return { email: other.email, firstName: other.first_name };
}
