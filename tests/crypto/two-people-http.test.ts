import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { main } from '../../cli/main.ts';
import { copyDatabase, dropDatabase } from '../../crypto/erasure/restore-fixture.ts';
import { startKeyService, type KeyService } from '../../crypto/providers/key-service-fixture.ts';
import { createCrypto, createLocalProvider, type Crypto } from '../../crypto/index.ts';
import { encryptionPlan } from '../../datamap/index.ts';
import { createDatabase, deriveConnectionUrls, type Database } from '../../db/index.ts';
import { loadBuiltInDataMap } from '../../examples/marketing/data-map.ts';
import {
  parseTenantId,
  Secret,
  silentLogger,
  systemClock,
  systemRandomBytes,
  uuidv7,
  type TenantId,
} from '../../kernel/index.ts';
import { createShop, insertPeople, noteField, shopMap } from '../support/column-house.ts';
import { call, startTestHouse, type Answer, type Caller, type TestHouse } from '../support/house.ts';
import { signInPerson, type SignedIn } from '../support/signed-in.ts';

/** What takes two people, by two who really signed in, in a whole house. */

let house: TestHouse;
let service: KeyService;
let acme: TenantId;
let people: { readonly admin: SignedIn; readonly dpo: SignedIn; readonly marketer: SignedIn };
let foreigner: SignedIn;
let machine: Caller;
const purpose = { 'gatehouse-purpose': 'marketing' };
const contacts = '/v1/data/contacts/contact';

beforeAll(async () => {
  house = await startTestHouse({ contacts: 4 });
  service = await startKeyService();
  acme = parseTenantId(house.tenants.find(({ slug }) => slug === 'acme')?.id ?? '');
  machine = await house.as('acme', 'dpo');
  const [admin, dpo, marketer, other] = await Promise.all([
    signInPerson(house, 'acme', 'admin'),
    signInPerson(house, 'acme', 'dpo'),
    signInPerson(house, 'acme', 'marketer'),
    signInPerson(house, 'globex', 'dpo'),
  ]);
  people = { admin, dpo, marketer };
  foreigner = other;
}, 120_000);
afterAll(async () => {
  await service?.close();
  await house?.close();
});

/** Approves as the second person, after everybody who may not has been refused. */
async function approve(proposed: Answer): Promise<Answer> {
  expect(proposed).toMatchObject({ status: 202, body: { state: 'awaiting_second_person' } });
  const { approvalId, digest } = proposed.body as { approvalId: string; digest: string };
  const path = `/v1/crypto/approvals/${approvalId}/approve`;
  const refused = { status: 403, body: { code: 'ERR_CRYPTO_SECOND_PERSON' } };
  expect(await people.admin.call('POST', path, { digest })).toMatchObject(refused);
  expect((await people.marketer.call('POST', path, { digest })).status).toBe(403);
  expect((await foreigner.call('POST', path, { digest })).status).toBe(404);
  expect(await machine('POST', path, { digest })).toMatchObject({
    status: 401,
    body: { code: 'ERR_STEP_UP_REQUIRED' },
  });
  expect((await call(house.url, 'POST', path, { digest })).status).toBe(401);
  const other = digest.replaceAll(/[0-9a-f]/g, (digit) => (digit === '0' ? '1' : '0'));
  expect(await people.dpo.call('POST', path, { digest: other })).toMatchObject({
    status: 409,
    body: { code: 'ERR_CRYPTO_APPROVAL' },
  });
  expect((await people.dpo.call('POST', path, { digest: 'short' })).status).toBe(400);
  const answer = await people.dpo.call('POST', path, { digest });
  // Played again it is decided, for whoever plays it.
  expect((await people.dpo.call('POST', path, { digest })).status).toBe(409);
  expect((await people.admin.call('POST', path, { digest })).status).not.toBe(200);
  return answer;
}

async function emailsOf(crypto: Crypto, database: Database): Promise<readonly unknown[]> {
  const { rows } = await house.db.admin(
    'select * from marketing_contacts.contact where tenant_id = $1 order by id',
    [acme],
  );
  const collection = loadBuiltInDataMap().collection('contacts.contact');
  if (collection === null) throw new Error('the built-in map has contacts');
  const plan = encryptionPlan(collection);
  const opened = await database.withTenant(acme, (tx) => crypto.openRows(tx, plan, rows, ['email']));
  return opened.map(({ email }) => email);
}

test('epochs are destroyed by two people, and a copy of the database from before opens nothing after', async () => {
  const { admin } = people;
  const name = `${new URL(house.db.adminUrl).pathname.slice(1)}_before`;
  const copy = createDatabase({
    urls: deriveConnectionUrls(await copyDatabase(house.db.adminUrl, name)),
    logger: silentLogger,
  });
  const root = await createLocalProvider({
    file: join(house.environment['GATEHOUSE_DATA_DIR'] ?? '', 'secrets', 'root-key'),
    passphrase: new Secret(house.environment['GATEHOUSE_ROOT_KEY_PASSPHRASE'] ?? ''),
    randomBytes: systemRandomBytes,
  });
  const none = async (): Promise<void> => undefined;
  const restore = (): Crypto =>
    createCrypto({
      ...{ database: copy, root, logger: silentLogger, clock: systemClock, randomBytes: systemRandomBytes },
      newId: () => uuidv7(Date.now(), systemRandomBytes),
      audit: () => ({ append: none, record: none }),
      recordProviderCalls: false,
    });
  const [before, after] = [restore(), restore()];
  try {
    expect(await emailsOf(before, copy)).toEqual(Array(4).fill(expect.stringContaining('@')));
    expect((await people.dpo.call('POST', '/v1/crypto/retire', { reason: 'mine' })).status).toBe(403);
    expect(await machine('POST', '/v1/crypto/retire', { reason: 'mine' })).toMatchObject({ status: 403 });
    expect((await admin.call('POST', '/v1/crypto/retire', {})).status).toBe(400);
    const far = { reason: 'erasures become final', throughEpoch: 99 };
    expect(await admin.call('POST', '/v1/crypto/retire', far)).toMatchObject({
      status: 400,
      body: { code: 'ERR_CRYPTO_INPUT' },
    });
    const answer = await approve(
      await admin.call('POST', '/v1/crypto/retire', { reason: 'erasures become final' }),
    );
    expect(answer).toMatchObject({
      status: 200,
      body: { state: 'executed', result: { throughEpoch: 1, state: 'done', error: null } },
    });
    const { body } = await admin.call('GET', '/v1/crypto/epochs');
    expect(body).toMatchObject({
      retirements: [],
      epochs: [
        { epoch: 2, state: 'active' },
        { epoch: 1, state: 'destroyed', keys: 0 },
      ],
    });
    await expect(emailsOf(after, copy)).rejects.toMatchObject({ code: 'ERR_CRYPTO_ROOT' });
    expect((await machineOf('marketer')('GET', contacts)).status).toBe(200);
  } finally {
    await Promise.all([before.stop(), after.stop()]);
    await copy.close();
    await dropDatabase(name);
  }
}, 120_000);

const machineOf =
  (role: string) =>
  async (method: string, path: string): Promise<Answer> =>
    (await house.as('acme', role))(method, path, undefined, purpose);

test('a tenant passes to its own key service and back by two people, and its data stays readable', async () => {
  const { admin, dpo } = people;
  const before = await machineOf('marketer')('GET', contacts);
  const configuration = { kind: 'hyok', url: service.url, keyId: 'key-1', algorithm: 'ECDH-ES' };
  expect((await dpo.call('POST', '/v1/crypto/providers', { name: 'ours', configuration })).status).toBe(403);
  const made = await admin.call('POST', '/v1/crypto/providers', { name: 'ours', configuration });
  expect(made).toMatchObject({ status: 201, body: { name: 'ours', state: 'ready' } });
  expect((await admin.call('POST', '/v1/crypto/providers', { name: 'ours', configuration })).status).toBe(
    409,
  );
  service.fault = 'refused';
  expect(await admin.call('POST', '/v1/crypto/providers/ours/test')).toMatchObject({
    status: 200,
    body: { ok: false },
  });
  service.fault = null;
  service.publicKey = made.body.shown.publicKey as KeyService['publicKey']; // as its owner installs it
  expect(await admin.call('POST', '/v1/crypto/providers/ours/test')).toMatchObject({ body: { ok: true } });
  const use = (name: string): Promise<Answer> =>
    admin.call('POST', `/v1/crypto/providers/${name}/activate`, { reason: 'we hold our key' });
  expect((await use('theirs')).status).toBe(404);
  expect(await approve(await use('ours'))).toMatchObject({ status: 200, body: { state: 'executed' } });
  expect((await admin.call('GET', '/v1/crypto/providers')).body.items).toMatchObject([
    { name: 'ours', state: 'active', epochs: 1 },
  ]);
  expect((await foreigner.call('GET', '/v1/crypto/providers')).body.items).toEqual([]);
  expect((await admin.call('DELETE', '/v1/crypto/providers/ours')).status).toBe(409);
  const { count } = service.calls;
  expect(count).toBeGreaterThan(0);
  expect((await machineOf('marketer')('GET', contacts)).body).toEqual(before.body);
  expect(await approve(await use('local'))).toMatchObject({ status: 200 });
  expect((await admin.call('DELETE', '/v1/crypto/providers/ours')).status).toBe(409); // its epoch lives
  await approve(await admin.call('POST', '/v1/crypto/retire', { reason: 'back home', throughEpoch: 3 }));
  expect((await admin.call('DELETE', '/v1/crypto/providers/ours')).status).toBe(204);
  expect((await admin.call('DELETE', '/v1/crypto/providers/ours')).status).toBe(404);
  expect((await machineOf('marketer')('GET', contacts)).body).toEqual(before.body);
}, 120_000);

test('the plaintext of an encrypted column is dropped by the owner only after two people of the tenant approved', async () => {
  const engineer = await signInPerson(house, 'acme', 'engineer');
  await createShop(house.db);
  await insertPeople(
    house.db,
    acme,
    Array.from({ length: 7 }, (_, at) => ({ id: at, note: `note ${at}` })),
  );
  const actor = { kind: 'system', id: 'test', displayName: 'Test' } as const;
  await house.house.database.withTenant(acme, (tx) =>
    house.house.dataMap.loadService(tx, {
      ...{ name: 'shop.yaml', yaml: shopMap(''), actor },
      audit: house.house.audit,
    }),
  );
  const lines: string[] = [];
  const put = (line: string): void => void lines.push(line);
  const step = async (name: string): Promise<string> => {
    lines.length = 0;
    const code = await main(['crypto', 'migrate-column', name, noteField], {
      ...{ out: put, error: put, environment: house.environment },
    });
    return [code, ...lines].join('\n');
  };
  expect(await step('start')).toMatch(/^0/);
  const listed = await engineer.call('GET', '/v1/crypto/column-migrations');
  const { id } = listed.body.items[0] as { id: string };
  const on = (name: string, body: object = {}): Promise<Answer> =>
    engineer.call('POST', `/v1/crypto/column-migrations/${id}/${name}`, body);
  expect((await on('drop', { reason: 'done' })).status).toBe(409);
  for (const name of ['backfill', 'verify', 'cut-over']) expect((await on(name)).status).toBe(200);
  expect(await step('drop')).toMatch(/^1[^]*two people have not approved: acme/);
  const proposed = await on('drop', { reason: 'a year without trouble' });
  const { approvalId, digest } = proposed.body as { approvalId: string; digest: string };
  const path = `/v1/crypto/approvals/${approvalId}/approve`;
  expect((await engineer.call('POST', path, { digest })).status).toBe(403);
  expect(await people.dpo.call('POST', path, { digest })).toMatchObject({
    status: 200,
    body: { result: { dropApproved: true } },
  });
  expect(await step('drop')).toMatch(/^0/);
  const { rows } = await house.db.admin('select * from shop.person order by id limit 1');
  expect(rows[0]).toEqual(expect.not.objectContaining({ note: expect.anything() }));
}, 120_000);
