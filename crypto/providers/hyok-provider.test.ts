import { execFile } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { isAllowedAddress, parseTenantId, Secret, systemRandomBytes } from '../../kernel/index.ts';
import type { RootProvider } from '../root-provider.ts';
import { requireKeyServiceUrl } from './address-rules.ts';
import { hyokConfiguration, type HyokConfiguration } from './configuration.ts';
import { describeProvider } from './conformance.ts';
import { makeTransportKeys } from './hyok-key.ts';
import { createHyokProvider } from './hyok-provider.ts';
import { startKeyService, type KeyService, type KeyServiceFault } from './key-service-fixture.ts';
import { createLocalProvider } from './local-provider.ts';

const rules = { development: true, allowPrivate: false };
const tenant = parseTenantId(randomUUID());

async function makeHouse(): Promise<{ readonly epochs: RootProvider; readonly remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-hyok-'));
  const epochs = await createLocalProvider({
    file: join(folder, 'root.json'),
    passphrase: new Secret('a passphrase for tests only'),
    randomBytes: systemRandomBytes,
    costLog2: 14,
  });
  return { epochs, remove: () => rm(folder, { recursive: true }) };
}

async function configure(
  service: KeyService,
  extra: Partial<HyokConfiguration> = {},
): Promise<HyokConfiguration> {
  const algorithm = extra.algorithm ?? 'ECDH-ES';
  const { publicKey, privateKey } = await makeTransportKeys(algorithm);
  service.publicKey = publicKey;
  return hyokConfiguration.parse({
    ...{ kind: 'hyok', url: service.url, keyId: 'key-1', algorithm, privateKey },
    ...extra,
  });
}

for (const algorithm of ['ECDH-ES', 'RSA-OAEP-256'] as const)
  describeProvider(`hyok (${algorithm})`, async () => {
    const [service, house] = [await startKeyService(), await makeHouse()];
    const configuration = await configure(service, { algorithm });
    const { epochs } = house;
    const options = { name: 'theirs', configuration, rules, epochs, randomBytes: systemRandomBytes };
    const during = async (fault: KeyServiceFault): Promise<() => Promise<void>> => {
      service.fault = fault;
      return async () => {
        service.fault = null;
      };
    };
    return {
      provider: createHyokProvider(options),
      makeFault: during,
      revoke: () => during('refused'),
      dispose: async () => {
        await service.close();
        await house.remove();
      },
    };
  });

let service: KeyService;
let house: Awaited<ReturnType<typeof makeHouse>>;
beforeAll(async () => {
  [service, house] = [await startKeyService(), await makeHouse()];
});
afterAll(async () => {
  await service.close();
  await house.remove();
});

async function make(extra: Partial<HyokConfiguration> = {}, allowed = rules): Promise<RootProvider> {
  const configuration = await configure(service, extra);
  const { epochs } = house;
  const options = { name: 'theirs', configuration, rules: allowed, epochs, randomBytes: systemRandomBytes };
  return createHyokProvider(options);
}

test.each([
  ['redirect', 'HTTP 302'],
  ['oversized', 'more than 16384 bytes'],
  ['not_json', 'is not { kid, jwe }'],
  ['other_kid', 'another key than "key-1"'],
  ['other_algorithm', 'A256GCM'],
  ['short_key', 'holds 16 bytes instead of 32'],
  ['old_answer', 'old answer'],
] as const)('an answer that is wrong (%s) is refused, and its cause is clear', async (fault, message) => {
  const provider = await make();
  const wrapped = await provider.wrap(tenant, 1, randomBytes(32));
  service.fault = fault;
  try {
    const call = provider.unwrap(tenant, 1, wrapped);
    await expect(call).rejects.toMatchObject({ code: 'ERR_CRYPTO_ROOT' });
    await expect(provider.unwrap(tenant, 1, wrapped)).rejects.toThrow(message);
    expect((await provider.health()).ok).toBe(false);
  } finally {
    service.fault = null;
  }
});

test('the bearer secret is sent, and a service that does not take it refuses the key', async () => {
  service.bearer = 'right';
  try {
    const provider = await make({ bearer: 'right' });
    const wrapped = await provider.wrap(tenant, 2, randomBytes(32));
    expect(service.calls.authorization.at(-1)).toBe('Bearer right');
    service.bearer = 'another';
    await expect(provider.unwrap(tenant, 2, wrapped)).rejects.toMatchObject({
      code: 'ERR_CRYPTO_KEY_REVOKED',
      expose: true,
      message: expect.stringContaining("tenant's own key service refused"),
    });
  } finally {
    service.bearer = null;
  }
});

test('an epoch goes on opening by the key id it was wrapped under when newer epochs use another', async () => {
  const configuration = await configure(service);
  const { epochs } = house;
  const options = { name: 'theirs', rules, epochs, randomBytes: systemRandomBytes };
  const key = randomBytes(32);
  const wrapped = await createHyokProvider({ ...options, configuration }).wrap(tenant, 3, key);
  service.keys.set('key-2', randomBytes(32));
  const later = createHyokProvider({ ...options, configuration: { ...configuration, keyId: 'key-2' } });
  expect((await later.unwrap(tenant, 3, wrapped)).equals(key)).toBe(true);
  const fresh = await later.wrap(tenant, 4, key);
  service.keys.delete('key-2');
  await expect(later.unwrap(tenant, 4, fresh)).rejects.toMatchObject({ code: 'ERR_CRYPTO_KEY_REVOKED' });
});

test('a row that was changed is refused before the key service is asked', async () => {
  const provider = await make();
  const wrapped = await provider.wrap(tenant, 5, randomBytes(32));
  const before = service.calls.count;
  for (const at of [0, 1, 3, 8, 12, wrapped.length - 70, wrapped.length - 1]) {
    const copy = Buffer.from(wrapped);
    copy[at] = (copy[at] ?? 0) ^ 1;
    await expect(provider.unwrap(tenant, 5, copy)).rejects.toMatchObject({ code: 'ERR_CRYPTO_ROOT' });
  }
  expect(service.calls.count).toBe(before);
});

test('the key service alone does not open a copy of the database: the secret of the house is needed too', async () => {
  const provider = await make();
  const wrapped = await provider.wrap(tenant, 6, randomBytes(32));
  const configuration = await configure(service);
  const stranger = await makeHouse();
  const options = { name: 'theirs', configuration, rules, randomBytes: systemRandomBytes };
  const elsewhere = createHyokProvider({ ...options, epochs: stranger.epochs });
  await expect(elsewhere.unwrap(tenant, 6, wrapped)).rejects.toMatchObject({ code: 'ERR_CRYPTO_ROOT' });
  await stranger.remove();
});

const production = { development: false, allowPrivate: false };

test.each([
  'http://keys.example/k',
  'https://user:secret@keys.example/k',
  'https://127.0.0.1/k',
  'https://[::1]/k',
  'https://169.254.169.254/latest/meta-data',
  'https://10.1.2.3/k',
  'https://192.168.1.1/k',
  'https://[::ffff:10.0.0.1]/k',
  'https://[fd00::1]/k',
  'https://0x7f000001/k',
  'https://2130706433/k',
  'ftp://keys.example/k',
  'not a url',
])('the address %s is refused in production', (url) => {
  expect(() => requireKeyServiceUrl(url, production)).toThrow(
    expect.objectContaining({ code: 'ERR_CRYPTO_INPUT' }),
  );
});

test('a name that leads to this machine is refused in production when it is called, whatever it was when it was stored', async () => {
  const provider = await make(
    { url: service.url.replace('http:', 'https:').replace('127.0.0.1', 'localhost') },
    production,
  );
  const before = service.calls.count;
  await expect(provider.wrap(tenant, 7, randomBytes(32))).rejects.toThrow(
    'leads to an address that is not public',
  );
  expect(service.calls.count).toBe(before);
});

test('private networks are allowed to who configures them, this machine and its link never', () => {
  const own = { development: false, allowPrivate: true };
  expect(['10.0.0.1', 'fd00::1', '8.8.8.8'].map((address) => isAllowedAddress(address, own))).toEqual([
    true,
    true,
    true,
  ]);
  expect(
    ['127.0.0.1', '169.254.169.254', '::1', '::ffff:127.0.0.1', 'fe80::1', '0.0.0.0'].map((address) =>
      isAllowedAddress(address, own),
    ),
  ).toEqual(Array.from({ length: 6 }, () => false));
});

async function makeCertificate(folder: string): Promise<{ key: string; cert: string }> {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const files = ['-keyout', key, '-out', cert, '-days', '2', '-nodes'];
  await promisify(execFile)('openssl', [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    ...files,
    ...subject,
  ]);
  return { key: await readFile(key, 'utf8'), cert: await readFile(cert, 'utf8') };
}

test('over TLS only the authority that was configured is trusted', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-tls-'));
  const pair = await makeCertificate(folder);
  const secured = await startKeyService(pair);
  try {
    const { epochs } = house;
    const options = { name: 'theirs', rules, epochs, randomBytes: systemRandomBytes };
    const configuration = await configure(secured);
    const key = randomBytes(32);
    await expect(createHyokProvider({ ...options, configuration }).wrap(tenant, 8, key)).rejects.toThrow(
      'is not trusted',
    );
    const trusting = { ...configuration, certificateAuthority: pair.cert };
    const provider = createHyokProvider({ ...options, configuration: trusting });
    const wrapped = await provider.wrap(tenant, 8, key);
    expect((await provider.unwrap(tenant, 8, wrapped)).equals(key)).toBe(true);
  } finally {
    await secured.close();
    await rm(folder, { recursive: true });
  }
});
