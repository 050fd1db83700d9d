import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from '@jest/globals';
import pg from 'pg';
import type { BrowserContext, Page } from 'playwright-core';
import { testUnless } from '../support/skip.ts';
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

/** The life of keys, played in a browser by the people it takes, and checked in the database. */

const missing = await whyNoBrowser();
const slug = 'acme';
const minute = 60_000;

let house: BrowserHouse;
let database: pg.Client;
let admin: { readonly context: BrowserContext; readonly page: Page };
const now = { tenantId: '', reason: `leaver had access to the root ${Date.now()}` };

beforeAll(async () => {
  if (missing !== null) return;
  house = await openBrowserHouse();
  database = new pg.Client({ connectionString: house.bootstrap.databaseUrl });
  await database.connect();
  now.tenantId = tenantOf(house, slug).id;
  admin = await enter('admin', '/keys/rotation');
}, minute);

afterAll(async () => {
  if (missing !== null) return;
  await admin.context.close();
  await database.end();
  await house.close();
});

async function enter(persona: string, path: string): Promise<{ context: BrowserContext; page: Page }> {
  const context = await house.context({ acceptDownloads: true });
  const page = await context.newPage();
  await signIn(page, slug, personOf(house, slug, persona), path);
  await settled(page);
  return { context, page };
}

const picture = (page: Page, name: string): Promise<Buffer> =>
  page.screenshot({ path: join(house.artifacts, `keys-journey-${name}.png`), fullPage: true });

/** What a click saves, as text. */
async function savedBy(page: Page, testId: string): Promise<string> {
  const waiting = page.waitForEvent('download');
  await page.getByTestId(testId).click();
  const saved = await (await waiting).path();
  return readFile(saved, 'utf8');
}

async function epochs(): Promise<readonly { epoch: number; state: string }[]> {
  const { rows } = await database.query<{ epoch: number; state: string }>(
    'select epoch, state from crypto.kek where tenant_id = $1 order by epoch',
    [now.tenantId],
  );
  return rows;
}

testUnless(
  missing,
  'a security admin rotates the tenant key with a fresh code, watches the job, and finds it again after a reload',
  async () => {
    const { page } = admin;
    const before = await epochs();
    await database.query(
      `update identity.session set authenticated_at = authenticated_at - interval '10 minutes'`,
    );
    await page.getByTestId('rotate').click();
    await picture(page, '1-choose');
    await page.getByTestId('rotate-confirm').click();
    await confirmStepUp(page, personOf(house, slug, 'admin'));
    await page.locator('[data-testid="chosen-job"][data-state="done"]').waitFor({ timeout: 30_000 });
    const address = page.url();
    expect(address).toMatch(/\/keys\/rotation\?job=[0-9a-f-]{36}$/);
    await page.reload();
    await settled(page);
    await page.locator('[data-testid="chosen-job"][data-state="done"]').waitFor();
    await picture(page, '2-rotated');
    const after = await epochs();
    expect(after).toHaveLength(before.length + 1);
    expect(after.at(-1)).toMatchObject({ state: 'active' });
    expect(after.at(-2)).toMatchObject({ state: 'superseded' });
  },
  3 * minute,
);

testUnless(
  missing,
  'a job that runs shows how far it is, how fast, and until when, also to who opens the page in the middle',
  async () => {
    const { page } = admin;
    const { rows } = await database.query<{ id: string }>(
      `insert into crypto.key_job (tenant_id, id, kind, target, phase, total, done, rate, actor, fence, lease_until)
       select tenant_id, gen_random_uuid(), 'data_key', '{"purpose":"shown"}', 'values', 40000, 10000, 50, actor, 1, now() + interval '10 minutes'
       from crypto.key_job where tenant_id = $1 order by started_at desc limit 1 returning id`,
      [now.tenantId],
    );
    await page.goto('/keys/rotation');
    const running = page.getByTestId('running-job');
    await running.waitFor();
    expect(await running.getByRole('progressbar').getAttribute('aria-valuenow')).toBe('25');
    expect(await running.innerText()).toMatch(/10,000 of 40,000[\s\S]*50 a second[\s\S]*in 10 minutes/);
    await picture(page, '3-running');
    await database.query('delete from crypto.key_job where id = $1', [rows[0]?.id]);
  },
  2 * minute,
);

testUnless(
  missing,
  'who proposes to retire an epoch cannot approve it; a second person does, by the digest that the page computed, and the epoch is destroyed',
  async () => {
    const { page } = admin;
    const left = (await epochs()).findLast(({ state }) => state === 'superseded')?.epoch ?? 0;
    await page.goto('/keys');
    await settled(page);
    await page.getByTestId('propose-retire').click();
    await page.getByTestId('reason').fill(now.reason);
    await picture(page, '4-propose');
    await page.getByTestId('retire-confirm').click();
    await page.getByTestId('proposed').waitFor();
    await page.goto('/keys/approvals');
    const own = page.getByTestId('proposal').filter({ hasText: now.reason });
    await own.waitFor();
    expect(await own.getByTestId('why-not').innerText()).toMatch(/You proposed this/);
    expect(await own.getByTestId('approve').count()).toBe(0);
    await picture(page, '5-own');
    const second = await enter('dpo', '/keys/approvals');
    await approve(second.page);
    await second.page.goto('/keys');
    await second.page.getByTestId(`epoch-${left}-destroyed`).waitFor({ timeout: 20_000 });
    await picture(second.page, '7-destroyed');
    await second.context.close();
    expect(await epochs()).toContainEqual({ epoch: left, state: 'destroyed' });
  },
  4 * minute,
);

async function approve(page: Page): Promise<void> {
  await database.query(
    `update identity.session set authenticated_at = authenticated_at - interval '10 minutes'`,
  );
  const proposal = page.getByTestId('proposal').filter({ hasText: now.reason });
  await proposal.getByTestId('digest-check').getByText('matches what is shown here').waitFor();
  await proposal.getByTestId('approve').click();
  await picture(page, '6-approve');
  await page.getByTestId('approve-dialog-confirm').click();
  await confirmStepUp(page, personOf(house, slug, 'dpo'));
  await proposal.waitFor({ state: 'detached', timeout: 30_000 });
}

testUnless(
  missing,
  'a certificate is issued, opened by its address, and revoked with its reason; the list that names it is fresh',
  async () => {
    const { page } = admin;
    const name = `contacts-${Date.now()}`;
    await page.goto('/keys/certificates');
    await settled(page);
    await page.getByTestId('issue').click();
    await page.getByTestId('common-name').fill(name);
    await page.getByTestId('names').fill('contacts.internal\n10.0.0.7\nspiffe://acme/contacts');
    await picture(page, '8-issue');
    await page.getByTestId('issue-dialog-confirm').click();
    await stepUpUnless(page, page.locator('[data-testid="certificate-state"][data-state="valid"]'));
    expect(page.url()).toMatch(/id=[0-9a-f-]{36}/);
    await page.reload();
    await page.locator('[data-testid="certificate-state"][data-state="valid"]').waitFor();
    await picture(page, '9-certificate');
    await page.getByTestId('revoke').click();
    await page.getByTestId('revocation-reason').selectOption('key_compromise');
    await page.getByTestId('revoke-dialog-confirm').click();
    await page.locator('[data-testid="certificate-state"][data-state="revoked"]').waitFor();
    expect(await page.getByTestId('certificate-state').innerText()).toContain('other hands');
    expect(await page.getByTestId('authorities').innerText()).toMatch(/no\. \d+, [1-9]\d* revoked/);
    await picture(page, '10-revoked');
  },
  3 * minute,
);

/** Signing in counts as fresh for some minutes; the test above let that time pass. */
async function stepUpUnless(page: Page, outcome: ReturnType<Page['locator']>): Promise<void> {
  const asked = page.getByTestId('step-up-code');
  await Promise.race([asked.waitFor(), outcome.waitFor()]);
  if (await asked.isVisible()) await confirmStepUp(page, personOf(house, slug, 'admin'));
  await outcome.waitFor();
}

testUnless(
  missing,
  'the inventory names an overdue key first and saves what is filtered as one CSV',
  async () => {
    const { page } = admin;
    await database.query(
      `update crypto.dek set created_at = created_at - interval '3 years' where tenant_id = $1 and purpose = 'tax'`,
      [now.tenantId],
    );
    await page.goto('/keys/inventory?kind=purpose_key');
    await settled(page);
    await page.getByTestId('overdue-purpose_key').waitFor();
    expect(await page.getByTestId('inventory').locator('tbody tr').first().innerText()).toMatch(
      /tax[\s\S]*overdue/,
    );
    await picture(page, '11-inventory');
    const lines = (await savedBy(page, 'inventory-csv')).trimEnd().split(/\r?\n/);
    expect(lines[0]).toMatch(/^kind,id,scope,state,/);
    expect(lines.slice(1).every((line) => line.startsWith('purpose_key,'))).toBe(true);
    expect(lines.filter((line) => line.includes(',tax,') && line.endsWith(',yes'))).toHaveLength(1);
    await page.goto('/');
    await page.getByTestId('tile-crypto.cryptoperiods').getByRole('link').click();
    await page.waitForURL(/\/keys\/inventory/);
    await database.query(
      `update crypto.dek set created_at = created_at + interval '3 years' where tenant_id = $1 and purpose = 'tax'`,
      [now.tenantId],
    );
  },
  2 * minute,
);

testUnless(
  missing,
  'the key of an erased person shows as cut off in the picture and as a line of the ledger that can be saved',
  async () => {
    const { rows } = await database.query<{ subject_id: string }>(
      `select subject_id from crypto.dek where tenant_id = $1 and subject_id is not null and state = 'active' order by subject_id limit 1`,
      [now.tenantId],
    );
    const dpo = await enter('dpo', '/keys');
    const answer = await dpo.page.evaluate<number>(
      `(async (subjectId) => {
        const session = await (await fetch('/v1/identity/session')).json();
        const response = await fetch('/v1/crypto/shred', {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'x-csrf-token': session.csrfToken },
          body: JSON.stringify({ subjectIds: [subjectId], requestId: 'by-hand-1', reason: 'court order' }),
        });
        return response.status;
      })(${JSON.stringify(rows[0]?.subject_id)})`,
    );
    expect(answer).toBe(200);
    await dpo.page.reload();
    await settled(dpo.page);
    await dpo.page.getByTestId('key-hierarchy').getByText('1 cut off').first().waitFor();
    await picture(dpo.page, '12-cut');
    await dpo.page.goto('/keys/ledger');
    await dpo.page.getByTestId('shred-ledger').getByText('court order').waitFor();
    await dpo.page.getByTestId('ledger-state').getByText('agree').first().waitFor();
    await picture(dpo.page, '13-ledger');
    const csv = await savedBy(dpo.page, 'ledger-export');
    expect(csv).toMatch(/^shredded_at,kid,epoch,/);
    expect(csv).toContain('by-hand-1,court order');
    await dpo.context.close();
  },
  3 * minute,
);

testUnless(
  missing,
  'a key service that does not answer is laid down, tried with a clear cause, and used by nobody',
  async () => {
    const { page } = admin;
    await page.goto('/keys/providers');
    await settled(page);
    await page.getByTestId('health-local').getByText('answers').waitFor();
    await page.getByTestId('try-local').click();
    await page.locator('[data-testid="trial"][data-state="good"]').waitFor();
    await page.getByTestId('add-provider').click();
    await page.getByTestId('provider-name').fill('ours');
    await page.getByTestId('provider-url').fill('https://keys.invalid/gatehouse/{kid}');
    await page.getByTestId('provider-key-id').fill('key-2026');
    await picture(page, '14-add-provider');
    await page.getByTestId('add-provider-dialog-confirm').click();
    await stepUpUnless(page, page.getByTestId('provider-ours'));
    await page.getByTestId('health-ours').getByText('does not answer').waitFor({ timeout: 20_000 });
    await page.getByTestId('try-ours').click();
    await page.locator('[data-testid="trial"][data-state="bad"]').waitFor({ timeout: 30_000 });
    await picture(page, '15-tried');
    expect((await epochs()).some(({ state }) => state === 'active')).toBe(true);
  },
  3 * minute,
);
