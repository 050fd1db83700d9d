import { createHash, createPublicKey, verify } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { afterAll, beforeAll, expect } from '@jest/globals';
import type { BrowserContext, Page } from 'playwright-core';
import { testUnless } from '../support/skip.ts';
import { call } from '../support/house.ts';
import { startHttpReceiver } from '../support/http-receiver.ts';
import {
  openBrowserHouse,
  personOf,
  settled,
  signIn,
  tenantOf,
  whyNoBrowser,
  type BrowserHouse,
} from './support/browser.ts';

/** The auditor at work in the trail, and a security admin who delivers it. */

const missing = await whyNoBrowser();
const slug = 'acme';
const minute = 60_000;
const seconds = 20_000;

let house: BrowserHouse;
let folder: string;
let context: BrowserContext;
let page: Page;
let token: string;

beforeAll(async () => {
  if (missing !== null) return;
  house = await openBrowserHouse();
  folder = await mkdtemp(join(tmpdir(), 'gatehouse-trail-'));
  token = await marketerToken();
  context = await house.context();
  page = await context.newPage();
  await signIn(page, slug, personOf(house, slug, 'auditor'), '/trail');
  await settled(page);
}, 2 * minute);

afterAll(async () => {
  if (missing !== null) return;
  await house.close();
  await rm(folder, { recursive: true, force: true });
});

const standards = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

/** A picture in light and dark; axe finds nothing in either. */
async function picture(name: string, of: Page = page): Promise<void> {
  for (const colorScheme of ['dark', 'light'] as const) {
    await of.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    const path = join(house.artifacts, `journey-trail-${name}-${colorScheme}.png`);
    await of.screenshot({ path, fullPage: true });
    const { violations } = await new AxeBuilder({ page: of }).withTags(standards).analyze();
    const findings = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(', ')}`);
    expect({ name, colorScheme, findings }).toEqual({ name, colorScheme, findings: [] });
  }
}
const rows = (of: Page = page) => of.getByTestId('events').locator('tr[data-index]');

async function marketerToken(): Promise<string> {
  const account = tenantOf(house, slug).serviceAccounts.find((one) => one.roles.includes('marketer'));
  const basic = Buffer.from(`${account?.clientId}:${account?.clientSecret}`).toString('base64');
  const response = await fetch(house.bootstrap.tokenEndpoint, {
    method: 'POST',
    headers: { authorization: `Basic ${basic}`, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ grant_type: 'client_credentials', resource: house.url }),
  });
  return ((await response.json()) as { access_token: string }).access_token; // RFC 6749 section 5.1
}

/** Somebody else acts: reads contacts. */
async function act(): Promise<void> {
  const answer = await call(house.url, 'GET', '/v1/data/contacts/contact?limit=3', undefined, {
    authorization: `Bearer ${token}`,
    'gatehouse-purpose': 'marketing',
    traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
  });
  expect(answer.status).toBe(200);
}
const traceId = createHash('sha256').update('trail journey').digest('hex').slice(0, 32);

testUnless(
  missing,
  'the auditor searches with operators that complete, and a wrong one is named',
  async () => {
    await act();
    const box = page.getByTestId('search-box');
    await box.click();
    await page.getByTestId('search-offers').getByText('outcome:').waitFor();
    await picture('1-operators');
    await box.fill('outcme:denied');
    await box.press('Enter');
    await page.getByText('“outcme:” is no operator; did you mean “outcome:”?').waitFor();
    await box.fill('out');
    await box.press('ArrowDown');
    await box.press('Tab');
    expect(await box.inputValue()).toBe('outcome:');
    await box.fill('action:gateway.* outcome:success');
    await box.press('Escape');
    await box.press('Enter');
    await page.waitForURL(/action=gateway\.\*.*outcome=success|outcome=success.*action=gateway/);
    await settled(page);
    const actions = await rows().locator('td:nth-child(3)').allInnerTexts();
    expect(actions.length).toBeGreaterThan(0);
    expect(actions.filter((action) => !action.startsWith('gateway.'))).toEqual([]);
  },
  minute,
);

testUnless(
  missing,
  'brushing narrows the time by mouse and by keyboard, and the address reproduces it',
  async () => {
    await page.goto('/trail');
    await settled(page);
    const box = await page.getByTestId('brush').boundingBox();
    if (box === null) throw new Error('no histogram');
    await page.mouse.move(box.x + box.width * 0.5, box.y + 20);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width - 2, box.y + 20, { steps: 5 });
    await page.mouse.up();
    await page.waitForURL(/from=.*to=/);
    const brushed = new URL(page.url()).searchParams;
    expect(Date.parse(brushed.get('from') ?? '')).toBeLessThan(Date.parse(brushed.get('to') ?? ''));
    await settled(page);
    await page.getByTestId('brush').focus();
    await page.keyboard.press('End');
    await page.keyboard.press('Shift+ArrowLeft');
    await page.keyboard.press('Shift+ArrowLeft');
    expect(await page.getByTestId('brush').getAttribute('aria-valuetext')).toMatch(/UTC – .*UTC: \d+/);
    await picture('2-brush');
    await page.keyboard.press('Enter');
    await page.waitForURL((url) => url.searchParams.get('from') !== brushed.get('from'));
    const again = await context.newPage();
    await again.goto(page.url());
    await settled(again);
    expect(await again.getByTestId('facets').innerText()).toContain('succeeded');
    await again.close();
    await page.getByTestId('any-time').click();
    await page.waitForURL((url) => !url.searchParams.has('from'));
  },
  minute,
);

testUnless(
  missing,
  'facets narrow by a click; the search is saved, shared, scheduled, applied and deleted',
  async () => {
    await page.goto('/trail');
    await settled(page);
    await page.getByTestId('facet-outcome').first().click();
    await page.waitForURL(/outcome=/);
    await settled(page);
    await page.getByTestId('save-view').click();
    await page.getByTestId('view-name').fill('What went well');
    await page.getByRole('checkbox').check();
    await page.getByTestId('view-schedule').selectOption('week');
    await picture('3-save-view');
    await page.getByTestId('view-save').click();
    await page.getByTestId('view-save').waitFor({ state: 'hidden' });
    await page.getByRole('link', { name: 'Saved views' }).click();
    await page.getByRole('link', { name: 'What went well' }).waitFor();
    expect(await page.getByTestId('views').innerText()).toMatch(/outcome:\w+[^]*mine, shared[^]*every week/);
    await page.getByRole('link', { name: 'What went well' }).click();
    await page.waitForURL(/\/trail\?outcome=/);
    await page.goto('/trail/views');
    await page.getByTestId('view-remove').click();
    await page.getByTestId('view-remove-confirm').click();
    await page.getByTestId('empty').waitFor();
  },
  minute,
);

testUnless(
  missing,
  'the live tail shows what somebody else does, and after a cut goes on without a gap',
  async () => {
    await page.goto('/trail/live?action=gateway.*');
    await page.getByTestId('tail-state').getByText('following').waitFor();
    const before = await arrived();
    await act();
    await untilArrived(before + 1);
    await page.getByTestId('pause').click();
    await act();
    await page
      .getByTestId('held')
      .getByText(/^[1-9]/)
      .waitFor();
    await picture('4-live-paused');
    await page.getByTestId('pause').click();
    const seen = await arrived();
    await context.setOffline(true);
    await page.getByTestId('tail-state').getByText('connection lost').waitFor();
    for (let time = 0; time < 3; time += 1) await act();
    expect(await arrived()).toBe(seen);
    await context.setOffline(false);
    await untilArrived(seen + 3);
    const numbers = (await rows().locator('td:first-child').allInnerTexts()).map(Number);
    expect(new Set(numbers).size).toBe(numbers.length);
    const newest = await call(
      house.url,
      'GET',
      `/v1/audit/events?action=gateway.*&limit=${numbers.length}`,
      undefined,
      {
        cookie: await cookies(),
      },
    );
    const listed: readonly number[] = newest.body.items.map(({ seq }: { seq: number }) => seq);
    expect(numbers).toEqual(listed.slice(0, numbers.length));
  },
  2 * minute,
);

const cookies = async (): Promise<string> =>
  (await context.cookies()).map(({ name, value }) => `${name}=${value}`).join('; ');
const arrived = async (): Promise<number> =>
  Number(/^\d+/.exec(await page.getByTestId('tail-facts').innerText())?.[0] ?? '0');
/** Looks again until it holds; a page under the policy evaluates no strings. */
async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + seconds; Date.now() < end;) {
    if (await holds()) return;
    await new Promise((wake) => setTimeout(wake, 50));
  }
  throw new Error(`it did not come true in time: ${what}`);
}
const untilArrived = (count: number): Promise<void> =>
  until(`${count} events arrived`, async () => (await arrived()) >= count);

testUnless(
  missing,
  'a whole page is verified in the browser, row by row, and a row that lies is called out',
  async () => {
    await page.goto('/trail?action=gateway.*');
    await settled(page);
    const count = await rows().count();
    await page.getByTestId('verify-page').click();
    await page.getByTestId('page-verdict').waitFor();
    expect(await page.getByTestId('page-verdict').innerText()).toMatch(
      /\d+ events verified at checkpoint \d+/,
    );
    expect(await page.locator('[data-proof="verified"]').count()).toBe(count);
    await picture('5-verified-page');
    await page.route('**/v1/audit/events?*', async (route) => {
      const response = await route.fetch();
      const body = await response.json();
      body.items[0].outcome = body.items[0].outcome === 'denied' ? 'success' : 'denied';
      await route.fulfill({ response, json: body });
    });
    await page.reload();
    await settled(page);
    await page.getByTestId('verify-page').click();
    await page.locator('[data-testid="page-verdict"][data-state="bad"]').waitFor();
    expect(await page.locator('[data-proof="broken"]').count()).toBe(1);
    await page.unroute('**/v1/audit/events?*');
  },
  minute,
);

testUnless(
  missing,
  'the ladder of an event ticks up to the platform log, and its .tlog-proof holds outside the house',
  async () => {
    await page.goto('/trail?action=gateway.*');
    await settled(page);
    await rows().locator('a').first().click();
    await page.locator('[data-testid="proof-verdict"][data-state="good"]').waitFor();
    await page.getByTestId('rung-platform-signature').waitFor();
    await picture('6-event');
    const seq = Number(new URL(page.url()).pathname.split('/').at(-1));
    const download = page.waitForEvent('download');
    await page.getByTestId('tlog-proof').click();
    const file = join(folder, 'event.tlog-proof');
    await (await download).saveAs(file);
    const log = tenantOf(house, slug);
    expect(await holdsOutside(await readFile(file, 'utf8'), seq, log.logId, log.vkey)).toBe(true);
    const forged = (await readFile(file, 'utf8')).replace(`index ${seq}\n`, `index ${seq - 1}\n`);
    expect(await holdsOutside(forged, seq - 1, log.logId, log.vkey, seq)).toBe(false);
    await page.getByRole('link', { name: 'OCSF' }).click();
    expect(await page.getByTestId('ocsf').innerText()).toContain('"class_uid"');
  },
  minute,
);

const sha256 = (...parts: readonly Uint8Array[]): Buffer =>
  createHash('sha256').update(Buffer.concat(parts)).digest();

/** Written from c2sp.org/tlog-proof and RFC 9162 section 2.1.3.2 alone; the entry comes from the public tiles. */
async function holdsOutside(
  proof: string,
  index: number,
  logId: string,
  vkey: string,
  entryIndex = index,
): Promise<boolean> {
  const [head = '', ...rest] = proof.split('\n\n');
  const note = rest.join('\n\n');
  const lines = head.split('\n').slice(2);
  const [, size = '', root = ''] = note.split('\n');
  const entry = await entryOf(logId, entryIndex, Number(size));
  let [at, last, hash] = [index, Number(size) - 1, sha256(Buffer.of(0), entry)];
  for (const line of lines) {
    const sibling = Buffer.from(line, 'base64');
    if (at % 2 === 1 || at === last) {
      hash = sha256(Buffer.of(1), sibling, hash);
      while (at % 2 === 0 && at !== 0) [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
    } else hash = sha256(Buffer.of(1), hash, sibling);
    [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  }
  if (last !== 0 || hash.toString('base64') !== root) return false;
  const raw = Buffer.from(vkey.split('+').slice(2).join('+'), 'base64').subarray(1);
  const key = createPublicKey({
    key: { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') },
    format: 'jwk',
  });
  const text = `${note.split('\n\n')[0]}\n`;
  const mine = note.split('\n').find((line) => line.startsWith(`— ${vkey.split('+')[0]} `));
  const blob = Buffer.from(mine?.split(' ')[2] ?? '', 'base64');
  return verify(null, Buffer.from(text), key, blob.subarray(4));
}

async function entryOf(logId: string, index: number, size: number): Promise<Buffer> {
  const bundle = Math.floor(index / 256);
  const width = Math.min(256, size - bundle * 256);
  const path = `entries/${String(bundle).padStart(3, '0')}${width === 256 ? '' : `.p/${width}`}`;
  const response = await fetch(`${house.url}/log/${logId}/tile/${path}`);
  const bytes = Buffer.from(await response.arrayBuffer());
  let at = 0;
  for (let skipped = 0; skipped < index % 256; skipped += 1) at += 2 + bytes.readUInt16BE(at);
  return bytes.subarray(at + 2, at + 2 + bytes.readUInt16BE(at));
}

testUnless(
  missing,
  'from an event the auditor reaches the trace, the timeline of its actor and the blast radius',
  async () => {
    await page.goto('/trail?action=gateway.*');
    await settled(page);
    await rows().locator('a').first().click();
    await page.getByTestId('to-trace').click();
    await page.waitForURL(`**/trail/traces/${traceId}`);
    await page.getByTestId('trace').locator('tbody tr').first().waitFor();
    await picture('7-trace');
    await page.goBack();
    await page.getByTestId('to-timeline').click();
    await page.getByTestId('sessions').waitFor();
    await picture('8-timeline');
    await page.locator('.gh-actions').getByRole('link', { name: 'Blast radius' }).click();
    await page.getByTestId('blast-counts').waitFor();
    const counts = (await page.getByTestId('blast-counts').innerText()).match(/\d+/g)?.map(Number) ?? [];
    expect(counts[2]).toBeGreaterThan(0);
    await picture('9-blast-radius');
    const download = page.waitForEvent('download');
    await page.getByTestId('blast-csv').click();
    const file = join(folder, 'blast.csv');
    await (await download).saveAs(file);
    const lines = (await readFile(file, 'utf8')).trim().split('\r\n');
    expect(lines.length - 1).toBe((counts[0] ?? 0) + (counts[1] ?? 0));
  },
  minute,
);

testUnless(
  missing,
  'a hundred thousand rows are scrolled with few of them in the page',
  async () => {
    const total = 100_000;
    await page.route('**/v1/audit/events?*', (route) => {
      const cursor = Number(new URL(route.request().url()).searchParams.get('cursor') ?? '0');
      const items = Array.from({ length: 200 }, (_, at) => syntheticRow(total - cursor - at - 1));
      const next = cursor + 200;
      return route.fulfill({ json: { items, nextCursor: next < total ? String(next) : null } });
    });
    await page.goto('/trail');
    await settled(page);
    const region = page.getByTestId('events-region');
    await region.hover();
    let loaded = 0;
    while (loaded < total) {
      await page.mouse.wheel(0, 40_000);
      const before = loaded;
      await until(`more than ${before} rows`, async () => {
        loaded = Number.parseInt(await page.getByTestId('loaded').innerText(), 10);
        return loaded > before;
      });
    }
    expect(await rows().count()).toBeLessThan(80);
    await page.mouse.wheel(0, -36 * 50_000);
    await until('the middle is shown', async () => {
      const first = Number(await rows().first().getAttribute('data-index'));
      return first > 40_000 && first < 60_000;
    });
    await region.focus();
    await page.keyboard.press('End');
    await page.locator('tr[data-index="99999"] a:focus').waitFor();
    await page.keyboard.press('Home');
    await page.locator('tr[data-index="0"] a:focus').waitFor();
    await page.unroute('**/v1/audit/events?*');
  },
  4 * minute,
);

const syntheticRow = (seq: number): unknown => ({
  seq,
  id: `00000000-0000-4000-8000-${String(seq).padStart(12, '0')}`,
  occurredAt: '2026-11-23T10:00:00.000Z',
  receivedAt: '2026-11-23T10:00:00.000Z',
  action: 'gateway.records_read',
  version: 1,
  category: 'data',
  outcome: seq % 7 === 0 ? 'denied' : 'success',
  reason: null,
  actor: { type: 'person', id: `actor-${seq % 40}`, displayName: `Person ${seq % 40}` },
  targets: [{ type: 'contact', id: `c${seq}` }],
  subjects: [],
  decision: null,
  requestId: null,
  summary: 'Records were read',
});

testUnless(
  missing,
  'a security admin sets up a webhook and sees it catch up; the auditor may look, not touch',
  async () => {
    const receiver = await startHttpReceiver();
    const own = await house.context();
    const adminPage = await own.newPage();
    const admin = personOf(house, slug, 'admin');
    await signIn(adminPage, slug, admin, '/trail/receivers');
    await settled(adminPage);
    await adminPage.getByTestId('new-webhook').click();
    await adminPage.getByTestId('sink-name').fill('Loopback SIEM');
    await adminPage.getByTestId('sink-url').fill(receiver.url);
    await adminPage.getByTestId('sink-from').selectOption('start');
    await picture('10-new-receiver', adminPage);
    await adminPage.getByTestId('sink-create').click();
    await adminPage.getByTestId('sink-created').waitFor();
    expect(await adminPage.getByTestId('signing-secret').innerText()).toMatch(/^whsec_/);
    await picture('11-secret', adminPage);
    await adminPage.getByTestId('sink-done').click();
    await adminPage.getByRole('link', { name: 'Loopback SIEM' }).click();
    await adminPage.getByTestId('sink-lag').getByText(/^0$/).waitFor({ timeout: minute });
    expect(receiver.received.length).toBeGreaterThan(0);
    expect(receiver.received[0]?.headers['webhook-signature']).toMatch(/^v1,/);
    await adminPage.getByTestId('sink-pause').click();
    await adminPage.getByTestId('sink-state').getByText('paused').waitFor();
    await act();
    await adminPage.getByTestId('sink-pause').click();
    await adminPage.getByTestId('sink-state').getByText('delivering').waitFor();
    await adminPage.getByTestId('sink-lag').getByText(/^0$/).waitFor({ timeout: minute });
    await picture('12-receiver', adminPage);
    const address = adminPage.url();
    await own.close();
    await page.goto(address);
    await settled(page);
    expect(await page.getByTestId('sink-pause').count()).toBe(0);
    await page.goto('/trail/receivers');
    await settled(page);
    expect(await page.getByTestId('new-webhook').count()).toBe(0);
    await receiver.close();
  },
  3 * minute,
);
