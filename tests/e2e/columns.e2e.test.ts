import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { AxeBuilder } from '@axe-core/playwright';
import { afterAll, beforeAll, expect } from '@jest/globals';
import pg from 'pg';
import type { Page } from 'playwright-core';
import { parseTenantId } from '../../kernel/index.ts';
import { createShop, insertPeople, noteField, shopMap } from '../support/column-house.ts';
import type { TestDatabase } from '../support/database.ts';
import { testUnless } from '../support/skip.ts';
import {
  openBrowserHouse,
  personOf,
  settled,
  signIn,
  tenantOf,
  whyNoBrowser,
  type BrowserHouse,
} from './support/browser.ts';

/** A column of a live table is encrypted: the administrator at the command line, the engineer in the browser. */

const run = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');
const missing = await whyNoBrowser();
const slug = 'acme';
const minute = 60_000;

let house: BrowserHouse;
let database: pg.Client;

beforeAll(async () => {
  if (missing !== null) return;
  house = await openBrowserHouse();
  database = new pg.Client({ connectionString: house.bootstrap.databaseUrl });
  await database.connect();
}, minute);

afterAll(async () => {
  if (missing !== null) return;
  await database.end();
  await house.close();
});

/** The administrator's command, as a process of its own. @throws Error with what it said when it fails */
async function gatehouse(...argv: string[]): Promise<void> {
  const environment = {
    PATH: process.env['PATH'],
    GATEHOUSE_DATABASE_URL: house.bootstrap.databaseUrl,
    GATEHOUSE_DATA_DIR: dirname(process.env['GATEHOUSE_E2E_BOOTSTRAP'] ?? ''),
  };
  await run(process.execPath, [join(root, 'cli', 'main.ts'), ...argv], { cwd: root, env: environment });
}

async function prepareShop(): Promise<void> {
  const db = {
    admin: (sql: string, values?: unknown[]) => database.query(sql, values),
  } as unknown as TestDatabase; // the two makers below use nothing else of it
  await createShop(db);
  const people = Array.from({ length: 250 }, (_, at) => ({ id: at + 1, note: `555-01${at}` }));
  await insertPeople(db, parseTenantId(tenantOf(house, slug).id), people);
  const file = join(dirname(process.env['GATEHOUSE_E2E_BOOTSTRAP'] ?? ''), 'shop.yaml');
  await writeFile(file, shopMap(''));
  await gatehouse('datamap', 'load', file, '--tenant', slug);
}

const picture = (page: Page, name: string): Promise<Buffer> =>
  page.screenshot({ path: join(house.artifacts, `keys-columns-${name}.png`), fullPage: true });

/** The step that comes next, by its words on the rail. */
const next = (page: Page, words: string) => page.locator('[aria-current="step"]', { hasText: words });

testUnless(
  missing,
  'a column goes to ciphertext by buttons, with the command line where the table changes, and an engineer takes a step back',
  async () => {
    await prepareShop();
    await gatehouse('crypto', 'migrate-column', 'start', noteField);
    const context = await house.context();
    const page = await context.newPage();
    await signIn(page, slug, personOf(house, slug, 'engineer'), '/keys/columns');
    await settled(page);
    await next(page, 'older rows sealed').waitFor();
    await picture(page, '1-both');
    await page.getByTestId('column-backfill').click();
    await next(page, 'compared, every row').waitFor({ timeout: 30_000 });
    const card = page.getByTestId('column-migration');
    expect(await card.innerText()).toMatch(/250 rows sealed, 0 wait/);
    await page.getByTestId('column-verify').click();
    await card.getByText('every one agrees').waitFor({ timeout: 30_000 });
    await page.getByTestId('column-cut-over').click();
    await signInAgainIfAsked(page);
    await next(page, 'drop approved').waitFor();
    await picture(page, '2-cut-over');
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map(({ id }) => id)).toEqual([]);
    await page.getByTestId('column-revert').click();
    await next(page, 'compared, every row').waitFor();
    await context.close();
  },
  4 * minute,
);

async function signInAgainIfAsked(page: Page): Promise<void> {
  const asked = page.getByTestId('step-up-code');
  await Promise.race([asked.waitFor(), next(page, 'drop approved').waitFor()]);
  if (await asked.isVisible()) throw new Error('who has just signed in was asked again');
}
