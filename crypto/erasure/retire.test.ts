import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { Clock, TenantId } from '../../kernel/index.ts';
import {
  contactPlan,
  createCryptoFixture,
  erasure,
  newPerson,
  newSubject,
  type CryptoFixture,
} from '../crypto-fixture.ts';
import { cryptoError } from '../errors.ts';
import type { Destruction, RootProvider } from '../root-provider.ts';
import type { Crypto } from '../types.ts';
import type { LifeOfKeys } from './erasure.ts';

let fixture: CryptoFixture;
let tenant: TenantId;
let now: Date;
const clock: Clock = { now: () => now };
beforeAll(async () => {
  fixture = await createCryptoFixture();
});
afterAll(() => fixture.close());
beforeEach(async () => {
  tenant = await fixture.db.createTenant();
  now = new Date();
});

const day = 86_400_000;
const pass = (days: number): void => void (now = new Date(now.getTime() + days * day));
const { actor } = erasure;
const inTenant = <T>(work: Parameters<typeof fixture.db.database.withTenant<T>>[1]): Promise<T> =>
  fixture.db.database.withTenant(tenant, work);
const seal = (crypto: Crypto, subjectId = newSubject()): Promise<Record<string, unknown>> =>
  inTenant((tx) =>
    crypto.sealFields(tx, contactPlan, { id: subjectId, subject_id: subjectId, email: 'ada@example.com' }),
  );
const lifeOf = (crypto: Crypto): Promise<LifeOfKeys> => inTenant((tx) => crypto.erasure.life(tx));
const statesOf = async (crypto: Crypto): Promise<string[]> =>
  (await lifeOf(crypto)).epochs.map(({ state }) => state);
const actions = (): string[] =>
  fixture.events.filter((event) => event.tenantId === tenant).map((event) => event.definition.action);

/** The fixture's root with another way of destroying. */
const rootThat = (scheduleDestroy: RootProvider['scheduleDestroy']): RootProvider => ({
  ...fixture.root,
  scheduleDestroy,
});

test('a rotation alone destroys nothing: the epoch it leaves waits as superseded', async () => {
  const crypto = fixture.make({ clock });
  await seal(crypto);
  await crypto.rotate(tenant, { actor });
  expect(await statesOf(crypto)).toEqual(['active', 'superseded']);
  expect(await crypto.erasure.tick(tenant)).toBe(0);
  expect(await statesOf(crypto)).toEqual(['active', 'superseded']);
});

test('retiring wraps what is live anew, destroys every older epoch at the provider, and is recorded', async () => {
  const crypto = fixture.make({ clock });
  const row = await seal(crypto);
  expect(await fixture.retire(crypto, tenant)).toEqual({ throughEpoch: 1, state: 'done', error: null });
  const life = await lifeOf(crypto);
  expect(life.epochs).toMatchObject([
    { epoch: 2, state: 'active', keys: 2, basis: 'none', until: null },
    { epoch: 1, state: 'destroyed', keys: 0, basis: 'destroyed', until: expect.any(Date) },
  ]);
  expect(life.retirements).toEqual([]);
  const opened = await inTenant((tx) => fixture.make().openRows(tx, contactPlan, [row], ['email']));
  expect(opened).toMatchObject([{ email: 'ada@example.com' }]);
  expect(actions()).toEqual(
    expect.arrayContaining([
      'crypto.approval_given',
      'crypto.retirement_begun',
      'crypto.rotation_finished',
      'crypto.epoch_destroyed',
      'crypto.retirement_finished',
    ]),
  );
});

test('older epochs can be retired without leaving the active one', async () => {
  const crypto = fixture.make({ clock });
  await seal(crypto);
  await crypto.rotate(tenant, { actor });
  await fixture.retire(crypto, tenant, 1);
  expect(await statesOf(crypto)).toEqual(['active', 'destroyed']);
  await expect(inTenant((tx) => crypto.erasure.epochToRetire(tx, 3))).rejects.toMatchObject({
    code: 'ERR_CRYPTO_INPUT',
  });
});

test('a provider that is away is asked again later, and meanwhile it is said why the epoch waits', async () => {
  let away = true;
  const asked: number[] = [];
  const root = rootThat(async (tenantId, epoch) => {
    asked.push(epoch);
    if (away) throw cryptoError('ERR_CRYPTO_ROOT', 'the provider is away');
    return fixture.root.scheduleDestroy(tenantId, epoch);
  });
  const crypto = fixture.make({ clock, root });
  await seal(crypto);
  expect(await fixture.retire(crypto, tenant)).toMatchObject({
    state: 'running',
    error: 'the provider is away',
  });
  expect(await lifeOf(crypto)).toMatchObject({
    retirements: [{ throughEpoch: 1, error: 'the provider is away' }],
    epochs: [{ state: 'active' }, { state: 'superseded', error: 'the provider is away', triedAt: now }],
  });
  const triesAtFirst = asked.length;
  await crypto.erasure.tick(tenant);
  expect(asked.length).toBe(triesAtFirst); // it is left alone for five minutes
  away = false;
  pass(1);
  await crypto.erasure.tick(tenant);
  expect(await lifeOf(crypto)).toMatchObject({
    retirements: [],
    epochs: [{ state: 'active' }, { state: 'destroyed', error: null }],
  });
  expect(actions().filter((action) => action === 'crypto.epoch_destruction_failed')).toHaveLength(1);
  expect(actions().filter((action) => action === 'crypto.epoch_destroyed')).toHaveLength(1);
});

test('a provider that names a day keeps the epoch scheduled until then, and the day is the horizon', async () => {
  const scheduledFor = new Date(now.getTime() + 7 * day);
  let outcome: Destruction = { destroyedAt: null, scheduledFor };
  const crypto = fixture.make({ clock, root: rootThat(async () => outcome) });
  const subject = newSubject();
  await seal(crypto, subject);
  const { kids } = await inTenant((tx) => crypto.shred(tx, [subject], erasure));
  expect(await fixture.retire(crypto, tenant)).toMatchObject({ state: 'done' });
  expect((await lifeOf(crypto)).epochs[1]).toMatchObject({
    state: 'scheduled',
    destroyAt: scheduledFor,
    until: scheduledFor,
    basis: 'scheduled',
  });
  const horizon = (): Promise<unknown> => inTenant((tx) => crypto.erasure.horizon(tx, kids));
  expect(await horizon()).toEqual({ until: scheduledFor, basis: 'scheduled' });
  await crypto.erasure.tick(tenant);
  expect((await statesOf(crypto))[1]).toBe('scheduled');
  pass(8);
  outcome = { destroyedAt: scheduledFor, scheduledFor: null };
  await crypto.erasure.tick(tenant);
  expect(await horizon()).toEqual({ until: scheduledFor, basis: 'destroyed' });
});

test('the standing schedule rotates and destroys by itself once two people have agreed to it', async () => {
  const crypto = fixture.make({ clock });
  await seal(crypto);
  expect((await lifeOf(crypto)).schedule).toEqual({ rotateEveryDays: 365, retireAfterDays: null });
  const control = fixture.makeControl(crypto.erasure.executors);
  const payload = { rotateEveryDays: 30, retireAfterDays: 35 };
  const proposal = { action: 'crypto.change_schedule', payload, reason: 'policy 7' };
  const { id, digest } = await inTenant((tx) =>
    control.propose(tx, { ...proposal, proposedBy: newPerson(tenant) }),
  );
  expect((await lifeOf(crypto)).schedule.rotateEveryDays).toBe(365);
  await control.approve(id, newPerson(tenant), digest);
  expect((await lifeOf(crypto)).schedule).toEqual(payload);
  pass(29);
  await crypto.erasure.tick(tenant);
  expect(await statesOf(crypto)).toEqual(['active']);
  pass(2);
  await crypto.erasure.tick(tenant);
  expect(await statesOf(crypto)).toEqual(['active', 'superseded']);
  pass(36);
  await crypto.erasure.tick(tenant);
  expect((await statesOf(crypto)).at(-1)).toBe('destroyed');
});

test('a first schedule is laid down once; after that only two people change it', async () => {
  const crypto = fixture.make({ clock });
  const adopt = (days: number): Promise<boolean> =>
    inTenant((tx) =>
      crypto.erasure.adoptSchedule(tx, { rotateEveryDays: days, retireAfterDays: days }, actor),
    );
  expect([await adopt(30), await adopt(1)]).toEqual([true, false]);
  expect((await lifeOf(crypto)).schedule.rotateEveryDays).toBe(30);
});

test('the horizon of a key counts every epoch that may have wrapped it, and none before it was made', async () => {
  const crypto = fixture.make({ clock });
  const [early, late] = [newSubject(), newSubject()];
  await seal(crypto, early);
  await crypto.rotate(tenant, { actor });
  await seal(crypto, late);
  await crypto.rotate(tenant, { actor });
  const horizonOf = (kids: Parameters<typeof crypto.erasure.horizon>[1]): Promise<unknown> =>
    inTenant((tx) => crypto.erasure.horizon(tx, kids));
  const shredOne = async (id: typeof early): ReturnType<Crypto['shred']> =>
    inTenant((tx) => crypto.shred(tx, [id], erasure));
  const [first, second] = [await shredOne(early), await shredOne(late)];
  expect(await horizonOf(first.kids)).toEqual({ until: null, basis: 'none' });
  expect(await horizonOf([])).toEqual({ until: null, basis: 'no_key' });
  await fixture.db.admin(
    `insert into crypto.life_schedule (tenant_id, rotate_every_days, retire_after_days, changed_at) values ($1, 10, 5, now())`,
    [tenant],
  );
  // Both keys stand under the active epoch as well: ten days until it is left, five more until it is destroyed.
  const made = (await lifeOf(crypto)).epochs[0]?.createdAt.getTime() ?? 0;
  const expected = { until: new Date(made + 15 * day), basis: 'standing_schedule' };
  expect(await horizonOf(first.kids)).toEqual(expected);
  await fixture.retire(crypto, tenant);
  const gone = (await lifeOf(crypto)).epochs.map(({ destroyedAt }) => destroyedAt?.getTime() ?? 0);
  const last = { until: new Date(Math.max(...gone)), basis: 'destroyed' };
  expect(await horizonOf([...first.kids, ...second.kids])).toEqual(last);
  // What was made only after the first epoch had been left does not depend on it.
  await fixture.db.admin(
    `update crypto.kek set destroyed_at = '2999-01-01Z' where tenant_id = $1 and epoch = 1`,
    [tenant],
  );
  expect(await horizonOf(first.kids)).toEqual({ until: new Date('2999-01-01'), basis: 'destroyed' });
  expect(await horizonOf(second.kids)).toEqual(last);
});

test('a destroyed epoch does not come back, whoever asks the database', async () => {
  const crypto = fixture.make({ clock });
  await seal(crypto);
  await fixture.retire(crypto, tenant);
  for (const state of ['active', 'superseded', 'scheduled'])
    await expect(
      fixture.db.admin('update crypto.kek set state = $2 where tenant_id = $1 and epoch = 1', [
        tenant,
        state,
      ]),
    ).rejects.toMatchObject({ code: '42501' });
});
