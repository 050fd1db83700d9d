import { randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { parseTenantId, systemRandomBytes, type TenantId } from '../../kernel/index.ts';
import { cryptoError } from '../errors.ts';
import type { RootProvider } from '../root-provider.ts';
import { createGuardedProvider, type CallReport, type GuardDeps } from './guarded-provider.ts';

const tenant = parseTenantId('11111111-2222-4333-8444-555555555555');
const other = parseTenantId('99999999-2222-4333-8444-555555555555');
const key = Buffer.alloc(32, 7);
const wrapped = Buffer.alloc(60, 9);
type Answer = (tenantId: TenantId, epoch: number, signal?: AbortSignal) => Promise<Buffer>;

function guard(answer: Answer, extra: Partial<GuardDeps> = {}) {
  const seen = { calls: 0, reports: [] as CallReport[], pauses: [] as number[], now: 0 };
  const inner: RootProvider = {
    name: 'counted',
    wrap: async () => wrapped,
    unwrap: (tenantId, epoch, _, call) => ((seen.calls += 1), answer(tenantId, epoch, call?.signal)),
    describe: async () => ({ name: 'counted', kind: 'hyok', development: false, destroyDelayDays: 0 }),
    scheduleDestroy: async () => ({ destroyedAt: new Date(0), scheduledFor: null }),
    health: async () => ({ ok: true, detail: 'well' }),
  };
  const provider = createGuardedProvider(inner, {
    clock: { now: () => new Date(seen.now) },
    randomBytes: systemRandomBytes,
    onCall: (report) => void seen.reports.push(report),
    pause: async (milliseconds) => void seen.pauses.push(milliseconds),
    ...extra,
  });
  return { provider, seen };
}

const unavailable = (): Error =>
  cryptoError('ERR_CRYPTO_ROOT', 'the network is away', { details: { retryable: true } });

test('what may pass by itself is tried again, three times at most, with growing random pauses', async () => {
  const { provider, seen } = guard(async () => {
    throw unavailable();
  });
  await expect(provider.unwrap(tenant, 1, wrapped)).rejects.toMatchObject({ code: 'ERR_CRYPTO_ROOT' });
  expect(seen.calls).toBe(3);
  expect(seen.pauses).toHaveLength(2);
  expect(seen.pauses[0]).toBeLessThanOrEqual(100);
  expect(seen.pauses[1]).toBeLessThanOrEqual(200);
  expect(seen.reports).toMatchObject([
    { outcome: 'unavailable', attempts: 3, epoch: 1, provider: 'counted' },
  ]);
});

test('a pause that the provider asks for is kept, up to the longest allowed', async () => {
  const asked = [700, 3_600_000];
  const { provider, seen } = guard(async () => {
    const details = { retryable: true, retryAfterMilliseconds: asked[seen.calls - 1] ?? 0 };
    if (seen.calls < 3) throw cryptoError('ERR_CRYPTO_ROOT', 'slow down', { details });
    return key;
  });
  expect(await provider.unwrap(tenant, 1, wrapped)).toEqual(key);
  expect(seen.pauses[0]).toBeGreaterThanOrEqual(700);
  expect(seen.pauses[1]).toBe(2_000);
});

test('a final failure, a refusal, and an answer of the wrong length are asked once', async () => {
  for (const failure of [
    cryptoError('ERR_CRYPTO_ROOT', 'damaged'),
    cryptoError('ERR_CRYPTO_KEY_REVOKED', 'refused'),
    new TypeError('a bug'),
    null,
  ]) {
    const { provider, seen } = guard(async () => {
      if (failure !== null) throw failure;
      return Buffer.alloc(31);
    });
    await expect(provider.unwrap(tenant, 1, wrapped)).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_CRYPTO_/),
    });
    expect(seen.calls).toBe(1);
    expect(seen.reports).toHaveLength(1);
  }
});

test('five failures open the circuit; after its time one call is let through, and its success closes it', async () => {
  const state = { away: true };
  const { provider, seen } = guard(
    async () => {
      if (state.away) throw unavailable();
      return key;
    },
    { limits: { attempts: 1 } },
  );
  for (let call = 0; call < 5; call += 1)
    await expect(provider.unwrap(tenant, call, wrapped)).rejects.toThrow('away');
  await expect(provider.unwrap(tenant, 9, wrapped)).rejects.toMatchObject({ details: { circuitOpen: true } });
  expect([seen.calls, seen.reports.length]).toEqual([5, 5]);
  expect(await provider.health()).toMatchObject({ ok: false });

  seen.now = 30_000;
  await expect(provider.unwrap(tenant, 9, wrapped)).rejects.toThrow('away');
  await expect(provider.unwrap(tenant, 9, wrapped)).rejects.toMatchObject({ details: { circuitOpen: true } });
  expect(seen.calls).toBe(6);

  state.away = false;
  seen.now = 60_000;
  expect(await provider.unwrap(tenant, 9, wrapped)).toEqual(key);
  expect(await provider.unwrap(tenant, 9, wrapped)).toEqual(key);
  expect(await provider.health()).toMatchObject({ ok: true });
});

test('while half-open only one call goes through, however many come at once', async () => {
  const gate = Promise.withResolvers<Buffer>();
  const state = { away: true };
  const { provider, seen } = guard(
    async () => {
      if (state.away) throw unavailable();
      return gate.promise;
    },
    { limits: { attempts: 1 } },
  );
  for (let call = 0; call < 5; call += 1) await provider.unwrap(tenant, 1, wrapped).catch(() => null);
  state.away = false;
  seen.now = 30_000;
  const calls = [1, 2, 3].map((epoch) => provider.unwrap(tenant, epoch, wrapped));
  const settled = Promise.allSettled(calls);
  gate.resolve(key);
  expect((await settled).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
  expect(seen.calls).toBe(6);
});

test('a refused key does not open the circuit for others, and is believed for five seconds', async () => {
  const state = { refused: true };
  const { provider, seen } = guard(async (tenantId) => {
    if (state.refused && tenantId === tenant) throw cryptoError('ERR_CRYPTO_KEY_REVOKED', 'refused');
    return key;
  });
  for (let call = 0; call < 20; call += 1)
    await expect(provider.unwrap(tenant, 1, wrapped)).rejects.toMatchObject({
      code: 'ERR_CRYPTO_KEY_REVOKED',
      expose: true,
    });
  expect(seen.calls).toBe(1);
  expect(await provider.unwrap(other, 1, wrapped)).toEqual(key);
  state.refused = false;
  seen.now = 5_000;
  expect(await provider.unwrap(tenant, 1, wrapped)).toEqual(key);
});

test('an answer that comes after its time is wiped, and its call is told to stop', async () => {
  const late = Promise.withResolvers<Buffer>();
  const bytes = randomBytes(32);
  const told: boolean[] = [];
  const { provider } = guard(
    (_tenant, _epoch, signal) => {
      signal?.addEventListener('abort', () => void told.push(true));
      return late.promise;
    },
    { limits: { timeoutMilliseconds: 20, attempts: 1 } },
  );
  await expect(provider.unwrap(tenant, 1, wrapped)).rejects.toMatchObject({ details: { timedOut: true } });
  late.resolve(bytes);
  await late.promise;
  await new Promise((done) => setImmediate(done));
  expect(bytes.equals(Buffer.alloc(32))).toBe(true);
  expect(told).toEqual([true]);
});

test('a caller that gives up ends the call, and says nothing about the provider', async () => {
  const { provider, seen } = guard(() => new Promise(() => undefined));
  const caller = new AbortController();
  const call = provider.unwrap(tenant, 1, wrapped, { signal: caller.signal });
  caller.abort(new Error('the client went away'));
  await expect(call).rejects.toThrow('the client went away');
  expect(seen.reports).toMatchObject([{ outcome: 'abandoned', attempts: 1 }]);
  expect(await provider.health()).toMatchObject({ ok: true });
});
