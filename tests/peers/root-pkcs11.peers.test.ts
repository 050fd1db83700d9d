import { execFile } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeProvider, type ProviderUnderTest } from '../../crypto/providers/conformance.ts';
import { createPkcs11Provider } from '../../crypto/providers/pkcs11.ts';
import type { RootProvider } from '../../crypto/root-provider.ts';
import { parseTenantId, Secret, systemClock, systemRandomBytes, type TenantId } from '../../kernel/index.ts';
import { testRootLife } from '../support/root-life.ts';
import { describeUnless } from '../support/skip.ts';
import { buildShim, initialiseToken, provideSoftHsm } from '../support/softhsm.ts';

const provided = await provideSoftHsm();
const missing = 'missing' in provided ? provided.missing : null;
const library = 'library' in provided ? provided.library : '';
const pin = 'pin-for-tests-4711';
// The library sees the tokens that are there when the process first opens it.
if (missing === null)
  for (const token of ['conformance', 'own', 'sealed', 'pin']) await initialiseToken(token, pin);
const newTenant = (): TenantId => parseTenantId(randomUUID());
const run = promisify(execFile);

type Changes = { readonly library?: string; readonly token?: string; readonly pin?: string };

const providerOn = (token: string, changes: Changes = {}): RootProvider =>
  createPkcs11Provider({
    library,
    token,
    labelPrefix: 'gatehouse-',
    randomBytes: systemRandomBytes,
    clock: systemClock,
    ...changes,
    pin: new Secret(changes.pin ?? pin),
  });

/** The token's owner, in a process of its own. */
async function admin(token: string, action: string, label = ''): Promise<string> {
  const script = join(import.meta.dirname, 'token-admin.ts');
  const { stdout } = await run(process.execPath, [script, library, token, pin, action, label]);
  return stdout;
}

type Shim = Awaited<ReturnType<typeof buildShim>>;

/** A hanging, slow, full or lying library, and what its owner does to the keys. */
async function faultOf(
  shim: Shim,
  token: string,
  fault: Parameters<ProviderUnderTest['makeFault']>[0],
): Promise<() => Promise<void>> {
  if (fault === 'disabled') {
    await admin(token, 'forbid');
    return async () => void (await admin(token, 'allow'));
  }
  // CKR_DEVICE_MEMORY stands for "too many calls": tokens have no word for it.
  const said = { timeout: 'hang', slow: 'slow', throttle: 'error 31', wrong_answer: 'short', gone: 'none' }[
    fault
  ];
  await shim.set(said);
  return () => shim.set('');
}

describeUnless(missing, 'pkcs11', () => {
  describeProvider('pkcs11 (SoftHSM2)', async () => {
    const shim = await buildShim(library);
    return {
      provider: providerOn('conformance', { library: shim.library }),
      makeFault: (fault) => faultOf(shim, 'conformance', fault),
      revoke: () => faultOf(shim, 'conformance', 'disabled'),
      dispose: shim.remove,
    };
  });
  own();
});

function own(): void {
  let shim: Shim;
  beforeAll(async () => {
    shim = await buildShim(library);
  });
  afterAll(() => shim.remove());

  testRootLife(() => providerOn('own'));

  test('a key is not readable by its owner either, and only its ciphertext leaves the token', async () => {
    const provider = providerOn('sealed');
    const tenant = newTenant();
    await provider.wrap(tenant, 1, randomBytes(32));
    await provider.wrap(tenant, 2, randomBytes(32));
    expect(JSON.parse(await admin('sealed', 'count'))).toEqual({ keys: 2, readable: 0 });
  });

  test('refuses a key of its label that can leave the token', async () => {
    const tenant = newTenant();
    await admin('own', 'make', `gatehouse-${tenant}-1`);
    await expect(providerOn('own').wrap(tenant, 1, randomBytes(32))).rejects.toThrow(/can leave the token/);
  });

  test('destruction removes the object for every process, keeps its day and refuses a new key', async () => {
    const provider = providerOn('own');
    const tenant = newTenant();
    const wrapped = await provider.wrap(tenant, 3, randomBytes(32));
    const { destroyedAt } = await provider.scheduleDestroy(tenant, 3);
    expect(JSON.parse(await admin('own', 'count', `gatehouse-${tenant}-3`))).toEqual({
      keys: 0,
      readable: 0,
    });
    const other = providerOn('own');
    await expect(other.unwrap(tenant, 3, wrapped)).rejects.toMatchObject({ code: 'ERR_CRYPTO_KEY_REVOKED' });
    await expect(other.wrap(tenant, 3, randomBytes(32))).rejects.toMatchObject({
      code: 'ERR_CRYPTO_KEY_REVOKED',
    });
    expect(await other.scheduleDestroy(tenant, 3)).toEqual({ destroyedAt, scheduledFor: null });
  });

  test('destroying what never was is an error, not a success', async () => {
    await expect(providerOn('own').scheduleDestroy(newTenant(), 1)).rejects.toMatchObject({
      code: 'ERR_CRYPTO_KEY_REVOKED',
    });
  });

  test('two threads that make the key of an epoch at once both open what either wrapped, and one destruction ends both', async () => {
    const providers = [providerOn('own'), providerOn('own'), providerOn('own'), providerOn('own')];
    const [tenant, key] = [newTenant(), randomBytes(32)];
    const wrapped = await Promise.all(providers.map((provider) => provider.wrap(tenant, 1, key)));
    for (const blob of wrapped)
      for (const provider of providers)
        expect((await provider.unwrap(tenant, 1, blob)).equals(key)).toBe(true);
    await providers[0]?.scheduleDestroy(tenant, 1);
    for (const blob of wrapped)
      await expect(providers[1]?.unwrap(tenant, 1, blob)).rejects.toMatchObject({
        code: 'ERR_CRYPTO_KEY_REVOKED',
      });
  });

  test('after any error the next call has a new session and works', async () => {
    const provider = providerOn('own', { library: shim.library });
    const [tenant, key] = [newTenant(), randomBytes(32)];
    const wrapped = await provider.wrap(tenant, 1, key);
    for (const [fault, retryable] of [
      ['error 30', true], // CKR_DEVICE_ERROR
      ['error b3', true], // CKR_SESSION_HANDLE_INVALID
      ['error 5', undefined], // CKR_GENERAL_ERROR
    ] as const) {
      await shim.set(fault);
      await expect(provider.unwrap(tenant, 1, wrapped)).rejects.toMatchObject({ code: 'ERR_CRYPTO_ROOT' });
      const error: unknown = await provider.unwrap(tenant, 1, wrapped).catch((caught: unknown) => caught);
      expect((error as { details: { retryable?: boolean } }).details.retryable).toBe(retryable);
      await shim.set('');
      expect((await provider.unwrap(tenant, 1, wrapped)).equals(key)).toBe(true);
    }
  });

  test('a wrong PIN is tried once, so that the token does not lock itself, and shows in no message', async () => {
    const canary = 'canary-pin-0815';
    const provider = providerOn('pin', { pin: canary });
    const [tenant, said] = [newTenant(), [] as string[]];
    for (let attempt = 0; attempt < 20; attempt += 1) {
      const error: unknown = await provider
        .wrap(tenant, 1, randomBytes(32))
        .catch((caught: unknown) => caught);
      expect(error).toMatchObject({
        code: 'ERR_CRYPTO_KEY_REVOKED',
        details: { answer: 'CKR_PIN_INCORRECT' },
      });
      said.push(`${JSON.stringify(error)} ${String(error)}`);
    }
    expect(said.join()).not.toContain(canary);
    expect((await providerOn('pin').wrap(tenant, 1, randomBytes(32))).length).toBeGreaterThan(32);
  });

  test('says what is missing: the token, the library', async () => {
    expect(await providerOn('no such token').health()).toMatchObject({
      ok: false,
      detail: expect.stringContaining('no token is labelled "no such token"'),
    });
    const nowhere = providerOn('own', { library: '/nowhere/pkcs11.so' });
    expect(await nowhere.health()).toMatchObject({
      ok: false,
      detail: expect.stringContaining('cannot be loaded'),
    });
  });

  test('a library that hangs does not hold the event loop, and a call that is given up does not hold the next', async () => {
    const provider = providerOn('own', { library: shim.library });
    const [tenant, key] = [newTenant(), randomBytes(32)];
    const wrapped = await provider.wrap(tenant, 1, key);
    await shim.set('hang');
    let turns = 0;
    const turning = setInterval(() => (turns += 1), 5);
    const given = new AbortController();
    const call = provider.unwrap(tenant, 1, wrapped, { signal: given.signal });
    await new Promise((wake) => setTimeout(wake, 300));
    given.abort();
    await expect(call).rejects.toThrow();
    clearInterval(turning);
    await shim.set('');
    expect(turns).toBeGreaterThan(3); // none, if the call blocked this thread
    expect((await provider.unwrap(tenant, 1, wrapped)).equals(key)).toBe(true);
  });
}
