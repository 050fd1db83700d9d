import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { FastifyInstance } from 'fastify';
import { createMutualTlsAgent } from '../../crypto/index.ts';
import { startDataService } from '../../examples/mutual-tls/data-service.ts';
import { main } from '../../cli/main.ts';
import {
  parsePrincipalId,
  parseTenantId,
  silentLogger,
  systemRandomBytes,
  uuidv7,
  type Principal,
} from '../../kernel/index.ts';
import { createHttpServer } from '../../server/http.ts';
import { createMetrics } from '../../server/metrics.ts';
import { testUnless } from '../support/skip.ts';
import { call, startTestHouse, type Answer, type TestHouse } from '../support/house.ts';

const run = promisify(execFile);
const noOpenssl = await run('openssl', ['version']).then(
  () => null,
  () => 'openssl is not installed',
);
let house: TestHouse;
let door: FastifyInstance;
let folder: string;
let url: string;

/** A second door to the same house, where people come with a fresh second factor: their routes, decisions and log are the real ones. */
beforeAll(async () => {
  house = await startTestHouse({ contacts: 2 });
  folder = await mkdtemp(join(tmpdir(), 'gatehouse-cert-'));
  const { policy, audit, routes } = house.house;
  door = await createHttpServer({
    routes,
    authorize: {
      authenticate: async ({ headers }) => {
        const [role = '', level = '2', slug = 'acme'] = String(headers['authorization'])
          .replace('Bearer ', '')
          .split('.');
        return { principal: person(role, Number(level), slug) };
      },
      decide: policy.decide,
      audit,
      now: () => new Date(),
    },
    logger: silentLogger,
    newId: () => uuidv7(Date.now(), systemRandomBytes),
    metrics: createMetrics(),
    publicUrl: house.url,
    trustProxy: false,
    extend: async () => undefined,
  });
  url = await door.listen({ host: '127.0.0.1', port: 0 });
}, 60_000);
afterAll(async () => {
  await door.close();
  await house.close();
  await rm(folder, { recursive: true });
});

const tenantOf = (slug: string) =>
  parseTenantId(house.tenants.find((tenant) => tenant.slug === slug)?.id ?? '');

function person(role: string, level: number, slug: string): Principal {
  return {
    kind: 'user',
    tenantId: tenantOf(slug),
    id: parsePrincipalId('01936d1c-0000-7000-8000-0000000000aa'),
    displayName: role,
    email: null,
    roles: [role],
    attributes: {},
    assurance: { level: level as 1 | 2, authenticatedAt: new Date(), methods: ['pwd'] }, // the tests name 1 or 2
    sessionId: null,
  };
}

const as = (who: string, method: string, path: string, body?: unknown): Promise<Answer> =>
  call(url, method, path, body, { authorization: `Bearer ${who}` });
const server = {
  profile: 'mtls-server',
  commonName: 'contacts',
  names: [{ kind: 'dns', value: 'contacts.example' }],
};

test('a person with a fresh second factor issues; the answer holds no key and the trail holds the event', async () => {
  const made = await as('security_admin', 'POST', '/v1/crypto/certificates', server);
  expect(made).toMatchObject({ status: 201, body: { state: 'valid', keyHeld: true, exportable: false } });
  expect(JSON.stringify(made.body)).not.toMatch(/PRIVATE/);
  const read = await as('security_admin', 'GET', `/v1/crypto/certificates/${made.body.id}`);
  expect(read.body).toMatchObject({
    inspection: { findings: [], purposes: ['1.3.6.1.5.5.7.3.1'] },
    samlMetadata: null,
  });
  const auditor = await house.as('acme', 'auditor');
  const trail = await auditor('GET', '/v1/audit/events?action=crypto.certificate_issued');
  const [event] = trail.body.items;
  expect(event).toMatchObject({
    targets: [{ type: 'crypto.certificate', id: made.body.id }],
    requestId: expect.any(String),
  });
});

test('without the second factor, without the right, and as a machine nobody issues', async () => {
  expect(await as('security_admin.1', 'POST', '/v1/crypto/certificates', server)).toMatchObject({
    status: 401,
    body: { code: 'ERR_STEP_UP_REQUIRED' },
  });
  for (const role of ['marketer', 'auditor', 'dpo', 'platform_engineer'])
    expect((await as(role, 'POST', '/v1/crypto/certificates', server)).status).toBe(403);
  const machine = await house.as('acme', 'security_admin');
  expect((await machine('POST', '/v1/crypto/certificates', server)).status).toBe(401);
});

test('the list comes in pages, and another tenant sees nothing of it', async () => {
  for (let i = 0; i < 3; i += 1) await as('security_admin', 'POST', '/v1/crypto/certificates', server);
  const first = await as('auditor', 'GET', '/v1/crypto/certificates?limit=2&profile=mtls-server');
  const next = await as('auditor', 'GET', `/v1/crypto/certificates?limit=2&cursor=${first.body.nextCursor}`);
  const ids = [...first.body.items, ...next.body.items].map((item: { id: string }) => item.id);
  expect([new Set(ids).size, first.body.items.length]).toEqual([ids.length, 2]);
  expect((await as('auditor', 'GET', '/v1/crypto/certificates?cursor=nonsense')).status).toBe(400);
  const other = house.tenants.find(({ slug }) => slug !== 'acme')?.slug ?? '';
  expect((await as(`security_admin.2.${other}`, 'GET', '/v1/crypto/certificates')).body.items).toEqual([]);
  for (const [method, rest] of [
    ['GET', ''],
    ['POST', '/renew'],
    ['POST', '/bundle'],
  ] as const)
    expect(
      (
        await as(
          `security_admin.2.${other}`,
          method,
          `/v1/crypto/certificates/${ids[0]}${rest}`,
          method === 'GET' ? undefined : {},
        )
      ).status,
    ).toBe(404);
});

test('a revocation stands at once in the list that everybody may fetch', async () => {
  const made = (await as('security_admin', 'POST', '/v1/crypto/certificates', server)).body;
  const revoked = await as('security_admin', 'POST', `/v1/crypto/certificates/${made.id}/revoke`, {
    reason: 'key_compromise',
  });
  expect(revoked.body).toMatchObject({ state: 'revoked', revocationReason: 'key_compromise' });
  const leaf = new X509Certificate(made.certificate);
  const [authority] = (await as('auditor', 'GET', '/v1/crypto/authorities')).body.items;
  expect(authority.crlUrl).toBe(`${house.url}/v1/crypto/crl/${tenantOf('acme')}/${authority.id}`);
  const list = await fetch(authority.crlUrl);
  const der = Buffer.from(await list.arrayBuffer());
  expect([list.status, list.headers.get('content-type')]).toEqual([200, 'application/pkix-crl']);
  expect(der.includes(Buffer.from(made.serial, 'hex'))).toBe(true);
  expect(made.certificate).toBe(leaf.toString());
  expect(leaf.raw.includes(Buffer.from(authority.crlUrl))).toBe(true);
});

describe('what is not there or not right', () => {
  const none = '01936d1c-0000-7000-8000-0000000000ff';
  const cases: readonly (readonly [string, string, string, unknown, number])[] = [
    ['a certificate that is not there', 'GET', `/v1/crypto/certificates/${none}`, undefined, 404],
    ['an id that is none', 'GET', '/v1/crypto/certificates/1', undefined, 404],
    ['the renewal of nothing', 'POST', `/v1/crypto/certificates/${none}/renew`, {}, 404],
    [
      'the revocation of nothing',
      'POST',
      `/v1/crypto/certificates/${none}/revoke`,
      { reason: 'unspecified' },
      404,
    ],
    ['a reason that is none', 'POST', `/v1/crypto/certificates/${none}/revoke`, { reason: 'because' }, 400],
    ['the list of no authority', 'POST', `/v1/crypto/authorities/${none}/crl`, undefined, 404],
    ['the list of nobody', 'GET', `/v1/crypto/crl/${none}/${none}`, undefined, 404],
    [
      'a wildcard',
      'POST',
      '/v1/crypto/certificates',
      { ...server, names: [{ kind: 'dns', value: '*.a' }] },
      400,
    ],
    ['a field that nobody knows', 'POST', '/v1/crypto/certificates', { ...server, isAuthority: true }, 400],
    ['text for a certificate', 'POST', '/v1/crypto/certificates/inspect', { certificate: 'x' }, 400],
  ];
  test.each(cases)('%s is answered so', async (_, method, path, body, status) => {
    expect((await as('security_admin', method, path, body)).status).toBe(status);
  });
});

test('readiness and the overview say how the certificates stand', async () => {
  const ready = await call(house.url, 'GET', '/health/ready');
  expect(ready.body.checks).toContainEqual({
    name: 'certificates',
    ok: true,
    detail: 'every revocation list is fresh',
  });
  const overview = await as('security_admin', 'GET', '/v1/overview');
  const tile = overview.body.posture.find(({ id }: { id: string }) => id === 'crypto.certificates');
  expect(tile).toMatchObject({ state: 'ok', detail: 'none ends soon; every revocation list is fresh' });
});

testUnless(
  noOpenssl,
  'the example data service runs as its page says: request, certificate, trust, call, revocation',
  async () => {
    const key = join(folder, 'server.key');
    const csr = join(folder, 'server.csr');
    await run('openssl', [
      ...['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key],
      ...['-out', csr, '-subj', '/CN=contacts', '-addext', 'subjectAltName=DNS:contacts.internal'],
    ]);
    const issued = await cert(
      'issue',
      '--profile',
      'mtls-server',
      '--name',
      'contacts',
      '--csr',
      csr,
      '--json',
    );
    await writeFile(
      join(folder, 'server.pem'),
      (JSON.parse(issued.out) as { certificate: string }).certificate,
    );
    await writeFile(join(folder, 'authorities.pem'), (await cert('crl', '--pem', 'authorities')).out);
    const caller = ['--profile', 'mtls-client', '--name', 'caller', '--uri', 'spiffe://acme/gateway'];
    const { id } = JSON.parse((await cert('issue', ...caller, '--json')).out) as { id: string };
    const { items } = (await as('auditor', 'GET', '/v1/crypto/authorities')).body;
    const lines: string[] = [];
    const service = await startDataService({
      folder,
      port: 0,
      client: 'spiffe://acme/gateway',
      listUrls: items.map((item: { crlUrl: string }) => item.crlUrl),
      everyMilliseconds: 50,
      report: (line) => void lines.push(line),
    });
    const name = { profile: 'mtls-client', commonName: 'caller' } as const;
    const client = createMutualTlsAgent({ material: await house.house.pki.material(tenantOf('acme'), name) });
    const ask = (): Promise<string> =>
      new Promise((done) => {
        const target = {
          host: '127.0.0.1',
          servername: 'contacts.internal',
          port: service.port,
          agent: client.agent,
        };
        const asked = request(target, (response) =>
          response.once('data', (chunk: Buffer) => done(chunk.toString())),
        );
        asked.once('error', () => done('refused'));
        asked.end();
      });
    expect(await ask()).toContain('Oslo');
    await as('security_admin', 'POST', `/v1/crypto/certificates/${id}/revoke`, { reason: 'key_compromise' });
    while ((await ask()) !== 'refused') await sleep(20);
    expect(lines.at(-1)).toMatch(/^refused: CERT_REVOKED/);
    client.close();
    await service.stop();
  },
  60_000,
);

const cert = async (...argv: string[]): Promise<{ readonly code: number; readonly out: string }> => {
  const lines: string[] = [];
  const io = { out: (text: string) => void lines.push(text), error: (text: string) => void lines.push(text) };
  const environment = { GATEHOUSE_TOKEN: 'security_admin', GATEHOUSE_URL: url };
  const code = await main(['crypto', 'cert', ...argv], { ...io, environment });
  return { code, out: lines.join('\n') };
};

test('the command issues, lists, renews, bundles, inspects, revokes and shows the lists', async () => {
  const issued = await cert(
    'issue',
    '--profile',
    'mtls-client',
    '--name',
    'gateway',
    '--dns',
    'gw.example,gw2.example',
    '--uri',
    'spiffe://acme/gateway',
    '--exportable',
    '--json',
  );
  const made = JSON.parse(issued.out) as { id: string; certificate: string; names: unknown[] };
  expect([issued.code, made.names.length]).toEqual([0, 3]);
  expect((await cert('list', '--profile', 'mtls-client')).out).toContain(made.id);
  const renewed = JSON.parse((await cert('renew', made.id, '--json')).out) as { renews: string };
  expect(renewed.renews).toBe(made.id);
  const file = join(folder, 'gateway.p12');
  expect((await cert('bundle', made.id, '--out', file)).out).toMatch(/password, told once: [\w-]{24}$/);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect((await readFile(file))[0]).toBe(0x30);
  expect((await cert('bundle', made.id, '--out', file)).code).not.toBe(0); // never over a file that is there
  const pem = join(folder, 'gateway.pem');
  await writeFile(pem, made.certificate);
  expect(await cert('inspect', pem)).toMatchObject({
    code: 0,
    out: expect.stringContaining('spiffe://acme/gateway'),
  });
  expect((await cert('revoke', made.id, '--reason', 'superseded')).code).toBe(0);
  expect(await cert('inspect', made.id)).toMatchObject({
    code: 1,
    out: expect.stringContaining('! it is revoked'),
  });
  expect(await cert('crl', '--publish')).toMatchObject({
    code: 0,
    out: expect.stringMatching(/list \d+ with \d+ entries/),
  });
  expect((await cert('crl', '--pem', 'authorities')).out).toMatch(/^-----BEGIN CERTIFICATE-----/);
  expect((await cert('crl', '--pem', 'lists')).out).toMatch(/^-----BEGIN X509 CRL-----/);
  expect((await cert('revoke', 'nonsense', '--reason', 'superseded')).code).toBe(2);
  expect((await cert('issue', '--name', 'x')).code).toBe(2);
}, 60_000);
