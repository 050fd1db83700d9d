import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  platformTenantId,
  silentLogger,
  systemRandomBytes,
  uuidv7,
  type TenantId,
} from '../../kernel/index.ts';
import { testUnless } from '../../tests/support/skip.ts';
import { createCryptoFixture, type CryptoFixture } from '../crypto-fixture.ts';
import type { Actor, Crypto } from '../types.ts';
import { toPem } from './build-certificate.ts';
import { createMutualTlsAgent } from './mutual-tls-agent.ts';
import { createMutualTlsServer } from './mutual-tls-server.ts';
import { createPki, type Pki } from './pki.ts';
import { day, missingProgram, runOver } from './pki-fixture.ts';
import { readCrl } from './read-crl.ts';
import { samlKeyDescriptor } from './saml.ts';
import type { AlternativeName, Authority, IssueRequest } from './types.ts';

const noOpenssl = await missingProgram('openssl', 'version');
const noKeytool = await missingProgram('keytool', '-help');
const actor: Actor = { kind: 'system', id: 'test', displayName: 'test' };
const localhost: readonly AlternativeName[] = [{ kind: 'dns', value: 'localhost' }];
const client: IssueRequest = { profile: 'mtls-client', commonName: 'gateway', names: localhost };
const server: IssueRequest = { profile: 'mtls-server', commonName: 'contacts', names: localhost };

let fixture: CryptoFixture;
let crypto: Crypto;
beforeAll(async () => {
  fixture = await createCryptoFixture();
  crypto = fixture.make();
});
afterAll(() => fixture.close());

/** A room of certificates whose clock runs ahead by some milliseconds. */
function makePki(
  ahead: () => number = () => 0,
  sealing: Pick<Crypto, 'seal' | 'open' | 'warm'> = crypto,
): Pki {
  return createPki({
    database: fixture.db.database,
    crypto: sealing,
    audit: () => ({
      append: async (tx, event) => tx.onCommit(() => void fixture.events.push(event)),
      record: async (event) => void fixture.events.push(event),
    }),
    clock: { now: () => new Date(Date.now() + ahead()) },
    randomBytes: systemRandomBytes,
    newId: () => uuidv7(Date.now(), systemRandomBytes),
    logger: silentLogger,
    publicUrl: 'https://gatehouse.example',
  });
}

const authoritiesOf = (pki: Pki, tenantId: TenantId): Promise<readonly Authority[]> =>
  fixture.db.database.withTenant(tenantId, pki.authorities);
const eventsOf = (tenantId: TenantId): readonly string[] =>
  fixture.events.filter((event) => event.tenantId === tenantId).map((event) => event.definition.action);

async function csrFor(names: string): Promise<string> {
  const { output } = await runOver('openssl', {}, [
    ...['req', '-new', '-nodes', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-keyout', '{key}'],
    ...['-subj', '/CN=x', '-addext', `subjectAltName=${names}`],
  ]);
  return /-----BEGIN CERTIFICATE REQUEST[\s\S]*REQUEST-----/.exec(output)?.[0] ?? '';
}

describe('issuing', () => {
  test('makes an authority on first use, seals both keys and records both', async () => {
    const pki = makePki();
    const tenantId = await fixture.db.createTenant();
    const made = await pki.issue(tenantId, client, actor);
    const [authority] = await authoritiesOf(pki, tenantId);
    const leaf = new X509Certificate(made.der);
    expect(leaf.verify(new X509Certificate(authority?.der ?? '').publicKey)).toBe(true);
    expect(leaf.serialNumber).toBe(made.serial);
    expect(leaf.infoAccess).toBeUndefined();
    expect(made).toMatchObject({
      keyHeld: true,
      exportable: false,
      renews: null,
      authorityId: authority?.id,
    });
    expect(eventsOf(tenantId)).toEqual(['crypto.authority_created', 'crypto.certificate_issued']);
    const { rows } = await fixture.db.admin(
      `select sealed_private_key as k from crypto.pki_certificate where tenant_id = $1
       union all select sealed_private_key from crypto.pki_authority where tenant_id = $1`,
      [tenantId],
    );
    const pkcs8 = Buffer.from('06072a8648ce3d0201', 'hex'); // id-ecPublicKey
    expect(rows.map(({ k }) => [k[0], k.includes(pkcs8)])).toEqual([
      [1, false],
      [1, false],
    ]);
  });

  test('several first requests at once agree on one authority', async () => {
    const pki = makePki();
    const tenantId = await fixture.db.createTenant();
    await Promise.all([1, 2, 3, 4].map(() => pki.issue(tenantId, client, actor)));
    expect(await authoritiesOf(pki, tenantId)).toHaveLength(1);
  });

  test('another tenant has other authorities and does not see the certificates', async () => {
    const pki = makePki();
    const [one, two] = [await fixture.db.createTenant(), await fixture.db.createTenant()];
    const made = await pki.issue(one, client, actor);
    await pki.issue(two, client, actor);
    expect(await fixture.db.database.withTenant(two, (tx) => pki.find(tx, made.id))).toBeNull();
    await expect(pki.revoke(two, made.id, { reason: 'unspecified', actor })).rejects.toMatchObject({
      status: 404,
    });
    await expect(pki.renew(two, made.id, { actor })).rejects.toMatchObject({ status: 404 });
    await expect(pki.bundle(two, made.id, { format: 'pem', actor })).rejects.toMatchObject({ status: 404 });
    const [ofTwo] = await authoritiesOf(pki, two);
    expect(new X509Certificate(made.der).verify(new X509Certificate(ofTwo?.der ?? '').publicKey)).toBe(false);
  });

  test('the platform has its own authority', async () => {
    const pki = makePki();
    await pki.issue(platformTenantId, client, actor);
    expect((await pki.platformPosture()).valid).toBeGreaterThanOrEqual(1);
  });

  testUnless(
    noOpenssl,
    'a request brings its own key, and its names must be among the named ones',
    async () => {
      const pki = makePki();
      const tenantId = await fixture.db.createTenant();
      const csr = await csrFor('DNS:contacts.example');
      const made = await pki.issue(tenantId, { profile: 'mtls-server', commonName: 'contacts', csr }, actor);
      expect(made).toMatchObject({ keyHeld: false, names: [{ kind: 'dns', value: 'contacts.example' }] });
      await expect(pki.issue(tenantId, { ...server, csr }, actor)).rejects.toThrow(/contacts\.example/);
      await expect(pki.bundle(tenantId, made.id, { format: 'pem', actor })).rejects.toMatchObject({
        status: 409,
      });
    },
  );

  const refused: readonly (readonly [string, Partial<IssueRequest>, RegExp])[] = [
    ['a wildcard', { names: [{ kind: 'dns', value: '*.example.com' }] }, /wildcard/],
    ['no name at all', { names: [] }, /at least one/],
    ['too long a life', { days: 398 }, /397 days/],
    ['no life', { days: 0 }, /1 to 397/],
    ['a common name with a line break', { commonName: 'a\nb' }, /common name/],
    ['a common name with a NUL', { commonName: 'a\0b' }, /common name/],
    ['a self-signed certificate for TLS', { selfSigned: true }, /only a SAML/],
    ['a request and an algorithm', { csr: 'x', algorithm: 'ec-p256' }, /the key is yours/],
  ];
  test.each(refused)('refuses %s', async (_, change, why) => {
    const tenantId = await fixture.db.createTenant();
    await expect(makePki().issue(tenantId, { ...client, ...change }, actor)).rejects.toThrow(why);
    expect(eventsOf(tenantId)).toEqual([]);
  });

  test('an authority that would end before its certificate is followed by the next one, and stays trusted', async () => {
    let ahead = 0;
    const pki = makePki(() => ahead);
    const tenantId = await fixture.db.createTenant();
    await pki.issue(tenantId, client, actor);
    ahead = 3_600 * day;
    const later = await pki.issue(tenantId, client, actor);
    const [second, first] = await authoritiesOf(pki, tenantId);
    expect([second?.generation, first?.generation, later.authorityId]).toEqual([2, 1, second?.id]);
    const trust = await fixture.db.database.withTenant(tenantId, pki.trust);
    expect(trust.authorities).toHaveLength(2);
  });
});

describe('renewing', () => {
  test('gives one successor however often and at once it is asked', async () => {
    const pki = makePki();
    const tenantId = await fixture.db.createTenant();
    const made = await pki.issue(tenantId, { ...client, days: 30 }, actor);
    const all = await Promise.all([1, 2, 3, 4].map(() => pki.renew(tenantId, made.id, { actor })));
    expect(new Set(all.map(({ id }) => id)).size).toBe(1);
    const [next] = all;
    expect(next).toMatchObject({ renews: made.id, commonName: 'gateway', names: localhost });
    expect((next?.notAfter.getTime() ?? 0) - Date.now()).toBeLessThanOrEqual(30 * day);
    expect(
      new X509Certificate(next?.der ?? '').publicKey.equals(new X509Certificate(made.der).publicKey),
    ).toBe(false);
    expect(eventsOf(tenantId).filter((action) => action === 'crypto.certificate_issued')).toHaveLength(2);
  });

  test('happens by itself at two thirds of the life, once, with both certificates good', async () => {
    let ahead = 0;
    const pki = makePki(() => ahead);
    const tenantId = await fixture.db.createTenant();
    const made = await pki.issue(tenantId, { ...client, days: 90 }, actor);
    const before = await pki.material(tenantId, { profile: 'mtls-client', commonName: 'gateway' });
    ahead = 59 * day;
    await pki.maintain(tenantId);
    const state = () =>
      fixture.db.database.withTenant(tenantId, (tx) =>
        pki.list(tx, { after: null, limit: 10, profile: null }),
      );
    expect(await state()).toHaveLength(1);
    ahead = 61 * day;
    await pki.maintain(tenantId);
    await pki.maintain(tenantId);
    const [next, first] = await state();
    expect([next?.renews, first?.renewedBy, (await state()).length]).toEqual([made.id, next?.id, 2]);
    expect(first?.notAfter.getTime()).toBeGreaterThan(Date.now() + ahead);
    const after = await pki.material(tenantId, { profile: 'mtls-client', commonName: 'gateway' });
    expect(after.certificate).not.toBe(before.certificate);
  });

  testUnless(noOpenssl, 'raises an alarm where the key is elsewhere, under one key of its own', async () => {
    let ahead = 0;
    const pki = makePki(() => ahead);
    const tenantId = await fixture.db.createTenant();
    const csr = await csrFor('DNS:a.example');
    const made = await pki.issue(tenantId, { profile: 'mtls-client', commonName: 'a', csr }, actor);
    ahead = 61 * day;
    await pki.maintain(tenantId);
    const alarm = fixture.events.find(
      ({ definition, tenantId: id }) =>
        id === tenantId && definition.action === 'crypto.certificate_expiring',
    );
    expect(alarm).toMatchObject({ idempotencyKey: `certificate-expiring-${made.id}`, outcome: 'failure' });
    await expect(pki.renew(tenantId, made.id, { actor })).rejects.toThrow(/CSR of a new key/);
    expect(await pki.renew(tenantId, made.id, { csr: await csrFor('DNS:a.example'), actor })).toMatchObject({
      renews: made.id,
    });
  });

  test('does not bring a revoked certificate back', async () => {
    const pki = makePki();
    const tenantId = await fixture.db.createTenant();
    const made = await pki.issue(tenantId, client, actor);
    await pki.revoke(tenantId, made.id, { reason: 'key_compromise', actor });
    await expect(pki.renew(tenantId, made.id, { actor })).rejects.toMatchObject({ code: 'ERR_CONFLICT' });
  });
});

describe('revoking', () => {
  test('signs lists one after another that name everybody, however many revoke at once', async () => {
    const pki = makePki();
    const tenantId = await fixture.db.createTenant();
    const made = await Promise.all([1, 2, 3, 4, 5].map(() => pki.issue(tenantId, client, actor)));
    await Promise.all(made.map(({ id }) => pki.revoke(tenantId, id, { reason: 'key_compromise', actor })));
    const [authority] = await authoritiesOf(pki, tenantId);
    const list = readCrl(authority?.crl ?? Buffer.alloc(0), [
      new X509Certificate(authority?.der ?? '').publicKey,
    ]);
    expect([...list.serials].toSorted()).toEqual(made.map(({ serial }) => serial).toSorted());
    expect([authority?.crlNumber, authority?.crlEntries]).toEqual([6, 5]);
    const published = fixture.events.filter(
      ({ definition, tenantId: id }) =>
        id === tenantId && definition.action === 'crypto.revocation_list_published',
    );
    expect(published.map(({ detail }) => (detail as { number: number }).number)).toEqual([2, 3, 4, 5, 6]);
  });

  test('is done once: the second time changes nothing, and the database refuses to undo it', async () => {
    const pki = makePki();
    const tenantId = await fixture.db.createTenant();
    const made = await pki.issue(tenantId, client, actor);
    const first = await pki.revoke(tenantId, made.id, { reason: 'superseded', actor });
    const second = await pki.revoke(tenantId, made.id, { reason: 'key_compromise', actor });
    expect(second).toMatchObject({ revokedAt: first.revokedAt, revocationReason: 'superseded' });
    const undo = fixture.db.admin(
      'update crypto.pki_certificate set revoked_at = null, revocation_reason = null where id = $1',
      [made.id],
    );
    await expect(undo).rejects.toMatchObject({ code: '42501' });
    const back = fixture.db.admin('update crypto.pki_authority set crl_number = 1 where tenant_id = $1', [
      tenantId,
    ]);
    await expect(back).rejects.toMatchObject({ code: '42501' });
    await expect(
      fixture.db.admin('delete from crypto.pki_certificate where id = $1', [made.id]),
    ).rejects.toMatchObject({ code: '42501' });
  });

  testUnless(
    noOpenssl,
    'is seen by openssl, with the chain and the list as they stand in the database',
    async () => {
      const pki = makePki();
      const tenantId = await fixture.db.createTenant();
      const [good, bad] = [
        await pki.issue(tenantId, server, actor),
        await pki.issue(tenantId, server, actor),
      ];
      await pki.revoke(tenantId, bad.id, { reason: 'affiliation_changed', actor });
      const trust = await fixture.db.database.withTenant(tenantId, pki.trust);
      const verify = (der: Buffer) =>
        runOver(
          'openssl',
          {
            ca: trust.authorities.join(''),
            crl: trust.revocationLists.join(''),
            leaf: toPem('CERTIFICATE', der),
          },
          [
            ...['verify', '-x509_strict', '-crl_check_all', '-CAfile', '{ca}', '-CRLfile', '{crl}'],
            ...['-purpose', 'sslserver', '-verify_hostname', 'localhost', '{leaf}'],
          ],
        );
      expect(await verify(good.der)).toMatchObject({ code: 0 });
      expect((await verify(bad.der)).output).toMatch(/certificate revoked/);
    },
  );
});

describe('revocation lists', () => {
  test('are made anew once a day, long before they end', async () => {
    let ahead = 0;
    const pki = makePki(() => ahead);
    const tenantId = await fixture.db.createTenant();
    await pki.issue(tenantId, client, actor);
    await pki.maintain(tenantId);
    expect((await authoritiesOf(pki, tenantId))[0]?.crlNumber).toBe(1);
    ahead = 1.1 * day;
    await pki.maintain(tenantId);
    await pki.maintain(tenantId);
    const [authority] = await authoritiesOf(pki, tenantId);
    expect(authority?.crlNumber).toBe(2);
    expect((authority?.crlNextUpdate.getTime() ?? 0) - Date.now() - ahead).toBeGreaterThan(6.9 * day);
  });

  test('that cannot be made anew raise an alarm and a finding before they end', async () => {
    let ahead = 0;
    const tenantId = await fixture.db.createTenant();
    await makePki().issue(tenantId, client, actor);
    const broken = makePki(() => ahead, {
      ...crypto,
      open: () => Promise.reject(new Error('the root is away')),
    });
    const posture = () => fixture.db.database.withTenant(tenantId, broken.posture);
    const alarms = () =>
      fixture.events.filter(
        ({ definition, tenantId: id }) =>
          id === tenantId && definition.action === 'crypto.revocation_list_expiring',
      );
    ahead = 2 * day;
    expect((await broken.maintain(tenantId)).failures).toBeGreaterThan(0);
    expect([alarms().length, (await posture()).listsEnding]).toEqual([0, 0]);
    ahead = 5 * day;
    await broken.maintain(tenantId);
    expect(alarms()).toMatchObject([
      { outcome: 'failure', idempotencyKey: expect.stringMatching(/^revocation-list-expiring-/) },
    ]);
    expect(await posture()).toMatchObject({ listsEnding: 1, listsOver: 0 });
    ahead = 8 * day;
    expect(await posture()).toMatchObject({ listsEnding: 0, listsOver: 1 });
  });
});

describe('bundles', () => {
  const password = 'correct horse battery';
  test('leave only when the certificate was issued for it, and every one is recorded', async () => {
    const pki = makePki();
    const tenantId = await fixture.db.createTenant();
    const kept = await pki.issue(tenantId, client, actor);
    await expect(pki.bundle(tenantId, kept.id, { format: 'pkcs12', actor })).rejects.toThrow(
      /"exportable": true/,
    );
    const made = await pki.issue(tenantId, { ...client, exportable: true }, actor);
    const { content } = await pki.bundle(tenantId, made.id, { format: 'pem', actor });
    expect(content.toString()).toMatch(/^-----BEGIN PRIVATE KEY-----[\s\S]+(BEGIN CERTIFICATE[\s\S]+){2}$/);
    await expect(
      pki.bundle(tenantId, made.id, { format: 'pkcs12', password: 'short', actor }),
    ).rejects.toThrow(/12 to 128/);
    await pki.revoke(tenantId, made.id, { reason: 'unspecified', actor });
    await expect(pki.bundle(tenantId, made.id, { format: 'pem', actor })).rejects.toThrow(/revoked/);
    expect(eventsOf(tenantId).filter((action) => action === 'crypto.certificate_exported')).toHaveLength(1);
  });

  for (const algorithm of ['ec-p256', 'rsa-2048'] as const) {
    const open = async (): Promise<Buffer> => {
      const pki = makePki();
      const tenantId = await fixture.db.createTenant();
      const made = await pki.issue(tenantId, { ...client, algorithm, exportable: true }, actor);
      return (await pki.bundle(tenantId, made.id, { format: 'pkcs12', password, actor })).content;
    };

    testUnless(noOpenssl, `of ${algorithm} open in openssl with their password and no other`, async () => {
      const p12 = await open();
      const read = (given: string) =>
        runOver('openssl', { p12 }, [
          'pkcs12',
          '-in',
          '{p12}',
          '-nodes',
          '-info',
          '-passin',
          `pass:${given}`,
        ]);
      const { code, output } = await read(password);
      expect(code).toBe(0);
      expect(output.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
      expect(output).toMatch(/BEGIN PRIVATE KEY/);
      expect(output).toMatch(/PBES2, PBKDF2, AES-256-CBC, Iteration 210000, PRF hmacWithSHA256/);
      expect(output).toMatch(/MAC: sha256, Iteration 210000/);
      expect((await read('another password')).code).not.toBe(0);
    });

    testUnless(
      noKeytool,
      `of ${algorithm} open in Java's keytool with key and chain`,
      async () => {
        const p12 = await open();
        const read = (given: string) =>
          runOver('keytool', { p12 }, [
            '-list',
            '-v',
            '-keystore',
            '{p12}',
            '-storetype',
            'PKCS12',
            '-storepass',
            given,
          ]);
        const { code, output } = await read(password);
        expect({ code, entry: /Entry type: (\w+)/.exec(output)?.[1] }).toEqual({
          code: 0,
          entry: 'PrivateKeyEntry',
        });
        expect(output).toMatch(/Certificate chain length: 2/);
        expect((await read('another password')).code).not.toBe(0);
      },
      60_000,
    );
  }
});

describe('SAML', () => {
  test('a signing certificate is self-signed RSA, or the authority’s when asked, and says so in metadata', async () => {
    const pki = makePki();
    const tenantId = await fixture.db.createTenant();
    const own = await pki.issue(tenantId, { profile: 'saml-signing', commonName: 'saml.acme' }, actor);
    const leaf = new X509Certificate(own.der);
    expect(own).toMatchObject({ authorityId: null, algorithm: 'rsa-3072' });
    expect([leaf.verify(leaf.publicKey), leaf.ca]).toEqual([true, false]);
    const issued = await pki.issue(
      tenantId,
      { profile: 'saml-signing', commonName: 'saml.acme', selfSigned: false, algorithm: 'rsa-2048' },
      actor,
    );
    expect(issued.authorityId).not.toBeNull();
    expect(samlKeyDescriptor(own)).toContain(`<ds:X509Certificate>${own.der.toString('base64')}<`);
    const ec: IssueRequest = { profile: 'saml-signing', commonName: 'x', algorithm: 'ec-p256' };
    await expect(pki.issue(tenantId, ec, actor)).rejects.toThrow(/RSA/);
    expect(() => samlKeyDescriptor({ profile: 'mtls-client', der: own.der })).toThrow(/does not sign SAML/);
  }, 60_000);
});

describe('inspecting', () => {
  test('tells whose certificate it is and everything that is wrong with it', async () => {
    let ahead = 0;
    const pki = makePki(() => ahead);
    const [one, two] = [await fixture.db.createTenant(), await fixture.db.createTenant()];
    const made = await pki.issue(one, client, actor);
    const pem = toPem('CERTIFICATE', made.der);
    const look = (tenantId: TenantId, text = pem) =>
      fixture.db.database.withTenant(tenantId, (tx) => pki.inspect(tx, text));
    expect(await look(one)).toMatchObject({
      serial: made.serial,
      authorityId: made.authorityId,
      key: 'ec prime256v1',
      findings: [],
    });
    expect((await look(two)).findings).toEqual(['no authority of this tenant signed it']);
    await pki.revoke(one, made.id, { reason: 'unspecified', actor });
    ahead = 100 * day;
    expect((await look(one)).findings).toEqual(['it is over', 'it is revoked']);
    const negative = Buffer.from(made.der);
    const at = negative.indexOf(Buffer.from(made.serial, 'hex'));
    negative[at] = 0x80 | (negative[at] ?? 0);
    expect((await look(one, toPem('CERTIFICATE', negative))).findings[0]).toMatch(/not a positive number/);
    await expect(look(one, 'nothing')).rejects.toThrow(/no X.509 certificate/);
    await expect(look(one, 'x'.repeat(40_000))).rejects.toThrow(/at most/);
  });
});

test('a revocation on one process ends the open connection at a server of another, and the reason is recorded', async () => {
  const [here, there] = [makePki(), makePki()];
  const tenantId = await fixture.db.createTenant();
  const serving = { profile: 'mtls-server', commonName: 'contacts' } as const;
  const calling = { profile: 'mtls-client', commonName: 'gateway' } as const;
  await there.issue(tenantId, server, actor);
  const holder = await here.issue(tenantId, client, actor);
  const tls = createMutualTlsServer({
    material: await there.material(tenantId, serving),
    handler: (_request, response) => response.end('ok'),
    onRefused: there.onRefused(tenantId),
  });
  const changed = Promise.withResolvers<number>();
  const end = await there.watch(tenantId, serving, (material) => changed.resolve(tls.reload(material).ended));
  tls.server.listen(0, '127.0.0.1');
  await once(tls.server, 'listening');
  const { agent, close } = createMutualTlsAgent({ material: await here.material(tenantId, calling) });
  const { port } = tls.server.address() as AddressInfo; // listening on TCP
  const get = (): Promise<number | string> =>
    new Promise((done) => {
      const call = request({ agent, port, host: '127.0.0.1', servername: 'localhost' }, (response) => {
        response.resume();
        response.once('end', () => done(response.statusCode ?? 0));
      });
      call.once('error', (error: NodeJS.ErrnoException) => done(error.code ?? 'refused'));
      call.end();
    });
  expect(await get()).toBe(200);
  await here.revoke(tenantId, holder.id, { reason: 'key_compromise', actor });
  expect(await changed.promise).toBe(1);
  expect(await get()).toEqual(expect.any(String));
  await there.stop();
  const refusals = fixture.events.filter(
    ({ definition, tenantId: id }) => id === tenantId && definition.action === 'crypto.mtls_refused',
  );
  expect(refusals).toMatchObject([
    { outcome: 'denied', reason: 'CERT_REVOKED', detail: { side: 'server', serial: holder.serial } },
  ]);
  end();
  close();
  await tls.close();
});
