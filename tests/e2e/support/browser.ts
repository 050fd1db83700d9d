import { access, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateSync } from 'otplib';
import { chromium, type BrowserContext, type BrowserContextOptions, type Page } from 'playwright-core';
import { bootstrapSchema, type Bootstrap, type BootstrapTenant } from '../../../server/bootstrap-file.ts';

/** A browser of a test with the house it looks at. */
export type BrowserHouse = {
  readonly bootstrap: Bootstrap;
  readonly url: string;
  /** Opens an empty context: no cookies, no storage. */
  readonly context: (options?: BrowserContextOptions) => Promise<BrowserContext>;
  /** Where pictures are kept. */
  readonly artifacts: string;
  readonly close: () => Promise<void>;
};

/** Someone who can sign in. */
export type Person = { readonly email: string; readonly password: string; readonly totpSecret: string };

const root = join(import.meta.dirname, '..', '..', '..');
const chromiumArguments = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

async function findChromium(): Promise<string | null> {
  const places = [process.env['CHROMIUM_PATH'], '/usr/bin/chromium', '/usr/bin/chromium-browser'];
  for (const place of places) {
    if (place === undefined || place === '') continue;
    const found = await access(place).then(
      () => true,
      () => false,
    );
    if (found) return place;
  }
  return null;
}

/** Why browser tests cannot run here; null when they can. */
export async function whyNoBrowser(): Promise<string | null> {
  if ((await findChromium()) === null)
    return 'no Chromium; install the package "chromium" or set CHROMIUM_PATH';
  return process.env['GATEHOUSE_E2E_BOOTSTRAP'] === undefined ? 'no house; run npm run test:e2e' : null;
}

/**
 * Launches Chromium for the house that the lane started.
 *
 * @throws Error when {@link whyNoBrowser} has a reason
 */
export async function openBrowserHouse(): Promise<BrowserHouse> {
  const reason = await whyNoBrowser();
  const executablePath = await findChromium();
  const file = process.env['GATEHOUSE_E2E_BOOTSTRAP'];
  if (reason !== null || executablePath === null || file === undefined)
    throw new Error(reason ?? 'no browser');
  const bootstrap = bootstrapSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  const artifacts = join(root, 'tests', 'artifacts');
  await mkdir(artifacts, { recursive: true });
  const profile = await mkdtemp(join(tmpdir(), 'gatehouse-browser-'));
  const browser = await chromium.launch({ executablePath, args: chromiumArguments, downloadsPath: profile });
  return Object.freeze({
    bootstrap,
    url: bootstrap.url,
    artifacts,
    context: (options: BrowserContextOptions = {}) =>
      browser.newContext({
        baseURL: bootstrap.url,
        locale: 'en-GB',
        viewport: { width: 1440, height: 900 },
        ...options,
      }),
    close: async () => {
      await browser.close();
      await rm(profile, { recursive: true, force: true });
    },
  });
}

/** A tenant of the house. @throws Error when the house has none of that name */
export function tenantOf(house: BrowserHouse, slug: string): BootstrapTenant {
  const tenant = house.bootstrap.tenants.find((one) => one.slug === slug);
  if (tenant === undefined) throw new Error(`the house has no tenant "${slug}"`);
  return tenant;
}

/** A persona of a tenant: `marketer`, `admin`, `dpo`, `deputy`, `auditor`, `engineer`. */
export function personOf(house: BrowserHouse, slug: string, persona: string): Person {
  const person = tenantOf(house, slug).users.find((user) => user.email.startsWith(`${persona}@`));
  if (person === undefined) throw new Error(`the tenant "${slug}" has no persona "${persona}"`);
  return person;
}

/** Steps whose codes were given, by secret; kept beside the house's file, because the next test file is a new module. */
async function usedSteps(): Promise<{ readonly file: string; readonly steps: Record<string, number> }> {
  const file = `${process.env['GATEHOUSE_E2E_BOOTSTRAP'] ?? ''}.used-steps`;
  const text = await readFile(file, 'utf8').catch(() => '{}'); // nobody has signed in yet
  return { file, steps: JSON.parse(text) as Record<string, number> }; // written below
}

/** A code that was not used before against this house and stays good for some seconds; waits for the next step if it must. */
export async function freshCode(totpSecret: string): Promise<string> {
  for (;;) {
    const now = Date.now();
    const step = Math.floor(now / 30_000);
    const secondsLeft = 30 - (now % 30_000) / 1_000;
    const { file, steps } = await usedSteps();
    if (step > (steps[totpSecret] ?? -1) && secondsLeft > 3) {
      await writeFile(file, JSON.stringify({ ...steps, [totpSecret]: step }), { mode: 0o600 });
      return generateSync({ secret: totpSecret });
    }
    await new Promise((wake) => setTimeout(wake, 500));
  }
}

/** Signs a person in through the embedded provider's pages and waits for the console. */
export async function signIn(page: Page, slug: string, person: Person, path = '/'): Promise<void> {
  const query = new URLSearchParams({ tenant: slug, return_to: path });
  await page.goto(`/auth/login?${query.toString()}`);
  await page.locator('#email').fill(person.email);
  await page.locator('#password').fill(person.password);
  await page.locator('button[value="password"]').click();
  await page.locator('#code').fill(await freshCode(person.totpSecret));
  await page.locator('button[value="code"]').click();
  await page.getByTestId('user-menu').waitFor();
}

/** Answers the step-up dialog that an action has opened. */
export async function confirmStepUp(page: Page, person: Person): Promise<void> {
  const field = page.getByTestId('step-up-code');
  await field.waitFor();
  await field.fill(await freshCode(person.totpSecret));
  await page.getByTestId('step-up-confirm').click();
  await field.waitFor({ state: 'hidden' });
}

/** Waits until the console's page has its data: nothing loads any more. */
export async function settled(page: Page): Promise<void> {
  await page.locator('h1').first().waitFor();
  await page.locator('[aria-busy="true"]').first().waitFor({ state: 'detached' });
}
