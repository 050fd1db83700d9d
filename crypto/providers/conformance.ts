import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseTenantId, systemClock, systemRandomBytes, type TenantId } from '../../kernel/index.ts';
import type { RootProvider } from '../root-provider.ts';
import { createFaultyProvider, type ProviderFault } from './faulty-provider.ts';
import { createGuardedProvider, type CallReport, type GuardDeps } from './guarded-provider.ts';

/** A provider with its real counterpart, and what can be done to that. */
export type ProviderUnderTest = {
  /** As its factory made it: without the guard. */
  readonly provider: RootProvider;
  /**
   * Makes the counterpart behave so. @returns what ends the fault; null when this counterpart cannot have it (a file has
   * no network): the suite then puts the fault in front of the provider
   */
  readonly makeFault: (fault: ProviderFault) => Promise<(() => Promise<void>) | null>;
  /** Takes the key away as its owner would (disable, refuse); @returns what gives it back. */
  readonly revoke?: () => Promise<() => Promise<void>>;
  readonly dispose: () => Promise<void>;
};

const newTenant = (): TenantId => parseTenantId(randomUUID());
const refused = { code: 'ERR_CRYPTO_ROOT' };
const limits = { timeoutMilliseconds: 1_500, pauseMilliseconds: 1, refusalMilliseconds: 0, attempts: 3 };

/**
 * What every root provider must do, faults included. Call it at the top of a test file.
 *
 * @param make - called once, before the first test; a counterpart that nothing else uses
 */
export function describeProvider(name: string, make: () => Promise<ProviderUnderTest>): void {
  describe(`the root provider ${name}`, () => {
    const made: { current: ProviderUnderTest | null } = { current: null };
    const subject = (): ProviderUnderTest => {
      if (made.current === null) throw new Error('the provider under test could not be made');
      return made.current;
    };
    beforeAll(async () => {
      made.current = await make();
    }, 120_000);
    afterAll(() => made.current?.dispose());
    testKeys(() => subject().provider);
    testBlobs(() => subject().provider);
    testDestruction(() => subject().provider);
    testFaults(subject);
  });
}

function testKeys(provider: () => RootProvider): void {
  test('opens what it wrapped, to the same 32 bytes, and shows nothing of them', async () => {
    const [tenant, key] = [newTenant(), randomBytes(32)];
    const wrapped = await provider().wrap(tenant, 1, key);
    expect(wrapped.length).toBeGreaterThanOrEqual(32);
    expect(wrapped.length).toBeLessThanOrEqual(4_096);
    expect(wrapped.includes(key)).toBe(false);
    expect((await provider().unwrap(tenant, 1, wrapped)).equals(key)).toBe(true);
    expect((await provider().wrap(tenant, 1, key)).equals(wrapped)).toBe(false);
  });

  test('does not open it for another tenant or another epoch', async () => {
    const [tenant, other, key] = [newTenant(), newTenant(), randomBytes(32)];
    const wrapped = await provider().wrap(tenant, 1, key);
    await provider().wrap(tenant, 2, randomBytes(32));
    await provider().wrap(other, 1, randomBytes(32));
    await expect(provider().unwrap(other, 1, wrapped)).rejects.toMatchObject(refused);
    await expect(provider().unwrap(tenant, 2, wrapped)).rejects.toMatchObject(refused);
    // One that has no key at all may be told from one whose key is gone, or not.
    await expect(provider().unwrap(newTenant(), 1, wrapped)).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_CRYPTO_(ROOT|KEY_REVOKED)$/),
    });
  });

  test('does many things at once without mixing them up', async () => {
    const tenant = newTenant();
    const keys = Array.from({ length: 24 }, () => randomBytes(32));
    const wrapped = await Promise.all(keys.map((key, at) => provider().wrap(tenant, at + 1, key)));
    const opened = await Promise.all(wrapped.map((blob, at) => provider().unwrap(tenant, at + 1, blob)));
    expect(opened.map((key, at) => key.equals(keys[at] ?? Buffer.alloc(0)))).toEqual(keys.map(() => true));
  });

  test('says who it is, and that it is well', async () => {
    const said = await provider().describe();
    expect(said.name).toBe(provider().name);
    expect(said.destroyDelayDays).toBeGreaterThanOrEqual(0);
    expect(await provider().health()).toMatchObject({ ok: true });
  });
}

function testBlobs(provider: () => RootProvider): void {
  test('refuses a blob that was changed in any part, cut short or made longer', async () => {
    const tenant = newTenant();
    const wrapped = await provider().wrap(tenant, 1, randomBytes(32));
    const step = Math.max(1, Math.floor(wrapped.length / 12));
    const damaged = [wrapped.subarray(0, -1), Buffer.concat([wrapped, Buffer.from([0])])];
    for (let at = 0; at < wrapped.length; at += step) {
      const copy = Buffer.from(wrapped);
      copy[at] = (copy[at] ?? 0) ^ 0x41;
      damaged.push(copy);
    }
    for (const blob of damaged)
      await expect(provider().unwrap(tenant, 1, blob)).rejects.toMatchObject(refused);
    expect(await provider().unwrap(tenant, 1, wrapped)).toHaveLength(32);
  });

  test('refuses an empty and an oversized blob, and keys that are not 32 bytes', async () => {
    const tenant = newTenant();
    const wrapped = await provider().wrap(tenant, 1, randomBytes(32));
    for (const length of [0, 1, 4_097, 1_048_576]) {
      const blob = Buffer.concat([wrapped, randomBytes(length)]).subarray(-length);
      await expect(provider().unwrap(tenant, 1, length === 0 ? Buffer.alloc(0) : blob)).rejects.toMatchObject(
        refused,
      );
    }
    for (const length of [0, 16, 31, 33, 5_000])
      await expect(provider().wrap(tenant, 1, randomBytes(length))).rejects.toMatchObject({
        code: 'ERR_CRYPTO_INPUT',
      });
    expect(await provider().unwrap(tenant, 1, wrapped)).toHaveLength(32);
  });
}

function testDestruction(provider: () => RootProvider): void {
  test('never opens an epoch again that it destroyed, and keeps the others', async () => {
    const [tenant, key] = [newTenant(), randomBytes(32)];
    const [first, second] = [
      await provider().wrap(tenant, 1, key),
      await provider().wrap(tenant, 2, randomBytes(32)),
    ];
    const { destroyDelayDays } = await provider().describe();
    const done = await provider().scheduleDestroy(tenant, 1);
    if (destroyDelayDays === 0) expect(done.destroyedAt).not.toBeNull();
    else expect(done.destroyedAt ?? done.scheduledFor).not.toBeNull();
    await expect(provider().unwrap(tenant, 1, first)).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_CRYPTO_(ROOT|KEY_REVOKED)$/),
    });
    await expect(provider().wrap(tenant, 1, key)).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_CRYPTO_(ROOT|KEY_REVOKED)$/),
    });
    await provider().scheduleDestroy(tenant, 1);
    await expect(provider().unwrap(tenant, 1, first)).rejects.toThrow();
    expect(await provider().unwrap(tenant, 2, second)).toHaveLength(32);
  });
}

type Faulty = {
  readonly guarded: RootProvider;
  readonly reports: readonly CallReport[];
  readonly end: () => Promise<void>;
};

/** The provider under the guard while its counterpart misbehaves. */
async function beginFault(
  subject: ProviderUnderTest,
  fault: ProviderFault,
  extra: Partial<GuardDeps> = {},
): Promise<Faulty> {
  const own = await subject.makeFault(fault);
  const injected = createFaultyProvider(subject.provider);
  if (own === null) injected.begin(fault);
  const reports: CallReport[] = [];
  const guarded = createGuardedProvider(injected.provider, {
    clock: systemClock,
    randomBytes: systemRandomBytes,
    onCall: (report) => void reports.push(report),
    limits,
    ...extra,
  });
  return { guarded, reports, end: own ?? (async () => injected.end()) };
}

function testFaults(subject: () => ProviderUnderTest): void {
  const prepared = async (): Promise<{ tenant: TenantId; key: Buffer; wrapped: Buffer }> => {
    const [tenant, key] = [newTenant(), randomBytes(32)];
    return { tenant, key, wrapped: await subject().provider.wrap(tenant, 1, key) };
  };

  test('gives up on an answer that never comes, and opens the same blob when it is back', async () => {
    const { tenant, key, wrapped } = await prepared();
    const faulty = await beginFault(subject(), 'timeout', {
      limits: { ...limits, timeoutMilliseconds: 150, attempts: 2 },
    });
    try {
      const call = faulty.guarded.unwrap(tenant, 1, wrapped);
      await expect(call).rejects.toMatchObject({ ...refused, details: { retryable: true } });
      expect(faulty.reports).toMatchObject([{ operation: 'unwrap', outcome: 'timed_out', attempts: 2 }]);
    } finally {
      await faulty.end();
    }
    expect((await subject().provider.unwrap(tenant, 1, wrapped)).equals(key)).toBe(true);
  });

  test('is asked again when it throttles, with a pause, and then answers', async () => {
    const { tenant, key, wrapped } = await prepared();
    const pauses: number[] = [];
    const faulty: Faulty = await beginFault(subject(), 'throttle', {
      pause: async (milliseconds) => {
        pauses.push(milliseconds);
        await faulty.end();
      },
    });
    try {
      expect((await faulty.guarded.unwrap(tenant, 1, wrapped)).equals(key)).toBe(true);
    } finally {
      await faulty.end();
    }
    expect(pauses).toHaveLength(1);
    expect(faulty.reports).toMatchObject([{ outcome: 'success', attempts: 2 }]);
  });

  test('a wrong answer is used for nothing and not asked for again blindly', async () => {
    const { tenant, key, wrapped } = await prepared();
    const faulty = await beginFault(subject(), 'wrong_answer');
    try {
      await expect(faulty.guarded.unwrap(tenant, 1, wrapped)).rejects.toMatchObject(refused);
      expect(faulty.reports).toMatchObject([{ attempts: 1 }]);
    } finally {
      await faulty.end();
    }
    expect((await faulty.guarded.unwrap(tenant, 1, wrapped)).equals(key)).toBe(true);
  });

  test.each(['gone', 'disabled'] as const)('a key that is %s is said to be withdrawn', async (fault) => {
    const { tenant, key, wrapped } = await prepared();
    const faulty = await beginFault(subject(), fault);
    try {
      await expect(faulty.guarded.unwrap(tenant, 1, wrapped)).rejects.toMatchObject({
        code: 'ERR_CRYPTO_KEY_REVOKED',
      });
      expect(faulty.reports).toMatchObject([{ outcome: 'revoked', attempts: 1 }]);
    } finally {
      await faulty.end();
    }
    expect((await faulty.guarded.unwrap(tenant, 1, wrapped)).equals(key)).toBe(true);
  });

  test('what its owner takes away is unreadable, and what is given back is readable again', async () => {
    const { tenant, key, wrapped } = await prepared();
    const faulty = subject().revoke === undefined ? await beginFault(subject(), 'disabled') : null;
    const provider = faulty?.guarded ?? subject().provider;
    const giveBack = (await subject().revoke?.()) ?? faulty?.end;
    try {
      await expect(provider.unwrap(tenant, 1, wrapped)).rejects.toMatchObject({
        code: 'ERR_CRYPTO_KEY_REVOKED',
      });
    } finally {
      await giveBack?.();
    }
    expect((await provider.unwrap(tenant, 1, wrapped)).equals(key)).toBe(true);
  });

  test('a slow answer for the old epoch is still right when a new one was made meanwhile', async () => {
    const { tenant, key, wrapped } = await prepared();
    const faulty = await beginFault(subject(), 'slow');
    const next = randomBytes(32);
    try {
      const slow = faulty.guarded.unwrap(tenant, 1, wrapped);
      const fresh = await subject().provider.wrap(tenant, 2, next);
      expect((await slow).equals(key)).toBe(true);
      expect((await subject().provider.unwrap(tenant, 2, fresh)).equals(next)).toBe(true);
    } finally {
      await faulty.end();
    }
  });
}
