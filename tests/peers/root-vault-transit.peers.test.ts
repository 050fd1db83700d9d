import { execFile } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createVaultTransitProvider } from '../../crypto/providers/vault-transit.ts';
import { describeProvider, type ProviderUnderTest } from '../../crypto/providers/conformance.ts';
import type { RootProvider } from '../../crypto/root-provider.ts';
import { parseTenantId, Secret, systemClock, type TenantId } from '../../kernel/index.ts';
import { testFolderPrefix } from '../support/leftovers.ts';
import { startRuleProxy, type ProxyRule, type RuleProxy } from '../support/rule-proxy.ts';
import { testRootLife } from '../support/root-life.ts';
import { describeUnless } from '../support/skip.ts';
import { provideTransit, startTransit, type TransitServer } from '../support/transit-server.ts';

const root = join(import.meta.dirname, '..', '..');
const provided = await provideTransit();
const missing = 'missing' in provided ? provided.missing : null;
const program = 'program' in provided ? provided.program : '';
const token = 'hvs.a-token-for-tests';
const newTenant = (): TenantId => parseTenantId(randomUUID());

const providerAt = (
  address: string,
  extra: { readonly token?: string; readonly namespace?: string; readonly authority?: string } = {},
): RootProvider =>
  createVaultTransitProvider({
    address,
    token: new Secret(extra.token ?? token),
    namespace: extra.namespace ?? null,
    certificateAuthority: extra.authority ?? null,
    mount: 'transit',
    keyPrefix: 'gatehouse-',
    clock: systemClock,
  });

/** Faults of the network and of a server between; a missing key and a withdrawn right are the backend's own refusals. */
const rules: Readonly<Record<Parameters<ProviderUnderTest['makeFault']>[0], ProxyRule>> = {
  timeout: async () => 'hang',
  slow: async (_, forward) => {
    await new Promise((wake) => setTimeout(wake, 300));
    return forward();
  },
  throttle: async () => ({
    status: 429,
    headers: { 'retry-after': '1' },
    body: '{"errors":["request path rate limited"]}',
  }),
  wrong_answer: async (_, forward) => {
    const answer = await forward();
    const short = { data: { plaintext: randomBytes(31).toString('base64') } };
    return { ...answer, body: JSON.stringify(short) };
  },
  gone: async ({ path }, forward) => forward({ path: path.replace(/gatehouse-[^/]+/, 'gatehouse-deleted') }),
  disabled: async ({ headers }, forward) => forward({ headers: { ...headers, 'x-vault-token': 'revoked' } }),
};

describeUnless(missing, 'vault-transit', () => {
  describeProvider('vault-transit (transit backend of Vault 1.14)', async () => {
    const server = await startTransit(program, ['-token', token]);
    const proxy = await startRuleProxy(server.url);
    const begin = (rule: ProxyRule) => async () => {
      proxy.setRule(rule);
      return async () => proxy.setRule(null);
    };
    return {
      provider: providerAt(proxy.url),
      makeFault: (fault) => begin(rules[fault])(),
      revoke: begin(rules.disabled),
      dispose: async () => {
        await proxy.close();
        await server.stop();
      },
    };
  });
  own();
});

function own(): void {
  let server: TransitServer;
  let proxy: RuleProxy;
  const admin = async (
    method: string,
    path: string,
    body?: object,
  ): Promise<{ status: number; text: string }> => {
    const answer = await fetch(`${server.url}/v1/transit/${path}`, {
      method,
      headers: { 'x-vault-token': token },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, text: await answer.text() };
  };
  beforeAll(async () => {
    server = await startTransit(program, ['-token', token]);
    proxy = await startRuleProxy(server.url);
  });
  afterAll(async () => {
    await proxy.close();
    await server.stop();
  });

  testRootLife(() => providerAt(server.url));

  test('lowering the least version again does not bring a destroyed epoch back', async () => {
    const provider = providerAt(server.url);
    const [tenant, key] = [newTenant(), randomBytes(32)];
    const wrapped = await provider.wrap(tenant, 1, key);
    const name = `keys/gatehouse-${tenant}-1`;
    await admin('POST', `${name}/rotate`);
    await admin('POST', `${name}/config`, { min_decryption_version: 2, min_encryption_version: 2 });
    await expect(provider.unwrap(tenant, 1, wrapped)).rejects.toMatchObject({
      code: 'ERR_CRYPTO_KEY_REVOKED',
    });
    await admin('POST', `${name}/config`, { min_decryption_version: 1 });
    expect((await provider.unwrap(tenant, 1, wrapped)).equals(key)).toBe(true); // disabling is not destroying

    await provider.scheduleDestroy(tenant, 1);
    const lowered = await admin('POST', `${name}/config`, { min_decryption_version: 1 });
    expect(lowered).toMatchObject({ status: 400, text: expect.stringContaining('min available version') });
    await expect(provider.unwrap(tenant, 1, wrapped)).rejects.toMatchObject({
      code: 'ERR_CRYPTO_KEY_REVOKED',
    });
    expect((await admin('GET', name)).text).not.toContain('"1":');
  });

  test('an epoch stays destroyed: its name is taken, and wrapping under it is refused', async () => {
    const provider = providerAt(server.url);
    const tenant = newTenant();
    await provider.wrap(tenant, 7, randomBytes(32));
    await provider.scheduleDestroy(tenant, 7);
    await expect(provider.wrap(tenant, 7, randomBytes(32))).rejects.toMatchObject({
      code: 'ERR_CRYPTO_KEY_REVOKED',
    });
    expect(await provider.scheduleDestroy(tenant, 7)).toMatchObject({ scheduledFor: null });
  });

  test('a destruction that was cut off half-way is finished by asking again', async () => {
    const provider = providerAt(proxy.url);
    const tenant = newTenant();
    const wrapped = await provider.wrap(tenant, 1, randomBytes(32));
    proxy.setRule(async ({ path }, forward) => (path.endsWith('/trim') ? 'cut' : forward()));
    await expect(provider.scheduleDestroy(tenant, 1)).rejects.toMatchObject({ details: { retryable: true } });
    proxy.setRule(null);
    expect((await provider.scheduleDestroy(tenant, 1)).destroyedAt).not.toBeNull();
    await expect(provider.unwrap(tenant, 1, wrapped)).rejects.toMatchObject({
      code: 'ERR_CRYPTO_KEY_REVOKED',
    });
  });

  test('a destruction that the server only pretends is not believed', async () => {
    const provider = providerAt(proxy.url);
    const tenant = newTenant();
    await provider.wrap(tenant, 1, randomBytes(32));
    proxy.setRule(async ({ path }, forward) =>
      path.endsWith('/trim') ? { status: 200, body: '{"data":{}}' } : forward(),
    );
    try {
      await expect(provider.scheduleDestroy(tenant, 1)).rejects.toThrow(/still holds the key/);
    } finally {
      proxy.setRule(null);
    }
  });

  test('destroying what never was is an error, not a success', async () => {
    await expect(providerAt(server.url).scheduleDestroy(newTenant(), 1)).rejects.toMatchObject({
      code: 'ERR_CRYPTO_KEY_REVOKED',
    });
  });

  test('turns upserts off before the first key, so that a mistyped name makes none', async () => {
    const fresh = await startTransit(program, ['-token', token]);
    try {
      const provider = providerAt(fresh.url);
      expect((await provider.health()).detail).toContain('still on');
      await provider.wrap(newTenant(), 1, randomBytes(32));
      expect((await provider.health()).detail).toContain('off');
      const upsert = await fetch(`${fresh.url}/v1/transit/encrypt/never-made`, {
        method: 'POST',
        headers: { 'x-vault-token': token },
        body: '{"plaintext":"AAAA"}',
      });
      expect(upsert.status).toBe(400);
    } finally {
      await fresh.stop();
    }
  });

  test('refuses a key that can be exported or backed up in clear', async () => {
    const tenant = newTenant();
    await admin('POST', `keys/gatehouse-${tenant}-1`, { type: 'aes256-gcm96', exportable: true });
    await expect(providerAt(server.url).wrap(tenant, 1, randomBytes(32))).rejects.toThrow(/can be exported/);
  });

  test('a page of something in between, half an answer, and a sealed server may pass by themselves', async () => {
    const provider = providerAt(proxy.url);
    const [tenant, key] = [newTenant(), randomBytes(32)];
    const wrapped = await provider.wrap(tenant, 1, key);
    const bad: readonly ProxyRule[] = [
      async () => ({
        status: 200,
        headers: { 'content-type': 'text/html' },
        body: '<html>maintenance</html>',
      }),
      async () => 'cut',
      async () => ({ status: 503, body: '{"errors":["Vault is sealed"]}' }),
      async () => ({ status: 200, body: `{"data":"${'x'.repeat(100_000)}"}` }),
    ];
    for (const rule of bad) {
      proxy.setRule(rule);
      await expect(provider.unwrap(tenant, 1, wrapped)).rejects.toMatchObject({
        code: 'ERR_CRYPTO_ROOT',
        details: { retryable: true },
      });
    }
    proxy.setRule(null);
    expect((await provider.unwrap(tenant, 1, wrapped)).equals(key)).toBe(true);
  });

  test('needs no rights beyond those of its documented policy', async () => {
    const page = await readFile(join(root, 'docs', 'crypto', 'providers-vault-transit.md'), 'utf8');
    const paths = [...page.matchAll(/^path "([^"]+)"/gm)].map(([, path = '']) => path);
    const isAllowed = (line: string): boolean =>
      paths.some((path) => {
        const asked = line.replace(/^[A-Z]+ \/v1\//, '');
        return path.endsWith('*') ? asked.startsWith(path.slice(0, -1)) : asked === path;
      });
    const own = await startRuleProxy(server.url);
    try {
      const provider = providerAt(own.url);
      const tenant = newTenant();
      const wrapped = await provider.wrap(tenant, 1, randomBytes(32));
      await provider.unwrap(tenant, 1, wrapped);
      await provider.scheduleDestroy(tenant, 1);
      await provider.health();
      expect(own.seen.length).toBeGreaterThan(8);
      expect(own.seen.filter((line) => !isAllowed(line))).toEqual([]);
      expect(own.seen.filter((line) => /datakey|rewrap|batch|DELETE/.test(line))).toEqual([]);
    } finally {
      await own.close();
    }
  });

  test('trusts the authority that is named, and no other', async () => {
    const folder = await mkdtemp(join(tmpdir(), `${testFolderPrefix}ca-`));
    const [certificate, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    await promisify(execFile)('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
      ...[
        '-subj',
        '/CN=transit',
        '-addext',
        'subjectAltName=IP:127.0.0.1',
        '-keyout',
        key,
        '-out',
        certificate,
      ],
    ]);
    const secure = await startTransit(program, ['-token', token, '-cert', certificate, '-key', key]);
    try {
      const authority = await readFile(certificate, 'utf8');
      const tenant = newTenant();
      const wrapped = await providerAt(secure.url, { authority }).wrap(tenant, 1, randomBytes(32));
      expect(await providerAt(secure.url, { authority }).unwrap(tenant, 1, wrapped)).toHaveLength(32);
      await expect(providerAt(secure.url).unwrap(tenant, 1, wrapped)).rejects.toThrow(/certificate/);
    } finally {
      await secure.stop();
      await rm(folder, { recursive: true });
    }
  });

  test('a namespace is sent, another one is not there, and a wrong token shows in no message', async () => {
    const inNamespace = await startTransit(program, ['-token', token, '-namespace', 'team-a']);
    try {
      const [tenant, key] = [newTenant(), randomBytes(32)];
      const wrapped = await providerAt(inNamespace.url, { namespace: 'team-a' }).wrap(tenant, 1, key);
      const elsewhere = providerAt(inNamespace.url, { namespace: 'team-b' });
      await expect(elsewhere.unwrap(tenant, 1, wrapped)).rejects.toMatchObject({
        code: 'ERR_CRYPTO_KEY_REVOKED',
      });
      const canary = 'hvs.canary-of-a-token';
      const denied = providerAt(inNamespace.url, { namespace: 'team-a', token: canary });
      const health = await denied.health();
      expect(health).toMatchObject({ ok: false, detail: expect.stringContaining('refuses the token') });
      const error: unknown = await denied.unwrap(tenant, 1, wrapped).catch((caught: unknown) => caught);
      expect(`${JSON.stringify(error)} ${String(error)} ${health.detail}`).not.toContain(canary);
    } finally {
      await inNamespace.stop();
    }
  });
}
