import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Principal, TenantId } from '../../kernel/index.ts';
import { call, openHouse, type Answer, type TestHouse } from './house.ts';

let house: TestHouse;
let tenantId: TenantId;
let marketer: Principal;
let dpo: Principal;

const params = { service: 'contacts', collection: 'contact' };
const person = {
  email: 'Zoë.Test@Example.com',
  phone: '+48 000 123 456',
  first_name: 'Zoë',
  last_name: 'Test',
  region: 'emea',
  country: 'PL',
  lifecycle: 'lead',
};
const create = (
  body: object,
  more: { idempotencyKey?: string; principal?: Principal } = {},
): Promise<Answer> =>
  call(house.gateway, 'createRecord', more.principal ?? marketer, {
    params,
    body,
    purpose: 'support',
    ...more,
  });
const one = (
  id: string,
  operationId: string,
  more: { body?: object; principal?: Principal } = {},
): Promise<Answer> =>
  call(house.gateway, operationId, more.principal ?? marketer, {
    params: { ...params, id },
    purpose: 'support',
    ...more,
  });

beforeAll(async () => {
  house = await openHouse();
  tenantId = await house.tenant();
  marketer = house.principal(tenantId, 'marketer');
  dpo = house.principal(tenantId, 'dpo');
});
afterAll(() => house.close());

async function stored(id: string): Promise<Readonly<Record<string, unknown>>> {
  const { rows } = await house.db.admin('select * from marketing_contacts.contact where id = $1', [id]);
  return (rows[0] ?? {}) as Record<string, unknown>; // a row of pg
}

async function trail(): Promise<
  readonly { action: string; detail: Record<string, unknown>; subjects: readonly string[]; outcome: string }[]
> {
  await house.audit.flush();
  const page = await house.db.database.withTenant(tenantId, (tx) => house.audit.search(tx, { limit: 200 }));
  return page.items.map((item) => item as never);
}

describe('creating a record', () => {
  test('encrypts, indexes and answers with what its writer may read', async () => {
    const answer = await create(person);
    expect(answer).toMatchObject({ status: 201, code: null, body: { ...person, restricted: false } });
    const id = String(answer.body['id']);
    expect(answer.headers['location']).toBe(`/v1/data/contacts/contact/${id}`);
    const row = await stored(id);
    for (const column of ['email', 'phone', 'first_name', 'last_name'])
      expect(Buffer.isBuffer(row[column])).toBe(true);
    expect(
      [row['email_bidx'], row['email_domain_bidx'], row['phone_bidx']].map(
        (value) => (value as Buffer).length,
      ),
    ).toEqual([16, 8, 16]);
    const found = await call(house.gateway, 'listRecords', marketer, {
      params,
      purpose: 'support',
      query: { 'filter[email]': 'zoë.test@example.com' },
    });
    expect(found.body['items']).toMatchObject([{ id }]);
  });

  test('is refused outside the decision, and nothing is written', async () => {
    const before = await house.db.admin('select count(*)::int as n from marketing_contacts.contact');
    expect(await create({ ...person, region: 'amer' })).toMatchObject({
      status: 403,
      code: 'ERR_GATEWAY_DENIED',
    });
    expect(await create(person, { principal: house.principal(tenantId, 'auditor') })).toMatchObject({
      status: 403,
    });
    expect((await house.db.admin('select count(*)::int as n from marketing_contacts.contact')).rows).toEqual(
      before.rows,
    );
  });

  test.each([
    ['an unknown field', { ...person, nickname: 'Z' }, 400, 'ERR_GATEWAY_UNKNOWN_FIELD', /"nickname"/],
    [
      'a prototype key',
      JSON.parse('{"email":"a@example.com","__proto__":{"restricted":true}}') as object,
      400,
      'ERR_GATEWAY_UNKNOWN_FIELD',
      /"__proto__"/,
    ],
    ['the id', { ...person, id: randomUUID() }, 403, 'ERR_GATEWAY_FIELD_FORBIDDEN', /"id"/],
    ['the tenant', { ...person, tenant_id: randomUUID() }, 400, 'ERR_GATEWAY_UNKNOWN_FIELD', /"tenant_id"/],
    [
      'the restriction flag',
      { ...person, restricted: false },
      403,
      'ERR_GATEWAY_FIELD_FORBIDDEN',
      /"restricted"/,
    ],
    [
      'a wrong address',
      { ...person, email: 'nowhere' },
      400,
      'ERR_GATEWAY_VALUE',
      /"email" must be an e-mail address/,
    ],
    [
      'a region that is none',
      { ...person, region: 'mars' },
      400,
      'ERR_GATEWAY_VALUE',
      /"region" must be one of emea, amer, apac/,
    ],
    [
      'a missing address',
      { region: 'emea', country: 'PL' },
      400,
      'ERR_GATEWAY_VALUE',
      /"email" must have a value/,
    ],
  ])('with %s is refused, naming the field and no value', async (_what, body, status, code, message) => {
    const answer = await create(body);
    expect(answer).toMatchObject({ status, code });
    expect(answer.message).toMatch(message);
    expect(answer.message).not.toMatch(/Zoë|nowhere|mars/);
  });

  test('happens once for one Idempotency-Key, also when sent five times at once', async () => {
    const key = randomUUID();
    const body = { ...person, email: 'once@example.com' };
    const answers = await Promise.all(Array.from({ length: 5 }, () => create(body, { idempotencyKey: key })));
    expect(new Set(answers.map(({ body: { id } }) => id)).size).toBe(1);
    expect(answers.filter(({ headers }) => headers['idempotency-replayed'] === 'true')).toHaveLength(4);
    expect(await create({ ...body, country: 'DE' }, { idempotencyKey: key })).toMatchObject({
      status: 422,
      code: 'ERR_GATEWAY_IDEMPOTENCY',
    });
  });

  test('of a consent takes the person from the contact it names', async () => {
    const contact = await create({ ...person, email: 'consent@example.com' });
    const consents = { service: 'contacts', collection: 'consent' };
    const body = {
      contact_id: contact.body['id'],
      purpose: 'marketing',
      status: 'given',
      text_version: '1',
      channel: 'web',
      given_at: '2026-01-01T00:00:00Z',
      ip: '192.0.2.7',
    };
    const consent = await call(house.gateway, 'createRecord', marketer, {
      params: consents,
      body,
      purpose: 'support',
    });
    expect(consent.status).toBe(201);
    const { rows } = await house.db.admin('select subject_id from marketing_contacts.consent where id = $1', [
      consent.body['id'],
    ]);
    expect(rows[0]).toEqual({ subject_id: (await stored(String(contact.body['id'])))['subject_id'] });
    const orphan = await call(house.gateway, 'createRecord', marketer, {
      params: consents,
      body: { ...body, contact_id: randomUUID() },
      purpose: 'support',
    });
    expect(orphan).toMatchObject({ status: 422, code: 'ERR_GATEWAY_REFERENCE' });
  });
});

describe('suppression', () => {
  test('refuses create and update of a person on the list, writes nothing and records the refusal', async () => {
    const asked: unknown[] = [];
    const gateway = house.gatewayWith({
      suppression: {
        isSuppressed: async (tx, identifiers, purpose) => {
          asked.push({ tenant: tx.tenantId, identifiers, purpose });
          return identifiers.some(({ value }) => value === 'gone@example.com') ? { since: 'erasure' } : null;
        },
      },
    });
    const refused = { status: 409, code: 'ERR_GATEWAY_SUPPRESSED' };
    const answer = await call(gateway, 'createRecord', marketer, {
      params,
      body: { ...person, email: 'gone@example.com' },
      purpose: 'support',
      idempotencyKey: 'suppressed',
    });
    expect(answer).toMatchObject(refused);
    expect(answer.message).not.toContain('gone@');
    expect(asked[0]).toEqual({
      tenant: tenantId,
      purpose: 'support',
      identifiers: [
        { kind: 'email', value: 'gone@example.com' },
        { kind: 'phone', value: person.phone },
      ],
    });
    const created = await create({ ...person, email: 'here@example.com' });
    const update = {
      params: { ...params, id: String(created.body['id']) },
      body: { email: 'gone@example.com' },
      purpose: 'support',
    };
    expect(await call(gateway, 'updateRecord', marketer, update)).toMatchObject(refused);
    expect((await one(String(created.body['id']), 'getRecord')).body['email']).toBe('here@example.com');
    expect((await house.db.admin(`select 1 from gateway.idempotency where key = 'suppressed'`)).rows).toEqual(
      [],
    );
    const denied = (await trail()).filter(({ action }) => action === 'gateway.access_denied');
    expect(denied.filter(({ outcome }) => outcome === 'denied').length).toBeGreaterThanOrEqual(2);
  });
});

describe('changing and deleting a record', () => {
  test('replaces fields, ciphertext and index, and moves updated_at', async () => {
    const { body } = await create({ ...person, email: 'old@example.com' });
    const id = String(body['id']);
    const before = await stored(id);
    const answer = await one(id, 'updateRecord', {
      body: { email: 'new@example.com', lifecycle: 'customer' },
    });
    expect(answer).toMatchObject({
      status: 200,
      body: { email: 'new@example.com', lifecycle: 'customer', first_name: 'Zoë' },
    });
    const after = await stored(id);
    expect(after['email_bidx']).not.toEqual(before['email_bidx']);
    expect(after['first_name']).toEqual(before['first_name']);
    expect(after['updated_at']).not.toEqual(before['updated_at']);
  });

  test('cannot move a record out of the own reach', async () => {
    const { body } = await create({ ...person, email: 'stay@example.com' });
    const answer = await one(String(body['id']), 'updateRecord', { body: { region: 'apac' } });
    expect(answer).toMatchObject({ status: 403, code: 'ERR_GATEWAY_DENIED' });
    expect((await stored(String(body['id'])))['region']).toBe('emea');
  });

  test('is refused while processing is restricted', async () => {
    const { body } = await create({ ...person, email: 'restricted@example.com' });
    const id = String(body['id']);
    await house.db.admin('update marketing_contacts.contact set restricted = true where id = $1', [id]);
    const restricted = { status: 409, code: 'ERR_GATEWAY_RESTRICTED' };
    expect(await one(id, 'updateRecord', { body: { lifecycle: 'customer' } })).toMatchObject(restricted);
    expect(await one(id, 'deleteRecord', { principal: dpo })).toMatchObject(restricted);
    expect((await stored(id))['lifecycle']).toBe('lead');
  });

  test('deletes for who may, with a fresh second factor', async () => {
    const { body } = await create({ ...person, email: 'delete@example.com' });
    const id = String(body['id']);
    expect(await one(id, 'deleteRecord')).toMatchObject({ status: 403, code: 'ERR_GATEWAY_DENIED' });
    const weak = house.principal(tenantId, 'dpo', {
      assurance: { level: 1, authenticatedAt: new Date(), methods: ['pwd'] },
    });
    expect(await one(id, 'deleteRecord', { principal: weak })).toMatchObject({
      status: 401,
      code: 'ERR_STEP_UP_REQUIRED',
    });
    expect(await one(id, 'deleteRecord', { principal: dpo })).toMatchObject({ status: 204 });
    expect(await one(id, 'getRecord')).toMatchObject({ status: 404, code: 'ERR_NOT_FOUND' });
  });

  test('answers 404 for what is foreign, out of reach or no id at all', async () => {
    const other = await house.tenant();
    const { body } = await create(person, { principal: house.principal(other, 'marketer') });
    const far = await create(
      { ...person, region: 'amer' },
      { principal: house.principal(tenantId, 'marketer', { attributes: { region: 'amer' } }) },
    );
    for (const id of [String(body['id']), String(far.body['id']), randomUUID(), `x' or 1=1`]) {
      const missing = { status: 404, code: 'ERR_NOT_FOUND' };
      expect(await one(id, 'getRecord')).toMatchObject(missing);
      expect(await one(id, 'updateRecord', { body: { lifecycle: 'lead' } })).toMatchObject(missing);
      expect(await one(id, 'deleteRecord', { principal: house.principal(tenantId, 'dpo') })).toMatchObject(
        id === far.body['id'] ? { status: 204 } : missing,
      );
    }
  });
});

describe('the trail', () => {
  test('holds who was read, which fields, under which decision, and no value', async () => {
    const created = await create({ ...person, email: 'trail@example.com' });
    const id = String(created.body['id']);
    await one(id, 'getRecord');
    const events = await trail();
    const subject = String((await stored(id))['subject_id']);
    const read = events.find(
      ({ action, subjects }) => action === 'gateway.records_read' && subjects.includes(subject),
    );
    expect(read).toMatchObject({ outcome: 'success', subjects: [subject] });
    const write = events.find(
      ({ action, subjects }) => action === 'gateway.record_created' && subjects.includes(subject),
    );
    expect(write).toMatchObject({ outcome: 'success' });
    const { rows } = await house.db.admin(
      `select string_agg(c.relname, ',') as names from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'audit' and c.relkind = 'r'`,
    );
    for (const table of String((rows[0] as { names: string }).names).split(',')) {
      const dump = await house.db.admin(
        `select coalesce(string_agg(x::text, ' '), '') as text from audit.${table} x`,
      );
      expect((dump.rows[0] as { text: string }).text).not.toMatch(/trail@example|Zoë/);
    }
  });

  test('refusing a record means that no data leaves', async () => {
    const broken = {
      append: () => Promise.reject(new Error('disk full')),
      record: () => Promise.reject(new Error('disk full')),
    };
    const gateway = house.gatewayWith({ audit: broken });
    const { body } = await create({ ...person, email: 'closed@example.com' });
    const id = String(body['id']);
    const withheld = { status: 503, code: 'ERR_GATEWAY_NOT_RECORDED', body: {} };
    expect(
      await call(gateway, 'getRecord', marketer, { params: { ...params, id }, purpose: 'support' }),
    ).toMatchObject(withheld);
    expect(await call(gateway, 'listRecords', marketer, { params, purpose: 'support' })).toMatchObject(
      withheld,
    );
    const update = { params: { ...params, id }, body: { lifecycle: 'churned' }, purpose: 'support' };
    await expect(call(gateway, 'updateRecord', marketer, update)).rejects.toThrow('disk full');
    expect((await stored(id))['lifecycle']).toBe('lead');
    await expect(
      call(gateway, 'createRecord', marketer, {
        params,
        body: { ...person, email: 'never@example.com' },
        purpose: 'support',
      }),
    ).rejects.toThrow('disk full');
    const { rows } = await house.db.admin(
      'select count(*)::int as n from marketing_contacts.contact where tenant_id = $1',
      [tenantId],
    );
    await create({ ...person, email: 'count@example.com' });
    expect(
      (
        await house.db.admin(
          'select count(*)::int as n from marketing_contacts.contact where tenant_id = $1',
          [tenantId],
        )
      ).rows[0],
    ).toEqual({ n: (rows[0] as { n: number }).n + 1 });
  });
});

describe('a person whose key was destroyed', () => {
  test('leaves tombstones and not an error', async () => {
    const { body } = await create({ ...person, email: 'shredded@example.com' });
    const id = String(body['id']);
    const subject = String((await stored(id))['subject_id']);
    await house.db.database.withTenant(tenantId, (tx) =>
      house.crypto.shred(tx, [subject as never], {
        requestId: randomUUID(),
        reason: 'test',
        actor: { kind: 'system', id: 'test', displayName: 'test' },
      }),
    );
    const answer = await one(id, 'getRecord');
    expect(answer.body).toMatchObject({
      id,
      email: { tombstone: true },
      first_name: { tombstone: true },
      region: 'emea',
    });
  });
});
