import { once } from 'node:events';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect, type ConnectionOptions, type SecureVersion, type TLSSocket } from 'node:tls';
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { systemRandomBytes } from '../../kernel/index.ts';
import { buildEndCertificate, makeSerial, toPem } from './build-certificate.ts';
import { createMutualTlsAgent, type MutualTlsAgent, type MutualTlsAgentOptions } from './mutual-tls-agent.ts';
import type { Refusal } from './mutual-tls-judge.ts';
import {
  createMutualTlsServer,
  type MutualTlsServer,
  type MutualTlsServerOptions,
} from './mutual-tls-server.ts';
import {
  day,
  makeTestAuthority,
  materialOf,
  revoked,
  type TestAuthority,
  type TestEnd,
} from './pki-fixture.ts';
import { profiles } from './profiles.ts';
import type { AuthorityAlgorithm, MutualTlsMaterial } from './types.ts';

const serverProfile = { profile: profiles['mtls-server'] };
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

type Answer = { readonly status: number | null; readonly error: string | null };
type House = { readonly tls: MutualTlsServer; readonly port: number; readonly refusals: Refusal[] };

async function serve(
  material: MutualTlsMaterial,
  extra: Partial<MutualTlsServerOptions> = {},
): Promise<House> {
  const refusals: Refusal[] = [];
  const tls = createMutualTlsServer({
    material,
    handler: (_request, response) => response.end('personal data'),
    onRefused: (refusal) => void refusals.push(refusal),
    ...extra,
  });
  tls.server.listen(0, '127.0.0.1');
  await once(tls.server, 'listening');
  closing.push(tls.close);
  return { tls, refusals, port: (tls.server.address() as AddressInfo).port }; // listening on TCP
}

function agentFor(material: MutualTlsMaterial, extra: Partial<MutualTlsAgentOptions> = {}): MutualTlsAgent {
  const made = createMutualTlsAgent({ material, ...extra });
  closing.push(made.close);
  return made;
}

/** One request; `host` is the name that is checked against the server's certificate. */
function get(port: number, options: object, host = 'localhost'): Promise<Answer> {
  return new Promise((done) => {
    const call = request({ host: '127.0.0.1', servername: host, port, path: '/', ...options }, (response) => {
      response.resume();
      response.once('end', () => done({ status: response.statusCode ?? null, error: null }));
    });
    call.once('error', (error: NodeJS.ErrnoException) =>
      done({ status: null, error: error.code ?? error.message }),
    );
    call.end();
  });
}

const bare = (end: TestEnd | null, authority: TestAuthority, version: SecureVersion): ConnectionOptions => ({
  ...(end === null ? {} : { cert: end.pem, key: end.privateKeyPem }),
  ca: authority.pem,
  minVersion: version,
  maxVersion: version,
});

const combinations: readonly (readonly [AuthorityAlgorithm, SecureVersion])[] = [
  ['ec-p256', 'TLSv1.3'],
  ['ec-p256', 'TLSv1.2'],
  ['rsa-3072', 'TLSv1.3'],
  ['rsa-3072', 'TLSv1.2'],
];

describe.each(combinations)('mutual TLS with %s over %s', (algorithm, version) => {
  let authority: TestAuthority;
  let server: TestEnd;
  let client: TestEnd;
  let house: House;

  beforeAll(async () => {
    authority = await makeTestAuthority(algorithm);
    server = await authority.issue(serverProfile);
    client = await authority.issue();
  }, 60_000);

  const open = async (extra: Partial<MutualTlsServerOptions> = {}, crl = authority.crl()): Promise<void> => {
    house = await serve(materialOf(server, [authority], [crl]), extra);
  };
  const as = (end: TestEnd | null): Promise<Answer> =>
    get(house.port, { ...bare(end, authority, version), agent: false });
  const refused = { status: null, error: expect.any(String) };
  const cause = (): unknown => house.refusals.map((refusal) => refusal.cause);

  test('a good client is served, and its protocol is the one asked for', async () => {
    await open();
    expect(await as(client)).toEqual({ status: 200, error: null });
    expect(house.refusals).toEqual([]);
  });

  test('a client without a certificate is refused', async () => {
    await open();
    expect(await as(null)).toEqual(refused);
    expect(house.refusals).toMatchObject([
      { side: 'server', cause: 'NO_CERTIFICATE', serial: null, protocol: version },
    ]);
  });

  test('a client of another authority is refused', async () => {
    const other = await makeTestAuthority(algorithm, `Another ${algorithm}`);
    await open();
    expect(await as(await other.issue())).toEqual(refused);
    expect(house.refusals).toMatchObject([{ cause: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', isOurs: false }]);
  });

  test('a client of an authority of the same name with another key is refused', async () => {
    const twin = await makeTestAuthority(algorithm, `Twin ${algorithm}`);
    const sameName = { ...twin.issuer, commonName: authority.issuer.commonName };
    const serial = makeSerial(systemRandomBytes);
    const facts = { serial, commonName: 'forged', publicKey: client.keys.publicKey };
    const dates = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + day) };
    const content = { profile: profiles['mtls-client'], names: [], crlUrl: null };
    const der = buildEndCertificate({ ...facts, ...dates }, sameName, content);
    await open();
    expect(await as({ ...client, der, pem: toPem('CERTIFICATE', der) })).toEqual(refused);
    expect(house.refusals).toMatchObject([{ isOurs: false }]);
  });

  test('an expired client is refused', async () => {
    await open();
    expect(await as(await authority.issue({ from: -2 * day, until: -day }))).toEqual(refused);
    expect(cause()).toEqual(['CERT_HAS_EXPIRED']);
  });

  test('a client that is not valid yet is refused', async () => {
    await open();
    expect(await as(await authority.issue({ from: day }))).toEqual(refused);
    expect(cause()).toEqual(['CERT_NOT_YET_VALID']);
  });

  test('a server’s certificate does not make a client', async () => {
    await open();
    expect(await as(await authority.issue(serverProfile))).toEqual(refused);
    expect(cause()).toEqual(['INVALID_PURPOSE']);
  });

  test('a revoked client is refused, and the record names its serial number', async () => {
    await open({}, authority.crl([revoked(client.serial)]));
    expect(await as(client)).toEqual(refused);
    const serial = client.serial.toString('hex').toUpperCase();
    expect(house.refusals).toMatchObject([{ cause: 'CERT_REVOKED', isOurs: true, serial }]);
  });

  test('a self-signed client is refused', async () => {
    const issuer = { commonName: 'self', ...client.keys };
    const facts = {
      serial: makeSerial(systemRandomBytes),
      commonName: 'self',
      publicKey: client.keys.publicKey,
    };
    const dates = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + day) };
    const content = { profile: profiles['mtls-client'], names: [], crlUrl: null };
    const der = buildEndCertificate({ ...facts, ...dates }, issuer, content);
    await open();
    expect(await as({ ...client, der, pem: toPem('CERTIFICATE', der) })).toEqual(refused);
    expect(cause()).toEqual(['DEPTH_ZERO_SELF_SIGNED_CERT']);
  });

  test('a list that is over refuses everybody', async () => {
    await open({}, authority.crl([], { from: -2 * day, until: -day }));
    expect(await as(client)).toEqual(refused);
    expect(cause()).toEqual(['CRL_HAS_EXPIRED']);
  });

  test('without the list of its authority nobody is served', async () => {
    house = await serve(materialOf(server, [authority], []));
    expect(await as(client)).toEqual(refused);
    expect(cause()).toEqual(['UNABLE_TO_GET_CRL']);
  });

  test('a client that is not among the allowed names is refused', async () => {
    await open({
      allow: (names) => names.some(({ kind, value }) => kind === 'uri' && value === 'spiffe://t/gateway'),
    });
    const gateway = await authority.issue({ names: [{ kind: 'uri', value: 'spiffe://t/gateway' }] });
    expect(await as(client)).toEqual(refused);
    expect(await as(gateway)).toMatchObject({ status: 200 });
    expect(cause()).toEqual(['NOT_ALLOWED']);
  });

  test('the list of revoked clients is taken without a restart and ends the open connection', async () => {
    await open();
    const socket = connect({
      host: '127.0.0.1',
      port: house.port,
      servername: 'localhost',
      ...bare(client, authority, version),
    });
    await once(socket, 'secureConnect');
    await answered(socket);
    const other = await authority.issue({ names: [{ kind: 'dns', value: 'other' }] });
    const gone = once(socket, 'close');
    const ended = house.tls.reload(
      materialOf(server, [authority], [authority.crl([revoked(client.serial)])]),
    );
    await gone;
    expect(ended).toEqual({ ended: 1 });
    expect(await as(client)).toEqual(refused);
    expect(await as(other)).toMatchObject({ status: 200 });
    expect(cause()).toEqual(['CERT_REVOKED', 'CERT_REVOKED']);
  });

  test('a session that was good resumes; after its client was revoked it does not', async () => {
    await open();
    const options = {
      host: '127.0.0.1',
      port: house.port,
      servername: 'localhost',
      ...bare(client, authority, version),
    };
    const first = connect(options);
    const [[session]] = (await Promise.all([
      once(first, 'session'),
      once(first, 'secureConnect').then(() => answered(first)),
    ])) as [[Buffer], void];
    first.destroy();
    const again = connect({ ...options, session });
    await once(again, 'secureConnect');
    await answered(again);
    expect(again.isSessionReused()).toBe(true);
    again.destroy();
    house.tls.reload(materialOf(server, [authority], [authority.crl([revoked(client.serial)])]));
    house.refusals.length = 0; // the server may not have seen yet that the second socket is gone
    expect(await get(house.port, { ...bare(client, authority, version), session, agent: false })).toEqual(
      refused,
    );
    expect(cause()).toEqual(['CERT_REVOKED']);
  });

  test('after any change of the list no older session is resumed, that of a good client neither', async () => {
    await open();
    const options = {
      host: '127.0.0.1',
      port: house.port,
      servername: 'localhost',
      ...bare(client, authority, version),
    };
    const first = connect(options);
    const [[session]] = (await Promise.all([
      once(first, 'session'),
      once(first, 'secureConnect').then(() => answered(first)),
    ])) as [[Buffer], void];
    first.destroy();
    house.tls.reload(materialOf(server, [authority], [authority.crl([revoked(server.serial)])]));
    const again = connect({ ...options, session });
    await once(again, 'secureConnect');
    await answered(again);
    expect(again.isSessionReused()).toBe(false);
    again.destroy();
  });

  test('the agent talks to a good server and keeps its connection', async () => {
    await open();
    const { agent } = agentFor(materialOf(client, [authority], [authority.crl()]));
    const connections: unknown[] = [];
    house.tls.server.on('secureConnection', (socket) => connections.push(socket));
    expect(await get(house.port, { agent, maxVersion: version })).toMatchObject({ status: 200 });
    expect(await get(house.port, { agent, maxVersion: version })).toMatchObject({ status: 200 });
    expect(connections).toHaveLength(1);
  });

  const other = (): Promise<TestAuthority> => makeTestAuthority(algorithm, `Another ${algorithm}`);
  const bad: readonly (readonly [string, string, string, () => Promise<TestEnd>])[] = [
    ['of another host', 'ERR_TLS_CERT_ALTNAME_INVALID', 'elsewhere.example', async () => server],
    ['with a client’s certificate', 'INVALID_PURPOSE', 'localhost', async () => client],
    ['that is revoked', 'CERT_REVOKED', 'localhost', () => authority.issue(serverProfile)],
    [
      'of another authority',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'localhost',
      async () => (await other()).issue(serverProfile),
    ],
    [
      'that expired',
      'CERT_HAS_EXPIRED',
      'localhost',
      () => authority.issue({ ...serverProfile, from: -2 * day, until: -day }),
    ],
    [
      'that is not valid yet',
      'CERT_NOT_YET_VALID',
      'localhost',
      () => authority.issue({ ...serverProfile, from: day }),
    ],
  ];
  test.each(bad)('the agent refuses a server %s: %s', async (_, expected, host, make) => {
    const end = await make();
    const stranger = await other();
    const place = await serve(materialOf(end, [authority, stranger], [authority.crl(), stranger.crl()]));
    const refusals: Refusal[] = [];
    const crl = authority.crl(expected === 'CERT_REVOKED' ? [revoked(end.serial)] : []);
    const { agent } = agentFor(materialOf(client, [authority], [crl]), {
      onRefused: (refusal) => void refusals.push(refusal),
    });
    expect(await get(place.port, { agent }, host)).toEqual({ status: null, error: expect.any(String) });
    expect(refusals).toMatchObject([
      { side: 'client', cause: expected, serial: end.serial.toString('hex').toUpperCase() },
    ]);
  });

  test('the agent takes a new certificate without a restart, and ends connections to a revoked server', async () => {
    await open();
    const made = agentFor(materialOf(client, [authority], [authority.crl()]));
    const seen: string[] = [];
    house.tls.server.on('secureConnection', (socket) =>
      seen.push(socket.getPeerX509Certificate()?.serialNumber ?? ''),
    );
    expect(await get(house.port, { agent: made.agent })).toMatchObject({ status: 200 });
    const renewed = await authority.issue();
    made.reload(materialOf(renewed, [authority], [authority.crl()]));
    expect(await get(house.port, { agent: made.agent })).toMatchObject({ status: 200 });
    expect(seen).toEqual([client, renewed].map(({ serial }) => serial.toString('hex').toUpperCase()));
    const after = made.reload(materialOf(renewed, [authority], [authority.crl([revoked(server.serial)])]));
    expect(after.ended).toBeGreaterThanOrEqual(1);
    expect(await get(house.port, { agent: made.agent })).toEqual({ status: null, error: 'CERT_REVOKED' });
  });
});

/** A whole answer over a socket, so that the server has judged it. */
async function answered(socket: TLSSocket): Promise<void> {
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  expect(chunk.toString('latin1')).toMatch(/^HTTP\/1.1 200/);
}

describe('a connection', () => {
  test('cannot change its certificate after it was judged', async () => {
    const authority = await makeTestAuthority('ec-p256');
    const client = await authority.issue();
    const house = await serve(
      materialOf(await authority.issue(serverProfile), [authority], [authority.crl()]),
    );
    const target = { host: '127.0.0.1', port: house.port, servername: 'localhost' };
    const socket = connect({ ...target, ...bare(client, authority, 'TLSv1.2') });
    await once(socket, 'secureConnect');
    await answered(socket);
    const outcome = await new Promise<string>((done) => {
      socket.once('close', () => done('closed'));
      socket.on('error', () => undefined);
      socket.renegotiate({}, (error) => done(error === null ? 'renegotiated' : 'refused'));
    });
    expect(outcome).not.toBe('renegotiated');
    socket.destroy();
  });

  test('that does not even speak TLS, or too old a version, is recorded with its reason', async () => {
    const authority = await makeTestAuthority('ec-p256');
    const house = await serve(
      materialOf(await authority.issue(serverProfile), [authority], [authority.crl()]),
    );
    await expect(fetch(`http://127.0.0.1:${house.port}/`)).rejects.toThrow();
    const old = connect({
      host: '127.0.0.1',
      port: house.port,
      maxVersion: 'TLSv1.1',
      minVersion: 'TLSv1',
      ciphers: 'ALL:@SECLEVEL=0',
    });
    await once(old, 'error');
    expect(house.refusals.map(({ cause }) => cause)).toEqual([
      'ERR_SSL_HTTP_REQUEST',
      'ERR_SSL_UNSUPPORTED_PROTOCOL',
    ]);
  });
});

describe('material', () => {
  test('what is broken or older never takes the place of what works', async () => {
    const authority = await makeTestAuthority('ec-p256');
    const other = await makeTestAuthority('ec-p256', 'Another ec-p256');
    const server = await authority.issue(serverProfile);
    const client = await authority.issue();
    const old = authority.crl([], { from: -3 * day });
    const house = await serve(materialOf(server, [authority], [authority.crl()]));
    const worse: readonly MutualTlsMaterial[] = [
      materialOf(server, [authority], [old]),
      materialOf(server, [authority], [other.crl()]),
      materialOf(server, [authority], ['no list']),
      materialOf(server, [], []),
      { ...materialOf(server, [authority], [authority.crl()]), privateKey: client.keys.privateKey },
    ];
    for (const material of worse)
      expect(() => house.tls.reload(material)).toThrow(
        expect.objectContaining({ code: 'ERR_CRYPTO_CERTIFICATE' }),
      );
    expect(await get(house.port, { ...bare(client, authority, 'TLSv1.3'), agent: false })).toMatchObject({
      status: 200,
    });
  });

  test('an open connection is ended when its certificate or the list is over, without a reload', async () => {
    const authority = await makeTestAuthority('ec-p256');
    const server = await authority.issue(serverProfile);
    const client = await authority.issue();
    let later = 0;
    const house = await serve(materialOf(server, [authority], [authority.crl()]), {
      now: () => new Date(Date.now() + later),
      sweepMilliseconds: 5,
    });
    const socket = connect({
      host: '127.0.0.1',
      port: house.port,
      servername: 'localhost',
      ...bare(client, authority, 'TLSv1.3'),
    });
    await once(socket, 'secureConnect');
    await answered(socket);
    const gone = once(socket, 'close');
    later = 8 * day;
    await gone;
    expect(house.refusals).toMatchObject([{ cause: 'CRL_HAS_EXPIRED' }]);
  });
});
