import { createSecretKey, randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { parseKeyId, parseSubjectId, parseTenantId } from '../kernel/index.ts';
import { createDataKey, type DataKey } from './data-key.ts';
import { createKeyCache, type CacheLimits, type KeyCache } from './key-cache.ts';

const tenantId = parseTenantId(randomUUID());
const limits: CacheLimits = { maxAgeSeconds: 300, maxMessages: 100, maxBytes: 1_000, maxKeys: 3 };

function makeKey(): DataKey {
  const kidBytes = randomBytes(8);
  return createDataKey({
    tenantId,
    kid: parseKeyId(kidBytes.toString('hex')),
    kidBytes,
    scope: { kind: 'subject', subjectId: parseSubjectId(randomUUID()) },
    material: createSecretKey(randomBytes(32)),
    messages: 0,
    countedAhead: 0,
    onUncounted: () => undefined,
  });
}

function makeCache(changes: Partial<CacheLimits> = {}): { cache: KeyCache; pass: (seconds: number) => void } {
  let now = Date.UTC(2026, 0, 1);
  const cache = createKeyCache({ now: () => new Date(now) }, { ...limits, ...changes });
  cache.enable();
  return { cache, pass: (seconds) => (now += seconds * 1_000) };
}
const forever = Number.POSITIVE_INFINITY;
const put = (cache: KeyCache, key: DataKey): void => cache.put(key, cache.ticket(), forever);

describe('a data key is held', () => {
  test('no longer than its age', () => {
    const { cache, pass } = makeCache();
    const key = makeKey();
    put(cache, key);
    pass(299);
    expect(cache.byKid(tenantId, key.kid)).toBe(key);
    pass(1);
    expect(cache.byKid(tenantId, key.kid)).toBeNull();
    expect(cache.size()).toBe(0);
  });

  test('for no more messages than the bound', () => {
    const { cache } = makeCache();
    const key = makeKey();
    put(cache, key);
    key.sealed = 99;
    expect(cache.byScope(tenantId, key.scope)).toBe(key);
    key.sealed = 100;
    expect(cache.byScope(tenantId, key.scope)).toBeNull();
  });

  test('for no more bytes than the bound', () => {
    const { cache } = makeCache();
    const key = makeKey();
    put(cache, key);
    key.sealedBytes = 999;
    expect(cache.byKid(tenantId, key.kid)).toBe(key);
    key.sealedBytes = 1_000;
    expect(cache.byKid(tenantId, key.kid)).toBeNull();
  });

  test('as one of so many, and the one that was not used goes first', () => {
    const { cache } = makeCache();
    const [used, unused, third, fourth] = [makeKey(), makeKey(), makeKey(), makeKey()];
    for (const key of [used, unused, third]) put(cache, key);
    cache.byKid(tenantId, used.kid);
    put(cache, fourth);
    expect(cache.size()).toBe(3);
    expect(cache.byKid(tenantId, used.kid)).toBe(used);
    expect(cache.byKid(tenantId, unused.kid)).toBeNull();
  });

  test('not at all when a purge came between reading and keeping it', () => {
    const { cache } = makeCache();
    const key = makeKey();
    const ticket = cache.ticket();
    cache.drop(tenantId, [key.kid]);
    cache.put(key, ticket, forever);
    expect(cache.byKid(tenantId, key.kid)).toBeNull();
  });
});
