import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { encryptionPlan } from '../../datamap/index.ts';
import { parseSubjectId, parseTenantId, type TenantId } from '../../kernel/index.ts';
import { canaries } from '../support/canaries.ts';
import { startTestHouse, type Caller, type TestHouse } from '../support/house.ts';

let house: TestHouse;
let engineer: Caller;
let tenantId: TenantId;
beforeAll(async () => {
  house = await startTestHouse({ contacts: 5 });
  engineer = await house.as('acme', 'platform_engineer');
  tenantId = parseTenantId(house.tenants.find(({ slug }) => slug === 'acme')?.id ?? '');
}, 60_000);
afterAll(() => house.close());

const subjectId = randomUUID();
const place = { service: 'shop', collection: 'order', field: 'note', rowId: 'order-1', purpose: 'subject' };
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const toSeal = {
  ...place,
  scope: { kind: 'subject', subjectId } as { kind: string; subjectId?: string },
  plaintext: base64(canaries.plaintext),
  portable: false,
};

async function seal(items: readonly unknown[], call = engineer): Promise<readonly Record<string, string>[]> {
  const { status, body } = await call('POST', '/v1/crypto/seal', { items });
  expect({ status, body }).toMatchObject({ status: 200 });
  return body.results;
}
async function open(items: readonly unknown[], call = engineer): Promise<readonly Record<string, string>[]> {
  const { status, body } = await call('POST', '/v1/crypto/open', { items });
  expect({ status, body }).toMatchObject({ status: 200 });
  return body.results;
}
async function sealOne(item: unknown = toSeal, call = engineer): Promise<string> {
  const [result] = await seal([item], call);
  expect(result).toMatchObject({ state: 'sealed' });
  return result?.['ciphertext'] ?? '';
}

/** The leaves of one action, newest first. */
async function trail(action: string): Promise<readonly Record<string, never>[]> {
  await house.house.audit.flush();
  const { rows } = await house.db.admin(
    `select convert_from(body, 'utf8') as body from audit.entry where tenant_id = $1 and action = $2 order by seq desc`,
    [tenantId, action],
  );
  return rows.map(({ body }) => JSON.parse(body));
}

test('what is sealed opens in its own place, results in the order of the items', async () => {
  const sealed = await seal([
    toSeal,
    { ...toSeal, portable: true },
    { ...toSeal, scope: { kind: 'tenant' }, purpose: 'tax' },
    { ...toSeal, plaintext: '' },
  ]);
  const suites = sealed.map(({ ciphertext }) => Buffer.from(ciphertext?.slice(4) ?? '', 'base64url')[0]);
  expect(suites).toEqual([1, 4, 1, 1]);
  const opened = await open(
    sealed.map(({ ciphertext }, index) => ({
      ...place,
      purpose: index === 2 ? 'tax' : 'subject',
      ciphertext,
    })),
  );
  const full = { state: 'opened', plaintext: base64(canaries.plaintext) };
  expect(opened).toEqual([full, full, full, { state: 'opened', plaintext: '' }]);
});

describe('one item that does not open', () => {
  const refused = { state: 'refused', code: 'ERR_CRYPTO_DECRYPT' };
  const flipped = (text: string, at: number, value: number): string => {
    const bytes = Buffer.from(text.slice(4), 'base64url');
    bytes[at] = value;
    return `ct1.${bytes.toString('base64url')}`;
  };

  const shortened = (text: string): string =>
    `ct1.${Buffer.from(text.slice(4), 'base64url').subarray(0, -1).toString('base64url')}`;

  test.each([
    ['an unknown suite', (text: string) => ({ ciphertext: flipped(text, 0, 0x06) }), 'format'],
    [
      'suite 02 with the flag of a person',
      (text: string) => ({ ciphertext: flipped(text, 0, 0x02) }),
      'format',
    ],
    ['a packed row', (text: string) => ({ ciphertext: flipped(text, 0, 0x03) }), 'format'],
    ['an unknown flag', (text: string) => ({ ciphertext: flipped(text, 1, 0x01) }), 'format'],
    ['the flag of the other scope', (text: string) => ({ ciphertext: flipped(text, 1, 0x04) }), 'scope'],
    ['another key id', (text: string) => ({ ciphertext: flipped(text, 2, 0xff) }), 'unknown_key'],
    ['a byte too few', (text: string) => ({ ciphertext: shortened(text) }), 'authentication'],
    ['a length below the least', (text: string) => ({ ciphertext: text.slice(0, 40) }), 'format'],
    ['no text form', () => ({ ciphertext: 'plain' }), 'format'],
    ['another purpose', () => ({ purpose: 'marketing' }), 'authentication'],
    ['another row', () => ({ rowId: 'order-2' }), 'authentication'],
    ['another field', () => ({ field: 'name' }), 'authentication'],
    ['another collection', () => ({ collection: 'basket' }), 'authentication'],
    ['another service', () => ({ service: 'club' }), 'authentication'],
  ])(
    'because of %s is refused without a reason and recorded with it; its neighbours open',
    async (_, change, cause) => {
      const field = `f${randomUUID().slice(0, 8)}`; // the trail names each cause once a minute for a field
      const own = { ...place, field };
      const ciphertext = await sealOne({ ...toSeal, field });
      const results = await open([
        { ...own, ciphertext },
        { ...own, ciphertext, ...change(ciphertext) },
        { ...own, ciphertext },
      ]);
      expect(results.map(({ state }) => state)).toEqual(['opened', 'refused', 'opened']);
      expect(results[1]).toEqual(refused);
      await house.house.crypto.settle();
      const [newest] = await trail('crypto.values_opened');
      expect(newest).toMatchObject({ detail: { items: 3, refused: 1, codes: { ERR_CRYPTO_DECRYPT: 1 } } });
      const causes = (await trail('crypto.value_refused')).map(({ detail }) => detail);
      const named = { cause, field: 'field' in change(ciphertext) ? 'name' : field };
      expect(causes).toEqual(expect.arrayContaining([expect.objectContaining(named)]));
    },
  );

  test('because it is of another tenant is refused, whoever asks', async () => {
    const stranger = await house.as('globex', 'platform_engineer');
    const ciphertext = await sealOne();
    expect(await open([{ ...place, ciphertext }], stranger)).toEqual([refused]);
  });

  test('because its epoch was destroyed is refused; keys of living epochs go on', async () => {
    const purpose = 'archive';
    const item = { ...toSeal, purpose, scope: { kind: 'tenant' } };
    const ciphertext = await sealOne(item);
    const epochs = `select max(epoch)::integer as epoch from crypto.kek where tenant_id = $1`;
    const { rows } = await house.db.admin(epochs, [tenantId]);
    // An epoch that the root never had or forgot: the row names it, nothing opens it.
    await house.db.admin(
      `insert into crypto.kek (tenant_id, epoch, provider, wrapped, commitment, state)
       select tenant_id, $2, provider, sha256(wrapped) || sha256(wrapped), commitment, 'superseded'
       from crypto.kek where tenant_id = $1 and epoch = $3`,
      [tenantId, 900, rows[0].epoch],
    );
    await house.db.admin('update crypto.dek set epoch = 900 where tenant_id = $1 and purpose = $2', [
      tenantId,
      purpose,
    ]);
    await house.db.admin(`select pg_notify('crypto_keys', $1)`, [tenantId]);
    const living = await sealOne();
    const both = [
      { ...place, purpose, ciphertext },
      { ...place, ciphertext: living },
    ];
    let results = await open(both);
    for (let turn = 0; turn < 100 && results[0]?.['state'] === 'opened'; turn += 1) {
      await sleep(50); // the notification drops what the process remembers
      results = await open(both);
    }
    expect(results.map(({ state }) => state)).toEqual(['refused', 'opened']);
    expect(results[0]).toEqual(refused);
  });

  test('because the person was erased is a tombstone, and sealing anew is refused for that item alone', async () => {
    const erased = randomUUID();
    const item = { ...toSeal, scope: { kind: 'subject', subjectId: erased } };
    const ciphertext = await sealOne(item);
    await house.house.database.withTenant(tenantId, (tx) =>
      house.house.crypto.shred(tx, [parseSubjectId(erased)], {
        requestId: 'request-1',
        reason: 'gdpr.17.1.a',
        actor: { kind: 'system', id: 'test', displayName: 'test' },
      }),
    );
    expect(await open([{ ...place, ciphertext }])).toEqual([{ state: 'shredded', requestId: 'request-1' }]);
    const sealed = await seal([toSeal, item, toSeal]);
    expect(sealed.map(({ state }) => state)).toEqual(['sealed', 'refused', 'sealed']);
    expect(sealed[1]).toEqual({ state: 'refused', code: 'ERR_CRYPTO_SHREDDED' });
  });
});

test('terms of blind indexes are those that the gateway searches with; an unknown index is refused alone', async () => {
  const item = { service: 'contacts', collection: 'contact', field: 'email', index: 'exact' };
  const { rows } = await house.db.admin(
    'select * from marketing_contacts.contact where tenant_id = $1 limit 1',
    [tenantId],
  );
  const { crypto, database, dataMap } = house.house;
  const [contact] = await database.withTenant(tenantId, async (tx) => {
    const collection = (await dataMap.forTenant(tx)).collection('contacts.contact');
    if (collection === null) throw new Error('the data map has no contacts');
    return crypto.openRows(tx, encryptionPlan(collection), rows, ['email']);
  });
  const value = String(contact?.['email']);
  const { status, body } = await engineer('POST', '/v1/crypto/index', {
    items: [
      { ...item, value: ` ${value.toUpperCase()} ` },
      { ...item, index: 'none', value },
      { ...item, collection: 'none', value },
    ],
  });
  expect(status).toBe(200);
  expect(body.results).toEqual([
    { state: 'indexed', terms: [rows[0].email_bidx.toString('base64')] },
    { state: 'refused', code: 'ERR_CRYPTO_PLAN' },
    { state: 'refused', code: 'ERR_CRYPTO_PLAN' },
  ]);
  expect((await trail('crypto.values_indexed'))[0]).toMatchObject({ detail: { items: 3, refused: 2 } });
});

test('a batch is one event with counts and places, and neither it nor any other leaf holds what was sealed', async () => {
  const before = (await trail('crypto.values_sealed')).length;
  await seal([toSeal, toSeal, { ...toSeal, collection: 'basket' }]);
  const events = await trail('crypto.values_sealed');
  expect(events.length).toBe(before + 1);
  expect(events[0]).toMatchObject({
    detail: {
      items: 3,
      refused: 0,
      collections: ['shop.order', 'shop.basket'],
      purposes: ['subject'],
      codes: {},
    },
  });
  const { rows } = await house.db.admin(
    `select convert_from(body, 'utf8') as text from audit.entry union all select convert_from(body, 'utf8') from audit.detail`,
  );
  for (const { text } of rows)
    for (const form of [
      canaries.plaintext,
      base64(canaries.plaintext),
      Buffer.from(canaries.plaintext).toString('hex'),
    ])
      expect(text).not.toContain(form);
});

test.each([
  ['no item', { items: [] }],
  ['201 items', { items: Array.from({ length: 201 }, () => toSeal) }],
  [
    'a value of more than 64 KiB',
    { items: [{ ...toSeal, plaintext: Buffer.alloc(65_537).toString('base64') }] },
  ],
  [
    'more than 1 MiB together',
    {
      items: Array.from({ length: 17 }, () => ({
        ...toSeal,
        plaintext: Buffer.alloc(65_000).toString('base64'),
      })),
    },
  ],
  ['plaintext that is no base64', { items: [{ ...toSeal, plaintext: 'a' }] }],
  ['the house’s own service', { items: [{ ...toSeal, service: 'crypto' }] }],
  ['the purpose of the index key', { items: [{ ...toSeal, scope: { kind: 'tenant' }, purpose: 'index' }] }],
  ['a purpose of the house', { items: [{ ...toSeal, scope: { kind: 'tenant' }, purpose: 'signing:log' }] }],
  ['a person who is no UUID', { items: [{ ...toSeal, scope: { kind: 'subject', subjectId: 'me' } }] }],
  ['a field nobody knows', { items: [{ ...toSeal, key: 'AAAA' }] }],
])('%s is refused with 400 before anything is sealed', async (_, body) => {
  const before = (await trail('crypto.values_sealed')).length;
  const answer = await engineer('POST', '/v1/crypto/seal', body);
  expect(answer.status).toBe(400);
  expect((await trail('crypto.values_sealed')).length).toBe(before);
  expect(JSON.stringify(answer.body)).not.toContain(base64(canaries.plaintext));
});

test("the house's own secrets do not open through the API", async () => {
  const { rows } = await house.db.admin(
    'select name, sealed_private_key from crypto.signing_key where tenant_id = $1 limit 1',
    [tenantId],
  );
  const ciphertext = `ct1.${rows[0].sealed_private_key.toString('base64url')}`;
  const own = { service: 'crypto', collection: 'signing_key', field: 'private_key', rowId: rows[0].name };
  for (const purpose of [`signing:${rows[0].name}`, 'signing'])
    expect(
      (await engineer('POST', '/v1/crypto/open', { items: [{ ...own, purpose, ciphertext }] })).status,
    ).toBe(400);
});

test.each(['marketer', 'auditor', 'dpo', 'security_admin'])('a %s may not', async (role) => {
  const call = await house.as('acme', role);
  for (const verb of ['seal', 'open', 'index'])
    expect((await call('POST', `/v1/crypto/${verb}`, { items: [] })).status).toBe(403);
});

test('a person with the role may not either: values are lent to services', async () => {
  const route = house.house.routes.find(({ operationId }) => operationId === 'openValues');
  const person = {
    kind: 'user',
    tenantId,
    id: randomUUID(),
    displayName: 'Eve',
    roles: ['platform_engineer'],
  };
  const input = { principal: person, body: { items: [] }, call: {} };
  await expect(route?.handler(input as never)).rejects.toMatchObject({ code: 'ERR_FORBIDDEN', status: 403 });
});
