import { createHash, verify } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Tx } from '../db/index.ts';
import { systemClock, type AuditEvent, type TenantId } from '../kernel/index.ts';
import {
  contactPlan,
  createCryptoFixture,
  createKeepingLogger,
  emailContext,
  erasure,
  newSubject,
  type CryptoFixture,
} from './crypto-fixture.ts';
import { createCryptoRoutes } from './routes.ts';
import * as inventoryStore from './store-inventory.ts';
import * as jobStore from './rotation/store.ts';
import * as rotationStore from './store-rotation.ts';
import * as shredStore from './erasure/store.ts';
import * as keyStore from './store.ts';
import type { Crypto, RotationProgress } from './types.ts';

let fixture: CryptoFixture;
let crypto: Crypto;
beforeAll(async () => {
  fixture = await createCryptoFixture();
  crypto = fixture.make();
});
afterAll(() => fixture.close());

const inTenant = <T>(id: TenantId, work: (tx: Tx) => Promise<T>): Promise<T> =>
  fixture.db.database.withTenant(id, work);
const { actor } = erasure;
const contacts = (count: number): Record<string, unknown>[] =>
  Array.from({ length: count }, (_, index) => ({
    id: `row-${index}`,
    subject_id: newSubject(),
    email: `p${index}@example.com`,
  }));

test('PostgreSQL prepares every statement of the room', async () => {
  const statements = Object.values({
    ...keyStore,
    ...rotationStore,
    ...jobStore,
    ...shredStore,
    ...inventoryStore,
  }).filter((value) => typeof value === 'object');
  expect(statements.length).toBeGreaterThan(20);
  for (const { name, text } of statements) await fixture.db.admin(`prepare "${name}" as ${text}`);
});

test('thousands of fields of one tenant ask the root exactly once', async () => {
  const tenant = await fixture.db.createTenant();
  const before = fixture.rootCalls.wrap + fixture.rootCalls.unwrap;
  await crypto.warm(tenant);
  for (let round = 0; round < 4; round += 1)
    await inTenant(tenant, (tx) => crypto.sealRows(tx, contactPlan, contacts(500)));
  expect(fixture.rootCalls.wrap + fixture.rootCalls.unwrap - before).toBe(1);
});

test('a transaction that takes long to commit does not make others ask the root again', async () => {
  const tenant = await fixture.db.createTenant();
  await inTenant(tenant, (tx) => crypto.sealRows(tx, contactPlan, contacts(1)));
  const other = fixture.make();
  await other.warm(await fixture.db.createTenant()); // listens from now on
  const before = fixture.rootCalls.unwrap;
  const gate = Promise.withResolvers<null>();
  const slow = inTenant(tenant, async (tx) => {
    await other.sealRows(tx, contactPlan, contacts(1));
    await gate.promise;
  });
  for (let round = 0; round < 5; round += 1)
    await inTenant(tenant, (tx) => other.sealRows(tx, contactPlan, contacts(1)));
  gate.resolve(null);
  await slow;
  expect(fixture.rootCalls.unwrap - before).toBe(1);
});

describe('rotation', () => {
  test('wraps every data key again, changes no ciphertext, and says how far it is', async () => {
    const tenant = await fixture.db.createTenant();
    const sealed = await inTenant(tenant, (tx) => crypto.sealRows(tx, contactPlan, contacts(25)));
    const steps: RotationProgress[] = [];
    const done = await crypto.rotate(tenant, {
      actor,
      batchSize: 10,
      onProgress: (progress) => steps.push(progress),
    });
    expect(done).toMatchObject({ epoch: 2, resumed: false, rewrapped: 26, remaining: 0 });
    expect(steps.map(({ remaining }) => remaining)).toEqual([16, 6, 0]);
    const status = await inTenant(tenant, (tx) => crypto.status(tx));
    expect(status.epochs).toMatchObject([
      { epoch: 2, state: 'active', keys: 26 },
      { epoch: 1, state: 'superseded', keys: 0 },
    ]);
    const opened = await inTenant(tenant, (tx) =>
      fixture.make().openRows(tx, contactPlan, sealed, ['email']),
    );
    expect(opened[7]).toMatchObject({ email: 'p7@example.com' });
    expect(fixture.events.map((event: AuditEvent) => event.definition.action)).toEqual(
      expect.arrayContaining(['crypto.rotation_started', 'crypto.rotation_finished']),
    );
  });

  test('that was interrupted is carried on by the next call', async () => {
    const tenant = await fixture.db.createTenant();
    await inTenant(tenant, (tx) => crypto.sealRows(tx, contactPlan, contacts(25)));
    const stop = new AbortController();
    const interrupted = crypto.rotate(tenant, {
      actor,
      batchSize: 10,
      signal: stop.signal,
      onProgress: () => stop.abort(),
    });
    await expect(interrupted).rejects.toMatchObject({ name: 'AbortError' });
    expect(await fixture.make().rotate(tenant, { actor })).toMatchObject({
      epoch: 2,
      resumed: true,
      rewrapped: 16,
    });
  });

  test('brings no shredded key back', async () => {
    const tenant = await fixture.db.createTenant();
    const [row = {}] = contacts(1);
    const sealed = await inTenant(tenant, (tx) => crypto.sealFields(tx, contactPlan, row));
    await inTenant(tenant, (tx) => crypto.shred(tx, [row['subject_id'] as never], erasure));
    await crypto.rotate(tenant, { actor });
    const [opened] = await inTenant(tenant, (tx) => crypto.openRows(tx, contactPlan, [sealed], ['email']));
    expect(opened).toMatchObject({ email: { tombstone: true } });
  });
});

test('the database itself refuses to revive a shredded key or to change the ledger', async () => {
  const tenant = await fixture.db.createTenant();
  const [row = {}] = contacts(1);
  await inTenant(tenant, (tx) => crypto.sealFields(tx, contactPlan, row));
  await inTenant(tenant, (tx) => crypto.shred(tx, [row['subject_id'] as never], erasure));
  for (const text of [
    `update crypto.dek set state = 'active', wrapped = decode(repeat('00', 60), 'hex'), commitment = decode(repeat('00', 32), 'hex'), shredded_at = null where state = 'shredded'`,
    'delete from crypto.dek',
    'delete from crypto.shred_ledger',
    `update crypto.shred_ledger set reason = 'other'`,
  ]) {
    await expect(fixture.db.admin(text)).rejects.toMatchObject({ code: '42501' });
  }
});

test('a signing key is one key whoever asks first, and its signatures verify', async () => {
  const tenant = await fixture.db.createTenant();
  const keys = await Promise.all(
    Array.from({ length: 6 }, () => inTenant(tenant, (tx) => fixture.make().signingKey(tx, 'log'))),
  );
  expect(new Set(keys.map(({ keyId }) => keyId)).size).toBe(1);
  const [key] = keys;
  const message = Buffer.from('a checkpoint');
  expect(key?.publicKeyBytes.length).toBe(32);
  expect(key !== undefined && verify(null, message, key.publicKey, key.sign(message))).toBe(true);
  const elsewhere = await inTenant(await fixture.db.createTenant(), (tx) => crypto.signingKey(tx, 'log'));
  expect(elsewhere.keyId).not.toBe(key?.keyId);
  const certificate = await inTenant(tenant, (tx) => crypto.signingKey(tx, 'certificate'));
  expect(certificate.keyId).not.toBe(key?.keyId);
});

test('a mac is its own under every tenant and purpose, and the same after a restart', async () => {
  const [one, two] = [await fixture.db.createTenant(), await fixture.db.createTenant()];
  const mac = (tenant: TenantId, purpose: string, by = crypto): Promise<string> =>
    inTenant(tenant, async (tx) => (await by.mac(tx, purpose, 'ada@example.com')).toString('hex'));
  const values = [await mac(one, 'suppression'), await mac(one, 'other'), await mac(two, 'suppression')];
  expect(new Set(values).size).toBe(3);
  expect(values[0]).toHaveLength(64);
  expect(await mac(one, 'suppression', fixture.make())).toBe(values[0]);
  expect(values[0]).not.toBe(createHash('sha256').update('ada@example.com').digest('hex'));
});

describe('message counts', () => {
  test('reach the database coarsely', async () => {
    const tenant = await fixture.db.createTenant();
    const own = fixture.make();
    await inTenant(tenant, async (tx) => {
      for (let index = 0; index < 2_500; index += 1)
        await own.seal(tx, { kind: 'tenant', purpose: 'tax' }, emailContext, Buffer.from('x'));
    });
    await own.stop();
    const { rows } = await fixture.db.admin('select messages from crypto.dek where tenant_id = $1', [tenant]);
    expect(rows).toEqual([{ messages: 2_500 }]);
  });

  test('survive that they are written before the key itself is committed', async () => {
    const tenant = await fixture.db.createTenant();
    const own = fixture.make();
    await inTenant(tenant, async (tx) => {
      for (let index = 0; index < 5_000; index += 1) {
        await own.seal(tx, { kind: 'tenant', purpose: 'tax' }, emailContext, Buffer.from('x'));
        if (index % 1_000 === 999) await new Promise((turn) => setTimeout(turn, 50)); // the counter writes now
      }
    });
    await own.stop();
    const { rows } = await fixture.db.admin('select messages from crypto.dek where tenant_id = $1', [tenant]);
    expect(rows).toEqual([{ messages: 5_000 }]);
  });

  test('of nearly 2^31 replace the key before it refuses; what it sealed opens', async () => {
    const tenant = await fixture.db.createTenant();
    const scope = { kind: 'subject', subjectId: newSubject() } as const;
    const sealed = await inTenant(tenant, (tx) => crypto.seal(tx, scope, emailContext, Buffer.from('x')));
    await fixture.db.admin('update crypto.dek set messages = 2147483647 where tenant_id = $1', [tenant]);
    const fresh = fixture.make();
    await inTenant(tenant, async (tx) => {
      const later = await fresh.seal(tx, scope, emailContext, Buffer.from('under a new key'));
      expect(later.subarray(2, 10)).not.toEqual(sealed.subarray(2, 10));
      expect(await fresh.open(tx, emailContext, later)).toMatchObject({ kind: 'plaintext' });
      expect(await fresh.open(tx, emailContext, sealed)).toMatchObject({ kind: 'plaintext' });
    });
  });
});

test('neither keys nor plaintext reach logs, errors or events, whatever fails', async () => {
  const lines: string[] = [];
  const keys: Buffer[] = [];
  const canary = 'canary-plaintext-7f3a';
  const root = {
    ...fixture.root,
    wrap: (...input: Parameters<typeof fixture.root.wrap>) => (
      keys.push(Buffer.from(input[2])),
      fixture.root.wrap(...input)
    ),
  };
  const watched = fixture.make({ logger: createKeepingLogger(lines), root });
  const tenant = await fixture.db.createTenant();
  const caught: unknown[] = [];
  const attempt = (work: Promise<unknown>): Promise<unknown> =>
    work.catch((error: unknown) => caught.push(error));
  await inTenant(tenant, async (tx) => {
    const [row = {}] = contacts(1);
    const sealed = await watched.sealFields(tx, contactPlan, { ...row, email: canary });
    (sealed['email'] as Buffer).fill(0, 25, 26);
    await attempt(watched.openRows(tx, contactPlan, [sealed], ['email']));
    await attempt(watched.openRows(tx, contactPlan, [{ ...sealed, email: Buffer.from(canary) }], ['email']));
    await attempt(watched.sealFields(tx, contactPlan, { ...row, first_name: { canary } }));
    await attempt(watched.sealFields(tx, contactPlan, { ...row, id: undefined, email: canary }));
    await attempt(
      watched.seal(tx, { kind: 'tenant', purpose: 'x'.repeat(2_000) }, emailContext, Buffer.from(canary)),
    );
  });
  expect(caught.length).toBe(5);
  const errors = caught.map((error) => String((error as Error).stack) + JSON.stringify(error)).join();
  const seen = lines.join() + errors + JSON.stringify(fixture.events);
  expect(lines.length).toBeGreaterThan(0);
  for (const secret of [
    canary,
    ...keys.flatMap((key) => [key.toString('hex'), key.toString('base64'), key.toString('base64url')]),
  ]) {
    expect(seen).not.toContain(secret);
  }
  await watched.stop();
  expect(
    fixture.events
      .filter(({ definition }) => definition.action === 'crypto.value_refused')
      .map(({ reason }) => reason),
  ).toEqual(expect.arrayContaining(['authentication', 'format']));
});

test('the routes answer with what the console expects', async () => {
  const tenant = await fixture.db.createTenant();
  const rows = contacts(3);
  await inTenant(tenant, (tx) => crypto.sealRows(tx, contactPlan, rows));
  await inTenant(tenant, (tx) =>
    crypto.shred(
      tx,
      rows.map((row) => row['subject_id'] as never),
      erasure,
    ),
  );
  const routes = createCryptoRoutes(crypto, {
    database: fixture.db.database,
    clock: systemClock,
    dualControl: fixture.makeControl({}),
    audit: { append: async () => undefined, record: async () => undefined },
    tables: async () => [],
  });
  const principal = { tenantId: tenant, kind: 'user', id: newSubject(), displayName: 'Ada' };
  const call = async (operationId: string, query: unknown = { limit: 50 }, body: unknown = {}) => {
    const route = routes.find((candidate) => candidate.operationId === operationId);
    const result = await route?.handler({ principal, query, body } as never);
    route?.responses[result?.status ?? 0]?.schema?.parse(result?.body);
    return result as {
      status: number;
      body: Record<string, unknown> & { items: unknown[]; nextCursor: string | null };
    };
  };
  expect((await call('readCryptoKeys')).body).toMatchObject({
    provider: 'local',
    subjects: { active: 0, shredded: 3 },
  });
  const first = await call('listShreddedKeys', { limit: 2 });
  const second = await call('listShreddedKeys', { limit: 2, cursor: first.body.nextCursor ?? '' });
  expect([first.body.items.length, second.body.items.length, second.body.nextCursor]).toEqual([2, 1, null]);
  await expect(call('listShreddedKeys', { limit: 2, cursor: 'AAAA' })).rejects.toMatchObject({ status: 400 });
  expect((await call('readShredLedgerState')).body).toEqual({
    ok: true,
    detail: expect.stringMatching(/\w/),
  });
  expect((await call('listRootProviders')).body['house']).toMatchObject({ name: 'local', sharesNeeded: 0 });
  expect((await call('rotateCryptoKeys', {}, { keys: 'tenant' })).body).toMatchObject({
    kind: 'rewrap',
    state: 'done',
    target: { epoch: 2 },
  });
  expect(routes.find(({ path }) => path === '/v1/crypto/rotate')?.security).toMatchObject({
    stepUp: { level: 2, maxAgeSeconds: 300 },
  });
});
