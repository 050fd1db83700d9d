import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  CancelKeyDeletionCommand,
  CreateKeyCommand,
  DeleteAliasCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  KMSClient,
  ListAliasesCommand,
  ListKeysCommand,
  ListResourceTagsCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { createAwsKmsProvider } from '../../crypto/providers/aws-kms.ts';
import { buildProvider } from '../../crypto/providers/build-provider.ts';
import { providerInput, type StoredConfiguration } from '../../crypto/providers/configuration.ts';
import { describeProvider, type ProviderUnderTest } from '../../crypto/providers/conformance.ts';
import type { RootProvider } from '../../crypto/root-provider.ts';
import { parseTenantId, Secret, systemClock, systemRandomBytes, type TenantId } from '../../kernel/index.ts';
import { operationOf, refusal, startKmsGate } from '../support/kms-gate.ts';
import { provideMoto, startMoto } from '../support/moto-server.ts';
import type { ProxyRule, RuleProxy } from '../support/rule-proxy.ts';
import { testRootLife } from '../support/root-life.ts';
import { describeUnless } from '../support/skip.ts';

const provided = await provideMoto();
const missing = 'missing' in provided ? provided.missing : null;
const program = 'program' in provided ? provided.program : '';
const newTenant = (): TenantId => parseTenantId(randomUUID());
const secretCanary = 'canary-of-a-secret-access-key';

const providerAt = (
  endpoint: string,
  keyArn: string | null = null,
  aliasPrefix = 'gatehouse-',
): RootProvider =>
  createAwsKmsProvider({
    region: 'eu-central-1',
    endpoint,
    credentials: { accessKeyId: 'AKIATEST', secretAccessKey: new Secret(secretCanary) },
    keyArn,
    aliasPrefix,
    deletionDays: 7,
    clock: systemClock,
  });
const clientAt = (endpoint: string): KMSClient =>
  new KMSClient({
    region: 'eu-central-1',
    endpoint,
    credentials: { accessKeyId: 'A', secretAccessKey: 'B' },
  });

/** What the owner of the account does to every key that can still be used. */
async function changeAll(endpoint: string, change: 'disable' | 'delete'): Promise<() => Promise<void>> {
  const client = clientAt(endpoint);
  const { Keys: keys = [] } = await client.send(new ListKeysCommand({ Limit: 1_000 }));
  const changed: string[] = [];
  for (const { KeyId } of keys) {
    const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId }));
    if (KeyId === undefined || KeyMetadata?.KeyState !== 'Enabled') continue;
    await client.send(
      change === 'disable'
        ? new DisableKeyCommand({ KeyId })
        : new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }),
    );
    changed.push(KeyId);
  }
  return async () => {
    for (const KeyId of changed) {
      if (change === 'delete') await client.send(new CancelKeyDeletionCommand({ KeyId }));
      await client.send(new EnableKeyCommand({ KeyId }));
    }
  };
}

type Fault = Parameters<ProviderUnderTest['makeFault']>[0];
const rules: Readonly<Record<Exclude<Fault, 'gone' | 'disabled'>, ProxyRule>> = {
  timeout: async () => 'hang',
  slow: async (_, forward) => {
    await new Promise((wake) => setTimeout(wake, 300));
    return forward();
  },
  throttle: async () => refusal('ThrottlingException'),
  wrong_answer: async (_, forward) => ({
    ...(await forward()),
    body: JSON.stringify({ KeyId: 'k', Plaintext: randomBytes(31).toString('base64') }),
  }),
};

describeUnless(missing, 'aws-kms', () => {
  describeProvider('aws-kms (moto behind a gate)', async () => {
    const moto = await startMoto(program);
    const gate = await startKmsGate(moto.url);
    return {
      provider: providerAt(gate.url),
      makeFault: async (fault) => {
        if (fault === 'gone') return changeAll(moto.url, 'delete');
        if (fault === 'disabled') return changeAll(moto.url, 'disable');
        gate.setRule(rules[fault]);
        return async () => gate.setRule(null);
      },
      revoke: () => changeAll(moto.url, 'disable'),
      dispose: async () => {
        await gate.close();
        await moto.stop();
      },
    };
  });
  own();
});

function own(): void {
  let moto: Awaited<ReturnType<typeof startMoto>>;
  let gate: RuleProxy;
  let client: KMSClient;
  beforeAll(async () => {
    moto = await startMoto(program);
    gate = await startKmsGate(moto.url);
    client = clientAt(moto.url);
  }, 60_000);
  afterAll(async () => {
    await gate.close();
    await moto.stop();
  });

  testRootLife(() => providerAt(gate.url));

  test('moto alone opens under a disabled key, which is why the gate stands before it', async () => {
    const [tenant, key] = [newTenant(), randomBytes(32)];
    const wrapped = await providerAt(gate.url).wrap(tenant, 1, key);
    const enable = await changeAll(moto.url, 'disable');
    expect((await providerAt(moto.url).unwrap(tenant, 1, wrapped)).equals(key)).toBe(true);
    await expect(providerAt(gate.url).unwrap(tenant, 1, wrapped)).rejects.toMatchObject({
      code: 'ERR_CRYPTO_KEY_REVOKED',
      details: { kms: 'DisabledException' },
    });
    await enable();
  });

  test('every epoch has a key of its own, with tenant and epoch in its tags and its alias', async () => {
    const provider = providerAt(gate.url);
    const tenant = newTenant();
    await provider.wrap(tenant, 1, randomBytes(32));
    await provider.wrap(tenant, 2, randomBytes(32));
    await provider.wrap(tenant, 2, randomBytes(32));
    const { Aliases: aliases = [] } = await client.send(new ListAliasesCommand({ Limit: 100 }));
    const mine = aliases.filter(({ AliasName }) => AliasName?.includes(tenant) === true);
    expect(mine.map(({ AliasName }) => AliasName).toSorted()).toEqual([
      `alias/gatehouse-${tenant}-1`,
      `alias/gatehouse-${tenant}-2`,
    ]);
    const second = mine.find(({ AliasName }) => AliasName?.endsWith('-2') === true)?.TargetKeyId;
    const { Tags } = await client.send(new ListResourceTagsCommand({ KeyId: second }));
    expect(Tags).toEqual([
      { TagKey: 'gatehouse:tenant', TagValue: tenant },
      { TagKey: 'gatehouse:epoch', TagValue: '2' },
    ]);
  });

  test('destruction disables the key at once and names the day of its deletion, the same day when asked twice', async () => {
    const provider = providerAt(gate.url);
    const tenant = newTenant();
    const wrapped = await provider.wrap(tenant, 1, randomBytes(32));
    const before = Date.now();
    const done = await provider.scheduleDestroy(tenant, 1);
    expect(done.destroyedAt).toBeNull();
    const days = ((done.scheduledFor?.getTime() ?? 0) - before) / 86_400_000;
    expect(Math.round(days)).toBe(7);
    expect(await provider.describe()).toMatchObject({ destroyDelayDays: 7 });
    expect(await provider.scheduleDestroy(tenant, 1)).toEqual(done);
    await expect(provider.unwrap(tenant, 1, wrapped)).rejects.toMatchObject({
      code: 'ERR_CRYPTO_KEY_REVOKED',
      details: { kms: 'KMSInvalidStateException' },
    });
  });

  test('a key that KMS has deleted with its alias is gone, but an account without any key of the house proves nothing', async () => {
    const provider = providerAt(gate.url);
    const tenant = newTenant();
    await provider.wrap(tenant, 1, randomBytes(32));
    await provider.wrap(tenant, 2, randomBytes(32));
    await provider.scheduleDestroy(tenant, 1);
    // What KMS does by itself when the window is over, and moto never does.
    await client.send(new DeleteAliasCommand({ AliasName: `alias/gatehouse-${tenant}-1` }));
    expect(await provider.scheduleDestroy(tenant, 1)).toEqual({
      destroyedAt: expect.any(Date),
      scheduledFor: null,
    });
    await expect(
      providerAt(gate.url, null, 'another-house-').scheduleDestroy(tenant, 1),
    ).rejects.toMatchObject({
      code: 'ERR_CRYPTO_KEY_REVOKED',
    });
  });

  test('processes that make the key of an epoch at once agree on one, and the others are laid down for deletion', async () => {
    const [tenant, key] = [newTenant(), randomBytes(32)];
    const wrapped = await Promise.all(
      [1, 2, 3].map(() =>
        providerAt(gate.url)
          .wrap(tenant, 1, key)
          .catch((error: unknown) => error),
      ),
    );
    const blobs = wrapped.filter((value): value is Buffer => Buffer.isBuffer(value));
    expect(blobs.length).toBeGreaterThan(0);
    for (const blob of blobs)
      expect((await providerAt(gate.url).unwrap(tenant, 1, blob)).equals(key)).toBe(true);
    const states: string[] = [];
    const { Keys: keys = [] } = await client.send(new ListKeysCommand({ Limit: 1_000 }));
    for (const { KeyId } of keys) {
      const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId }));
      if (KeyMetadata?.Description?.includes(tenant) === true) states.push(String(KeyMetadata.KeyState));
    }
    expect(states.filter((state) => state === 'Enabled')).toHaveLength(1);
    expect(states.filter((state) => state !== 'Enabled' && state !== 'PendingDeletion')).toEqual([]);
  });

  test("under an owner's key epochs are told apart by context, and a single one cannot be destroyed, which is said", async () => {
    const { KeyMetadata } = await client.send(new CreateKeyCommand({}));
    const arn = KeyMetadata?.Arn ?? '';
    const provider = providerAt(gate.url, arn);
    const [tenant, key] = [newTenant(), randomBytes(32)];
    const wrapped = await provider.wrap(tenant, 1, key);
    expect((await provider.unwrap(tenant, 1, wrapped)).equals(key)).toBe(true);
    await expect(provider.unwrap(tenant, 2, wrapped)).rejects.toMatchObject({ code: 'ERR_CRYPTO_ROOT' });
    await expect(provider.unwrap(newTenant(), 1, wrapped)).rejects.toMatchObject({ code: 'ERR_CRYPTO_ROOT' });
    await expect(provider.scheduleDestroy(tenant, 1)).rejects.toThrow(
      /single epochs cannot be destroyed .* move the tenant to a provider with keys of its own/,
    );
    expect((await provider.describe()).destroyDelayDays).toBeNull();
    expect((await provider.unwrap(tenant, 1, wrapped)).equals(key)).toBe(true);
    expect(await provider.health()).toMatchObject({
      ok: true,
      detail: expect.stringContaining('is enabled; it cannot destroy single epochs'),
    });
    await client.send(new DisableKeyCommand({ KeyId: KeyMetadata?.KeyId }));
    expect(await provider.health()).toMatchObject({
      ok: false,
      detail: expect.stringContaining('is disabled'),
    });
    await expect(provider.unwrap(tenant, 1, wrapped)).rejects.toMatchObject({
      code: 'ERR_CRYPTO_KEY_REVOKED',
    });
  });

  test('a tenant brings a key by its ARN alone: the region is read from it, and nothing of the house is asked', async () => {
    const { KeyMetadata } = await client.send(new CreateKeyCommand({}));
    const configuration = providerInput.parse({ kind: 'aws-kms', keyArn: KeyMetadata?.Arn });
    // As an operator would point the SDK at a VPC endpoint: a tenant cannot.
    const environment = {
      AWS_ENDPOINT_URL_KMS: gate.url,
      AWS_ACCESS_KEY_ID: 'A',
      AWS_SECRET_ACCESS_KEY: 'B',
    };
    Object.assign(process.env, environment);
    try {
      const provider = buildProvider('theirs', configuration as StoredConfiguration, {
        // nothing is added to this kind
        rules: { development: false, allowPrivate: false },
        randomBytes: systemRandomBytes,
        epochs: providerAt('http://127.0.0.1:9'),
      });
      const [tenant, key] = [newTenant(), randomBytes(32)];
      const wrapped = await provider.wrap(tenant, 1, key);
      expect((await provider.unwrap(tenant, 1, wrapped)).equals(key)).toBe(true);
      expect(await provider.describe()).toMatchObject({
        name: 'theirs',
        kind: 'aws-kms',
        destroyDelayDays: null,
      });
      await client.send(new DisableKeyCommand({ KeyId: KeyMetadata?.KeyId }));
      await expect(provider.unwrap(tenant, 1, wrapped)).rejects.toMatchObject({
        code: 'ERR_CRYPTO_KEY_REVOKED',
      });
    } finally {
      for (const name of Object.keys(environment)) delete process.env[name];
    }
    for (const keyArn of [
      'arn:aws:kms:evil.example:123456789012:key/x',
      'alias/theirs',
      `${KeyMetadata?.Arn ?? ''}/..`,
    ])
      expect(providerInput.safeParse({ kind: 'aws-kms', keyArn }).success).toBe(false);
    const more = { kind: 'aws-kms', keyArn: KeyMetadata?.Arn, endpoint: 'http://169.254.169.254' };
    expect(providerInput.safeParse(more).success).toBe(false);
  });

  test.each([
    ['ThrottlingException', 400, 'ERR_CRYPTO_ROOT', true],
    ['KMSInternalException', 500, 'ERR_CRYPTO_ROOT', true],
    ['DependencyTimeoutException', 503, 'ERR_CRYPTO_ROOT', true],
    ['AccessDeniedException', 400, 'ERR_CRYPTO_KEY_REVOKED', undefined],
    ['NotFoundException', 400, 'ERR_CRYPTO_KEY_REVOKED', undefined],
    ['InvalidCiphertextException', 400, 'ERR_CRYPTO_ROOT', undefined],
    ['ExpiredTokenException', 400, 'ERR_CRYPTO_ROOT', undefined],
  ])('%s becomes the error that it means', async (type, status, code, retryable) => {
    const provider = providerAt(gate.url);
    const tenant = newTenant();
    const wrapped = await provider.wrap(tenant, 1, randomBytes(32));
    gate.setRule(async (request, forward) =>
      operationOf(request) === 'Decrypt' ? refusal(type, status) : forward(),
    );
    const error: unknown = await provider.unwrap(tenant, 1, wrapped).catch((caught: unknown) => caught);
    gate.setRule(null);
    expect(error).toMatchObject({ code });
    expect((error as { details: { retryable?: boolean } }).details.retryable).toBe(retryable);
    expect(`${JSON.stringify(error)} ${String(error)}`).not.toContain(secretCanary);
  });

  test('half an answer, a page of something in between and a closed port may pass by themselves', async () => {
    const provider = providerAt(gate.url);
    const [tenant, key] = [newTenant(), randomBytes(32)];
    const wrapped = await provider.wrap(tenant, 1, key);
    for (const rule of [
      async () => 'cut' as const,
      async () => ({
        status: 502,
        headers: { 'content-type': 'text/html' },
        body: '<html>bad gateway</html>',
      }),
    ]) {
      gate.setRule(rule);
      await expect(provider.unwrap(tenant, 1, wrapped)).rejects.toMatchObject({
        details: { retryable: true },
      });
    }
    gate.setRule(null);
    await expect(providerAt('http://127.0.0.1:9').unwrap(tenant, 1, wrapped)).rejects.toMatchObject({
      details: { retryable: true },
    });
    expect((await provider.unwrap(tenant, 1, wrapped)).equals(key)).toBe(true);
  });
}
