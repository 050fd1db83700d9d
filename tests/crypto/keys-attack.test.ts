import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startTestHouse, type Answer, type TestHouse } from '../support/house.ts';
import { signInPerson, type SignedIn } from '../support/signed-in.ts';

/** What somebody with a session, or two at once, tries on the keys of a whole house. */

let house: TestHouse;
let admin: SignedIn;
let dpo: SignedIn;
let deputy: SignedIn;

beforeAll(async () => {
  house = await startTestHouse({ contacts: 3 });
  [admin, dpo, deputy] = await Promise.all([
    signInPerson(house, 'acme', 'admin'),
    signInPerson(house, 'acme', 'dpo'),
    signInPerson(house, 'acme', 'deputy'),
  ]);
}, 120_000);
afterAll(() => house?.close());

const propose = async (): Promise<{ approvalId: string; digest: string }> =>
  (await admin.call('POST', '/v1/crypto/retire', { reason: 'race' })).body as never; // the route's own schema
const approve = (
  who: SignedIn,
  { approvalId, digest }: Awaited<ReturnType<typeof propose>>,
): Promise<Answer> => who.call('POST', `/v1/crypto/approvals/${approvalId}/approve`, { digest });

async function requireReadable(): Promise<void> {
  const marketer = await house.as('acme', 'marketer');
  const purpose = { 'gatehouse-purpose': 'marketing' };
  const { status, body } = await marketer('GET', '/v1/data/contacts/contact', undefined, purpose);
  expect(status).toBe(200);
  expect(JSON.stringify(body)).not.toContain('tombstone');
  const { epochs } = (await admin.call('GET', '/v1/crypto/epochs')).body as { epochs: { state: string }[] };
  expect(epochs.filter(({ state }) => state === 'active')).toHaveLength(1);
}

test('of two who approve one proposal at the same moment one carries it out', async () => {
  const proposed = await propose();
  const answers = await Promise.all([approve(dpo, proposed), approve(deputy, proposed)]);
  expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409]);
  await requireReadable();
}, 60_000);

test('two retirements and rotations at once leave one active epoch, no fault, and everything readable', async () => {
  const [first, second] = [await propose(), await propose()];
  const answers = await Promise.all([
    approve(dpo, first),
    approve(deputy, second),
    admin.call('POST', '/v1/crypto/rotate', {}),
    admin.call('POST', '/v1/crypto/rotate', {}),
    admin.call('POST', '/v1/crypto/rewrap', {}),
  ]);
  for (const { status, body } of answers)
    expect([200, 202, 409].includes(status) ? null : { status, body }).toBeNull();
  await requireReadable();
}, 60_000);

test('what one tenant sealed is noise to another, and a batch beyond its bounds is refused whole', async () => {
  const [ours, theirs] = [
    await house.as('acme', 'platform_engineer'),
    await house.as('globex', 'platform_engineer'),
  ];
  const item = { service: 'shop', collection: 'order', field: 'note', rowId: '1', purpose: 'tax' };
  const plaintext = Buffer.from('secret').toString('base64');
  const sealed = await ours('POST', '/v1/crypto/seal', {
    items: [{ ...item, scope: { kind: 'tenant' }, plaintext }],
  });
  const { ciphertext } = sealed.body.results[0] as { ciphertext: string };
  const opened = await theirs('POST', '/v1/crypto/open', { items: [{ ...item, ciphertext }] });
  expect(opened.body.results).toEqual([{ state: 'refused', code: 'ERR_CRYPTO_DECRYPT' }]);
  const many = Array.from({ length: 201 }, () => ({ ...item, ciphertext }));
  expect((await ours('POST', '/v1/crypto/open', { items: many })).status).toBe(400);
  expect((await admin.call('POST', '/v1/crypto/open', { items: [{ ...item, ciphertext }] })).status).toBe(
    403,
  );
});
