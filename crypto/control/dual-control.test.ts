import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Tx } from '../../db/index.ts';
import type { Principal, TenantId } from '../../kernel/index.ts';
import { createCryptoFixture, newPerson, type CryptoFixture } from '../crypto-fixture.ts';
import type { Approved, DualControl, Executors } from './dual-control.ts';

let fixture: CryptoFixture;
let tenant: TenantId;
let now: Date;
let ran: Approved[];
let control: DualControl;
beforeAll(async () => {
  fixture = await createCryptoFixture();
});
afterAll(() => fixture.close());
beforeEach(async () => {
  tenant = await fixture.db.createTenant();
  now = new Date();
  ran = [];
  control = make();
});

function make(executors: Executors = {}): DualControl {
  const all: Executors = {
    'crypto.retire': async (approved) => (ran.push(approved), { retired: ran.length }),
    'crypto.break': async () => Promise.reject(new Error('the provider is away')),
    ...executors,
  };
  return fixture.makeControl(all, { now: () => now });
}

const person = (extra: Partial<Principal> = {}): Principal =>
  newPerson(tenant, { assurance: { level: 2, authenticatedAt: now, methods: ['pwd', 'otp'] }, ...extra });

const withTenant = <T>(work: (tx: Tx) => Promise<T>): Promise<T> =>
  fixture.db.database.withTenant(tenant, work);
const propose = (by: Principal, action = 'crypto.retire', payload: unknown = { before: 3 }) =>
  withTenant((tx) => control.propose(tx, { action, payload, reason: 'after the incident', proposedBy: by }));
const stateOf = async (id: string): Promise<string | undefined> =>
  (await withTenant((tx) => control.read(tx, id)))?.state;
const actions = (): string[] =>
  fixture.events.filter((event) => event.tenantId === tenant).map((event) => event.definition.action);

test('what one person proposes and another approves is carried out once and recorded', async () => {
  const [first, second] = [person(), person()];
  const { id, digest, expiresAt } = await propose(first);
  expect(expiresAt.getTime() - now.getTime()).toBe(24 * 3_600_000);
  expect(ran).toEqual([]);
  expect(await control.approve(id, second, digest)).toEqual({ state: 'executed', result: { retired: 1 } });
  expect(ran).toMatchObject([
    { tenantId: tenant, payload: { before: 3 }, proposedBy: first.id, approvedBy: second, proposalId: id },
  ]);
  await expect(control.approve(id, second, digest)).rejects.toMatchObject({ code: 'ERR_CRYPTO_APPROVAL' });
  expect(ran).toHaveLength(1);
  expect(await withTenant((tx) => control.read(tx, id))).toMatchObject({
    state: 'executed',
    result: { retired: 1 },
    decidedBy: second.id,
  });
  expect(actions()).toEqual([
    'crypto.approval_proposed',
    'crypto.approval_given',
    'crypto.approval_finished',
    'crypto.approval_denied',
  ]);
});

describe('an approval is refused and recorded', () => {
  test.each([
    ['by the one who proposed it', (first: Principal) => first, 'ERR_CRYPTO_SECOND_PERSON', 1],
    ['by a service account', () => person({ kind: 'service_account' }), 'ERR_CRYPTO_SECOND_PERSON', 1],
    [
      'without fresh step-up',
      () =>
        person({ assurance: { level: 2, authenticatedAt: new Date(now.getTime() - 301_000), methods: [] } }),
      'ERR_STEP_UP_REQUIRED',
      0,
    ],
    [
      'with one factor',
      () => person({ assurance: { level: 1, authenticatedAt: now, methods: [] } }),
      'ERR_STEP_UP_REQUIRED',
      0,
    ],
  ])('%s', async (_name, by, code, denials) => {
    const first = person();
    const { id, digest } = await propose(first);
    await expect(control.approve(id, by(first), digest)).rejects.toMatchObject({ code });
    expect(ran).toEqual([]);
    expect(await stateOf(id)).toBe('proposed');
    expect(actions().filter((action) => action === 'crypto.approval_denied')).toHaveLength(denials);
  });

  test('when the digest is of something else', async () => {
    const { id } = await propose(person());
    const other = await propose(person());
    for (const digest of [other.digest, '', 'x'.repeat(64), other.digest.toUpperCase()])
      await expect(control.approve(id, person(), digest)).rejects.toMatchObject({
        code: 'ERR_CRYPTO_APPROVAL',
      });
    expect(ran).toEqual([]);
  });

  test('by a person of another tenant, who does not even learn that it exists', async () => {
    const { id, digest } = await propose(person());
    const stranger = person({ tenantId: await fixture.db.createTenant() });
    await expect(control.approve(id, stranger, digest)).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' });
    expect(ran).toEqual([]);
  });
});

test('a machine, a person of another tenant and a stale sign-in propose nothing', async () => {
  const other = await fixture.db.createTenant();
  for (const by of [person({ kind: 'service_account' }), person({ tenantId: other })])
    await expect(propose(by)).rejects.toMatchObject({ code: 'ERR_CRYPTO_SECOND_PERSON' });
  const stale = person({ assurance: { level: 2, authenticatedAt: null, methods: [] } });
  await expect(propose(stale)).rejects.toMatchObject({ code: 'ERR_STEP_UP_REQUIRED' });
  await expect(propose(person(), 'crypto.unknown')).rejects.toMatchObject({ code: 'ERR_CRYPTO_INPUT' });
  await expect(propose(person(), 'crypto.retire', { share: 0.5 })).rejects.toMatchObject({
    code: 'ERR_CRYPTO_INPUT',
  });
  await expect(propose(person(), 'toString')).rejects.toMatchObject({ code: 'ERR_CRYPTO_INPUT' });
});

test('of many who approve at the same moment one carries it out', async () => {
  let release: () => void = () => undefined;
  const gate = new Promise<void>((open) => (release = open));
  control = make({ 'crypto.retire': async (approved) => (ran.push(approved), gate) });
  const { id, digest } = await propose(person());
  const attempts = Array.from({ length: 8 }, () => control.approve(id, person(), digest));
  const settled = Promise.allSettled(attempts);
  release();
  expect((await settled).filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  expect(ran).toHaveLength(1);
});

test('a proposal runs out after a day, and nobody approves it then', async () => {
  const { id, digest } = await propose(person());
  now = new Date(now.getTime() + 24 * 3_600_000);
  expect(await stateOf(id)).toBe('expired');
  await expect(control.approve(id, person(), digest)).rejects.toMatchObject({ code: 'ERR_CRYPTO_APPROVAL' });
  expect(await withTenant((tx) => control.settle(tx))).toBe(1);
  expect(await withTenant((tx) => control.settle(tx))).toBe(0);
  expect(actions()).toContain('crypto.approval_lapsed');
});

test('what is refused or withdrawn stays so', async () => {
  const first = person();
  const { id, digest } = await propose(first);
  await withTenant((tx) => control.refuse(tx, id, first, 'not needed any more'));
  expect(await withTenant((tx) => control.read(tx, id))).toMatchObject({
    state: 'refused',
    note: 'not needed any more',
  });
  await expect(control.approve(id, person(), digest)).rejects.toMatchObject({ code: 'ERR_CRYPTO_APPROVAL' });
  await expect(withTenant((tx) => control.refuse(tx, id, person(), 'again'))).rejects.toMatchObject({
    code: 'ERR_CRYPTO_APPROVAL',
  });
  await expect(withTenant((tx) => control.refuse(tx, randomUUID(), first, 'x'))).rejects.toMatchObject({
    code: 'ERR_NOT_FOUND',
  });
  expect(ran).toEqual([]);
});

test('what fails is failed for good and says with which code', async () => {
  const { id, digest } = await propose(person(), 'crypto.break');
  await expect(control.approve(id, person(), digest)).rejects.toThrow('the provider is away');
  expect(await withTenant((tx) => control.read(tx, id))).toMatchObject({
    state: 'failed',
    note: 'ERR_INTERNAL',
  });
  await expect(control.approve(id, person(), digest)).rejects.toMatchObject({ code: 'ERR_CRYPTO_APPROVAL' });
});

test('a process that ends half-way leaves the proposal interrupted, and it is never begun again', async () => {
  let arrive: () => void = () => undefined;
  const arrived = new Promise<void>((reached) => (arrive = reached));
  let release: () => void = () => undefined;
  const gate = new Promise<void>((open) => (release = open));
  control = make({ 'crypto.retire': async (approved) => (ran.push(approved), arrive(), gate) });
  const { id, digest } = await propose(person());
  const late = control.approve(id, person(), digest);
  await arrived;
  expect(await withTenant((tx) => control.settle(tx))).toBe(0); // its lease lives
  now = new Date(now.getTime() + 61_000);
  expect(await withTenant((tx) => control.settle(tx))).toBe(1);
  expect(await stateOf(id)).toBe('interrupted');
  await expect(make().approve(id, person(), digest)).rejects.toMatchObject({ code: 'ERR_CRYPTO_APPROVAL' });
  release(); // it was only slow after all: what it says in the end is the truth
  await late;
  expect(await stateOf(id)).toBe('executed');
  expect(ran).toHaveLength(1);
});

test('the database itself refuses one person twice, a second execution, and a change of what was decided', async () => {
  const first = person();
  const { id, digest } = await propose(first);
  const set = (what: string): Promise<unknown> =>
    fixture.db.admin(`update crypto.approval set ${what} where id = $1`, [id]);
  await expect(set(`state = 'executing', decided_by = proposed_by`)).rejects.toMatchObject({ code: '23514' });
  await control.approve(id, person(), digest);
  for (const change of [`state = 'proposed'`, `state = 'executing'`, `result = null`])
    await expect(set(change)).rejects.toMatchObject({ code: '42501' });
  await expect(fixture.db.admin('delete from crypto.approval')).rejects.toMatchObject({ code: '42501' });
});

test('the list is newest first, by pages and by state', async () => {
  const made = [];
  for (let index = 0; index < 3; index += 1) {
    made.push((await propose(person())).id);
    await new Promise((next) => setTimeout(next, 2)); // ids of one millisecond have no order
  }
  const list = (after: string | null, state?: 'proposed' | 'executed'): Promise<string[]> =>
    withTenant(async (tx) =>
      (await control.list(tx, { after, limit: 2, ...(state === undefined ? {} : { state }) })).map(
        ({ id }) => id,
      ),
    );
  expect(await list(null)).toEqual([made[2], made[1]]);
  expect(await list(made[1] ?? null)).toEqual([made[0]]);
  expect(await list(null, 'executed')).toEqual([]);
});
