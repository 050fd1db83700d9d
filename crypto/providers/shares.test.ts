import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseTenantId, Secret, systemRandomBytes } from '../../kernel/index.ts';
import { createKeepingLogger } from '../crypto-fixture.ts';
import { createLocalProvider, type LocalProvider } from './local-provider.ts';
import { reseal, type PresentSeal, type WantedSeal } from './reseal.ts';
import { collectShares, parseShare, sealByShares } from './shares.ts';
import type { SharesHeader } from './sealed-file.ts';

const tenant = parseTenantId(randomUUID());
const key = Buffer.alloc(32, 5);
const passphrase = new Secret('a passphrase for tests only');
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gatehouse-shares-'));
});
afterAll(() => rm(folder, { recursive: true }));

const newFile = (): string => join(folder, randomUUID(), 'root.json');
const none: PresentSeal = { passphrase: null, shares: [] };
const byShares = (shares: number, threshold: number): WantedSeal => ({
  kind: 'shares',
  count: { shares, threshold },
});

async function resealTo(file: string, now: PresentSeal, to: WantedSeal): Promise<readonly Secret[]> {
  const shown: Secret[] = [];
  const show = (shares: readonly Secret[]): void => void shown.push(...shares);
  await reseal({ file, randomBytes: systemRandomBytes, costLog2: 14, show }, now, to);
  return shown;
}
const open = (file: string, lines: string[] = []): Promise<LocalProvider> =>
  createLocalProvider({
    ...{ file, passphrase: null, randomBytes: systemRandomBytes },
    logger: createKeepingLogger(lines),
  });
const at = (shares: readonly Secret[], index: number): Secret => shares[index] ?? new Secret('');

describe('a house sealed by shares', () => {
  test('opens with any of the shares in any order, and says how far it is', async () => {
    const file = newFile();
    const shares = await resealTo(file, none, byShares(5, 3));
    expect(new Set(shares.map((share) => share.reveal())).size).toBe(5);
    const first = await open(file);
    for (const index of [4, 0, 2]) await first.seal.give(at(shares, index));
    const wrapped = await first.wrap(tenant, 1, key);

    const again = await open(file);
    expect(again.seal.status()).toEqual({ sealed: true, given: 0, threshold: 3 });
    expect(await again.seal.give(at(shares, 1))).toEqual({
      sealed: true,
      given: 1,
      threshold: 3,
      repeated: false,
    });
    expect(await again.seal.give(at(shares, 1))).toMatchObject({ sealed: true, given: 1, repeated: true });
    expect(await again.seal.give(at(shares, 3))).toMatchObject({ given: 2 });
    await expect(again.unwrap(tenant, 1, wrapped)).rejects.toMatchObject({
      code: 'ERR_CRYPTO_UNSEAL',
      status: 503,
      message: expect.stringContaining('2 of 3 shares'),
    });
    expect(await again.health()).toMatchObject({ ok: false, detail: expect.stringContaining('2 of 3') });
    expect(await again.seal.give(at(shares, 4))).toMatchObject({ sealed: false });
    expect((await again.unwrap(tenant, 1, wrapped)).equals(key)).toBe(true);
    expect(await again.health()).toMatchObject({ ok: true });
    await expect(again.seal.give(at(shares, 0))).rejects.toMatchObject({ code: 'ERR_CONFLICT' });
  });

  test('a wrong share changes nothing, and is refused in the same words whatever is wrong with it', async () => {
    const [file, lines] = [newFile(), [] as string[]];
    const shares = await resealTo(file, none, byShares(3, 2));
    const foreign = await resealTo(newFile(), none, byShares(3, 2));
    const house = await open(file, lines);
    await house.seal.give(at(shares, 0));
    const right = at(shares, 1).reveal();
    const wrong = [at(foreign, 0).reveal(), `${right.slice(0, -1)}A`, right.slice(0, -2), 'nonsense', ''];
    const messages = new Set<string>();
    for (const text of wrong)
      await house.seal.give(new Secret(text)).catch((error: { code: string; message: string }) => {
        expect(error.code).toBe('ERR_CRYPTO_SHARE');
        messages.add(error.message);
      });
    expect([...messages]).toEqual([expect.stringContaining('1 of 2 are given')]);
    expect(await house.seal.give(at(shares, 1))).toMatchObject({ sealed: false });
    expect(await house.seal.opened).toMatchObject({ threshold: 2, shares: 3, refused: 5 });
    expect(lines.join('')).not.toContain(right.slice(20, 40));
  });

  test('ten wrong shares in a minute are enough; the right ones are taken after it', async () => {
    const file = newFile();
    const shares = await resealTo(file, none, byShares(2, 2));
    let now = 0;
    const clock = { now: () => new Date(now) };
    const house = await createLocalProvider({
      file,
      passphrase: null,
      randomBytes: systemRandomBytes,
      clock,
    });
    for (let guess = 0; guess < 10; guess += 1)
      await expect(house.seal.give(new Secret('guess'))).rejects.toMatchObject({ code: 'ERR_CRYPTO_SHARE' });
    await expect(house.seal.give(at(shares, 0))).rejects.toMatchObject({ status: 429 });
    now = 60_000;
    await house.seal.give(at(shares, 0));
    expect(await house.seal.give(at(shares, 1))).toMatchObject({ sealed: false });
  });

  test('shares that come at once open it once', async () => {
    const file = newFile();
    const shares = await resealTo(file, none, byShares(4, 4));
    const house = await open(file);
    const answers = await Promise.all(shares.map((share) => house.seal.give(share)));
    expect(answers.map(({ given }) => given)).toEqual([1, 2, 3, 4]);
    expect(house.seal.status().sealed).toBe(false);
  });
});

describe('sealing anew', () => {
  test('from a passphrase to shares, to other shares, and back: the keys stay, the old ways are shut', async () => {
    const file = newFile();
    const before = await createLocalProvider({
      file,
      passphrase,
      randomBytes: systemRandomBytes,
      costLog2: 14,
    });
    const wrapped = await before.wrap(tenant, 1, key);
    const old = await resealTo(file, { passphrase, shares: [] }, byShares(3, 2));
    await expect(
      createLocalProvider({ file, passphrase: null, randomBytes: systemRandomBytes }),
    ).resolves.toBeDefined();
    await expect(before.unwrap(tenant, 1, wrapped)).rejects.toMatchObject({ code: 'ERR_CRYPTO_UNSEAL' });

    const fresh = await resealTo(file, { passphrase: null, shares: old.slice(0, 2) }, byShares(4, 3));
    const house = await open(file);
    await expect(house.seal.give(at(old, 0))).rejects.toMatchObject({ code: 'ERR_CRYPTO_SHARE' });
    for (const share of fresh.slice(1)) await house.seal.give(share);
    expect((await house.unwrap(tenant, 1, wrapped)).equals(key)).toBe(true);

    await resealTo(file, { passphrase: null, shares: fresh.slice(0, 3) }, { kind: 'passphrase', passphrase });
    const back = await createLocalProvider({ file, passphrase, randomBytes: systemRandomBytes });
    expect((await back.unwrap(tenant, 1, wrapped)).equals(key)).toBe(true);
    expect(back.seal.status().sealed).toBe(false);
  });

  test('with too few or wrong shares changes nothing', async () => {
    const file = newFile();
    const shares = await resealTo(file, none, byShares(3, 3));
    const content = await readFile(file, 'utf8');
    const tooFew = { passphrase: null, shares: [at(shares, 0), at(shares, 1), at(shares, 1)] };
    await expect(resealTo(file, tooFew, byShares(2, 2))).rejects.toThrow(
      'needs 3 different shares, 2 were given',
    );
    const wrong = { passphrase: null, shares: [...shares.slice(0, 2), new Secret('x')] };
    await expect(resealTo(file, wrong, byShares(2, 2))).rejects.toThrow('share 3 is no share');
    await expect(resealTo(file, none, byShares(2, 2))).rejects.toMatchObject({ code: 'ERR_CRYPTO_UNSEAL' });
    expect(await readFile(file, 'utf8')).toBe(content);
  });

  test('a changed head of the file (threshold, digests) does not open', async () => {
    const file = newFile();
    const shares = await resealTo(file, none, byShares(3, 3));
    const text = await readFile(file, 'utf8');
    const { writeFile } = await import('node:fs/promises');
    await writeFile(file, text.replace('"threshold": 3', '"threshold": 2'), { mode: 0o600 });
    const house = await open(file);
    await house.seal.give(at(shares, 0));
    await expect(house.seal.give(at(shares, 1))).rejects.toMatchObject({ code: 'ERR_CRYPTO_UNSEAL' });
    expect(house.seal.status().sealed).toBe(true);
  });

  test.each([
    [1, 1],
    [3, 1],
    [3, 4],
    [21, 2],
    [2.5, 2],
  ])('%p shares with threshold %p are refused', async (shares, threshold) => {
    await expect(sealByShares({ shares, threshold }, systemRandomBytes)).rejects.toMatchObject({
      code: 'ERR_CRYPTO_INPUT',
    });
  });
});

test('any threshold of the shares gives the key, and every damaged share is known as such', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc
        .integer({ min: 2, max: 6 })
        .chain((threshold) =>
          fc.tuple(
            fc.constant(threshold),
            fc.integer({ min: threshold, max: 8 }),
            fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
          ),
        ),
      async ([threshold, count, random]) => {
        const { seal, shares } = await sealByShares({ shares: count, threshold }, systemRandomBytes);
        const collector = collectShares(seal.kdf as SharesHeader); // just made so
        const order = shares
          .map((share) => [share.reveal(), random.next().value ?? 0] as const)
          .toSorted((a, b) => a[1] - b[1]);
        const [text] = order[0] ?? [''];
        const place = 18 + Math.floor((random.next().value ?? 0) * (text.length - 19));
        const damaged = text.slice(0, place) + (text[place] === 'A' ? 'B' : 'A') + text.slice(place + 1);
        expect([parseShare(damaged), collector.give(damaged)]).toEqual([null, 'refused']);
        for (const [share] of order.slice(0, threshold - 1)) expect(collector.give(share)).toBe('taken');
        expect(await collector.combine()).toBeNull();
        collector.give(order.at(-1)?.[0] ?? '');
        expect((await collector.combine())?.key.export().equals(seal.key.export())).toBe(true);
      },
    ),
    { numRuns: 40 },
  );
});
