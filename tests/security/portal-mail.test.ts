import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { TenantId } from '../../kernel/index.ts';
import { createDsrFixture, type DsrFixture } from '../dsr/dsr-fixture.ts';

const params = { slug: 'acme' };
let f: DsrFixture;
let acme: TenantId;
beforeAll(async () => {
  f = await createDsrFixture();
  acme = await f.createTenant('acme', 0);
}, 60_000);
afterAll(() => f.close());

const ask = async (email: string): Promise<string> =>
  (
    (await f.call('openPortalRequest', { params, body: { type: 'access', law: 'gdpr', email } })).body as {
      ticket: string;
    }
  ).ticket;
const mailsTo = (email: string): number => f.mails.filter((mail) => mail.to === email).length;

test('a stranger who asks and withdraws without end sends at most five mails an hour to an address', async () => {
  for (let round = 0; round < 20; round += 1) {
    const ticket = await ask('bombed@example.org');
    await f.call('withdrawPortalRequest', { params, body: { ticket } });
  }
  await f.settle();
  expect(mailsTo('bombed@example.org')).toBeLessThanOrEqual(5);
});

test('requests that nobody confirmed send no mail when they end, beyond those whose code was mailed', async () => {
  for (let round = 0; round < 20; round += 1) await ask('later@example.org');
  await f.settle();
  expect(mailsTo('later@example.org')).toBe(5);
  f.clock.advance(31 * 86_400_000);
  await f.settle();
  expect(mailsTo('later@example.org')).toBe(10);
});

test('whoever proved the mailbox is still told of the withdrawal', async () => {
  const ticket = await ask('proved@example.org');
  await f.settle();
  const code = f.codeFor('proved@example.org');
  const proved = await f.call('verifyPortalRequest', { params, body: { ticket, code } });
  const renewed = (proved.body as { ticket: string }).ticket;
  await f.call('withdrawPortalRequest', { params, body: { ticket: renewed } });
  await f.settle();
  expect(f.mails.findLast((mail) => mail.to === 'proved@example.org')?.subject).toMatch(/withdrawn/);
});

test.each([
  ['a receipt before any law', { email: 'old@example.org', receivedAt: '0001-01-01T00:00:00Z' }],
  ['a receipt of a hundred years ago', { email: 'old@example.org', receivedAt: '1926-01-01T00:00:00Z' }],
  ['a phone number without digits', { phone: '+ () . -', identity: { method: 'letter' } }],
])('an operator’s entry with %s answers 400', async (_what, body) => {
  const principal = f.staff(acme, 'Officer');
  await expect(
    f.call('createDsrRequest', { principal, body: { type: 'access', law: 'gdpr', ...body } }),
  ).rejects.toMatchObject({ status: 400 });
});
