import { createSecretKey } from 'node:crypto';
import { inspect } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Tx } from '../db/index.ts';
import type { TenantId } from '../kernel/index.ts';
import { canaries } from '../tests/support/canaries.ts';
import {
  createCryptoFixture,
  createKeepingLogger,
  emailContext,
  erasure,
  newSubject,
  type CryptoFixture,
} from './crypto-fixture.ts';
import { deriveEncryptionKey, deriveMacKey } from './derive.ts';
import type { Crypto, FieldContext, KeyScope } from './types.ts';
import { toAeadKey } from './aead.ts';
import { unwrapDataKey } from './wrap.ts';

let fixture: CryptoFixture;
let tenant: TenantId;
let other: TenantId;
const tenantKeys = new Map<string, Buffer>();
const lines: string[] = [];
let crypto: Crypto;
beforeAll(async () => {
  fixture = await createCryptoFixture();
  const { root } = fixture;
  crypto = fixture.make({
    logger: createKeepingLogger(lines),
    recordProviderCalls: true,
    root: {
      ...root,
      wrap: (...input) => {
        tenantKeys.set(`${input[0]}/${input[1]}`, Buffer.from(input[2]));
        return root.wrap(...input);
      },
    },
  });
  tenant = await fixture.db.createTenant();
  other = await fixture.db.createTenant();
});
afterAll(() => fixture.close());

const inTenant = <T>(work: (tx: Tx) => Promise<T>, id = tenant): Promise<T> =>
  fixture.db.database.withTenant(id, work);

/** Every way in which bytes may stand in text. */
function formsOf(bytes: Buffer): readonly string[] {
  const encodings = ['hex', 'base64', 'base64url', 'latin1', 'utf8'] as const;
  const texts = encodings.map((encoding) => bytes.toString(encoding).replace(/=+$/, ''));
  return [...texts, [...bytes].join(','), [...bytes].map((byte) => byte.toString(16)).join(' ')];
}

/** All keys of the tenant in the clear: tenant keys, data keys, and what grows from them. */
async function allKeys(): Promise<readonly Buffer[]> {
  const { rows } = await fixture.db.admin(
    'select * from crypto.dek where tenant_id = $1 and wrapped is not null',
    [tenant],
  );
  const keys = [...tenantKeys.values()];
  for (const row of rows) {
    const scope: KeyScope =
      row.subject_id === null
        ? { kind: 'tenant', purpose: row.purpose }
        : { kind: 'subject', subjectId: row.subject_id };
    const kek = tenantKeys.get(`${tenant}/${row.epoch}`) ?? Buffer.alloc(0);
    const tenantKey = { epoch: row.epoch, key: toAeadKey(createSecretKey(kek)) };
    const binding = { tenantId: tenant, scope, kid: row.kid, commitment: row.commitment };
    const material = unwrapDataKey(tenantKey, binding, row.wrapped);
    if (material === null) throw new Error('a data key of this test does not open');
    keys.push(material.export(), deriveMacKey(material).export());
    for (const suite of [1, 2, 3, 4, 5] as const) keys.push(deriveEncryptionKey(material, suite).export());
  }
  return keys;
}

test('no key and no plaintext stands in a log line, an error, an event or what was answered, whatever fails', async () => {
  const seen: unknown[] = [];
  const attempt = async (work: Promise<unknown>): Promise<void> => {
    try {
      await work;
    } catch (error) {
      seen.push(error);
    }
  };
  const secret = Buffer.from(canaries.plaintext);
  const scopes: readonly KeyScope[] = [
    { kind: 'subject', subjectId: newSubject() },
    { kind: 'tenant', purpose: 'tax' },
  ];
  for (const scope of scopes) {
    await inTenant(async (tx) => {
      const place: FieldContext = { ...emailContext, rowId: scope.kind };
      const sealed = [
        await crypto.seal(tx, scope, place, secret),
        await crypto.sealPortable(tx, scope, place, secret),
        await crypto.sealRow(tx, scope, place, new Map([['name', secret]])),
        await crypto.files.seal(tx, scope, place, secret),
      ];
      seen.push(...sealed);
      for (const value of sealed) {
        for (const at of [0, 1, 2, 12, 40, value.length - 1]) {
          const broken = Buffer.from(value);
          broken[at] = (broken[at] ?? 0) ^ 1;
          await attempt(crypto.open(tx, place, broken));
          await attempt(crypto.openRow(tx, place, broken));
          await attempt(crypto.files.open(tx, place, broken));
          seen.push(
            await crypto.openMany(tx, [
              { context: place, ciphertext: `ct1.${broken.toString('base64url')}` },
            ]),
          );
        }
        await attempt(inTenant((foreign) => crypto.open(foreign, place, value), other));
        await attempt(crypto.open(tx, { ...place, purpose: '' }, value));
      }
      await attempt(crypto.open(tx, place, secret));
      await attempt(crypto.seal(tx, { kind: 'tenant', purpose: 'x'.repeat(2_000) }, place, secret));
      await attempt(crypto.seal(tx, scope, { ...place, rowId: '' }, secret));
      seen.push(await crypto.mac(tx, 'x', canaries.plaintext), await crypto.status(tx));
      seen.push(await crypto.signingKey(tx, 'log'));
    });
  }
  const keys = await allKeys();
  expect(keys.length).toBeGreaterThan(20);
  const gone = newSubject();
  await inTenant((tx) => crypto.seal(tx, { kind: 'subject', subjectId: gone }, emailContext, secret));
  await inTenant((tx) => crypto.shred(tx, [gone], erasure));
  await attempt(
    inTenant((tx) => crypto.seal(tx, { kind: 'subject', subjectId: gone }, emailContext, secret)),
  );
  await crypto.settle();
  expect(seen.filter((one) => one instanceof Error).length).toBeGreaterThan(50);
  const haystack = [
    ...lines,
    ...[...seen, ...fixture.events].map((one) =>
      inspect(one, { depth: 12, maxArrayLength: null, maxStringLength: null, showHidden: true }),
    ),
    JSON.stringify([seen, fixture.events]),
    ...seen.flatMap((one) => (Buffer.isBuffer(one) ? formsOf(one) : [])),
    ...seen.flatMap((one) => (one instanceof Error ? [one.stack ?? '', String(one.cause)] : [])),
  ].join('\n');
  for (const needle of [...keys, secret])
    for (const form of formsOf(needle)) expect(haystack.includes(form)).toBe(false);
});

test('what is answered never holds bytes that were left in memory', async () => {
  const left = canaries.key.slice(0, 12);
  const litter = (): void => {
    for (let index = 0; index < 200; index += 1)
      Buffer.allocUnsafe(1 + ((index * 97) % 4_000)).fill(canaries.key);
  };
  await inTenant(async (tx) => {
    for (const scope of [
      { kind: 'subject', subjectId: newSubject() },
      { kind: 'tenant', purpose: 'tax' },
    ] as const) {
      for (let size = 0; size < 3_000; size += 41) {
        litter();
        const plaintext = Buffer.alloc(size, 0x7a);
        const answers = [
          await crypto.seal(tx, scope, emailContext, plaintext),
          await crypto.sealPortable(tx, scope, emailContext, plaintext),
          await crypto.sealRow(tx, scope, emailContext, new Map([['name', plaintext]])),
          await crypto.files.seal(tx, scope, emailContext, plaintext),
        ];
        for (const answer of answers) expect(answer.includes(left)).toBe(false);
      }
    }
  });
});
