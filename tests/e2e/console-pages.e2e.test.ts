import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { afterAll, beforeAll, expect } from '@jest/globals';
import type { BrowserContext, Page } from 'playwright-core';
import { testUnless } from '../support/skip.ts';
import {
  openBrowserHouse,
  personOf,
  settled,
  signIn,
  whyNoBrowser,
  type BrowserHouse,
} from './support/browser.ts';

const standards = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
const minute = 60_000;
const missing = await whyNoBrowser();

/** Each route, by the persona whose page it is; null for people without an account. */
const visits: readonly {
  readonly persona: string | null;
  readonly routes: readonly (readonly [name: string, path: string])[];
}[] = [
  {
    persona: null,
    routes: [
      ['sign-in', '/sign-in'],
      ['portal', '/portal/acme'],
      ['portal-verify', '/portal/acme#stage=verify'],
    ],
  },
  {
    persona: 'marketer',
    routes: [
      ['overview-marketer', '/'],
      ['contacts', '/data'],
    ],
  },
  {
    persona: 'admin',
    routes: [
      ['overview-admin', '/'],
      ['people', '/access'],
      ['grants', '/access?tab=grants'],
      ['service-accounts', '/access?tab=service-accounts'],
      ['sessions', '/access?tab=sessions'],
      ['trail-new-webhook', '/trail/receivers?new=webhook'],
      ['trail-new-syslog', '/trail/receivers?new=syslog'],
      ['trail-new-s3', '/trail/receivers?new=s3'],
      ['trail-new-kafka', '/trail/receivers?new=kafka'],
      ['trail-new-otlp', '/trail/receivers?new=otlp'],
      ['keys', '/keys'],
      ['keys-rotation', '/keys/rotation'],
      ['keys-providers', '/keys/providers'],
      ['keys-approvals', '/keys/approvals'],
      ['keys-inventory', '/keys/inventory?kind=purpose_key'],
      ['keys-ledger', '/keys/ledger'],
      ['keys-columns', '/keys/columns'],
      ['keys-certificates', '/keys/certificates'],
    ],
  },
  {
    persona: 'dpo',
    routes: [
      ['overview-dpo', '/'],
      ['requests', '/requests'],
      ['board', '/requests?view=board'],
      ['keys-approvals-dpo', '/keys/approvals'],
    ],
  },
  {
    persona: 'auditor',
    routes: [
      ['trail', '/trail'],
      ['trail-found', '/trail?action=identity.*&outcome=success'],
      ['trail-none', '/trail?q=nothing-is-called-so'],
      ['event', '/trail/0'],
      ['event-ocsf', '/trail/0?view=ocsf'],
      ['trail-live', '/trail/live'],
      ['trail-views', '/trail/views'],
      ['trail-blast-empty', '/trail/blast-radius'],
      ['trail-evidence', '/trail/evidence?action=identity.*'],
      ['trail-receivers', '/trail/receivers'],
      ['trail-log', '/trail/log'],
      ['trail-holds', '/trail/holds'],
      ['trail-event-types', '/trail/event-types?find=sign'],
    ],
  },
  {
    persona: 'engineer',
    routes: [
      ['keys-columns-engineer', '/keys/columns'],
      ['datamap', '/datamap'],
      ['datamap-invoice', '/datamap?collection=campaigns.invoice'],
    ],
  },
];

let house: BrowserHouse;
beforeAll(async () => {
  if (missing === null) house = await openBrowserHouse();
}, minute);
afterAll(async () => {
  if (missing === null) await house.close();
});

/** What the page complained about while it was open. */
function listen(page: Page): string[] {
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  return complaints;
}

async function visit(
  context: BrowserContext,
  name: string,
  path: string,
  scheme: 'light' | 'dark',
): Promise<unknown> {
  const page = await context.newPage();
  const complaints = listen(page);
  await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
  await page.goto(path);
  await settled(page);
  if (name === 'event') await page.locator('[data-testid="proof-verdict"][data-state="good"]').waitFor();
  await page.screenshot({ path: join(house.artifacts, `${name}-${scheme}.png`), fullPage: true });
  const { violations } = await new AxeBuilder({ page }).withTags(standards).analyze();
  const problems = await page.getByTestId('problem').allInnerTexts();
  const sideways = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
  await page.close();
  const findings = violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`,
  );
  return { route: name, scheme, complaints, findings, problems, scrollsSideways: sideways > 0 };
}

for (const { persona, routes } of visits) {
  testUnless(
    missing,
    `every page of ${persona ?? 'people without an account'} loads without complaint and passes axe in light and dark`,
    async () => {
      const context = await house.context();
      if (persona !== null) {
        const page = await context.newPage();
        await signIn(page, 'acme', personOf(house, 'acme', persona));
        await page.close();
      }
      const expected = (name: string, scheme: string): unknown => ({
        route: name,
        scheme,
        complaints: [],
        findings: [],
        problems: [],
        scrollsSideways: false,
      });
      for (const [name, path] of routes) {
        for (const scheme of ['light', 'dark'] as const) {
          expect(await visit(context, name, path, scheme)).toEqual(expected(name, scheme));
        }
      }
      await context.close();
    },
    4 * minute,
  );
}
