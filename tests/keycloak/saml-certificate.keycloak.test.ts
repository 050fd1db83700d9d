import { expect, test } from '@jest/globals';
import { createPki } from '../../crypto/index.ts';
import { createCryptoFixture } from '../../crypto/crypto-fixture.ts';
import { silentLogger, systemClock, systemRandomBytes, uuidv7 } from '../../kernel/index.ts';
import { startKeycloak } from './start-keycloak.ts';

const actor = { kind: 'system', id: 'test', displayName: 'test' } as const;

test('a SAML signing certificate of ours becomes the key of a realm, and its broker names it in its metadata', async () => {
  const keycloak = await startKeycloak();
  const fixture = await createCryptoFixture();
  const pki = createPki({
    database: fixture.db.database,
    crypto: fixture.make(),
    audit: () => ({ append: async () => undefined, record: async () => undefined }),
    clock: systemClock,
    randomBytes: systemRandomBytes,
    newId: () => uuidv7(Date.now(), systemRandomBytes),
    logger: silentLogger,
    publicUrl: 'https://gatehouse.example',
  });
  try {
    const tenantId = await fixture.db.createTenant();
    const wanted = { profile: 'saml-signing', commonName: 'saml.acme', exportable: true } as const;
    const made = await pki.issue(tenantId, wanted, actor);
    const bundle = (await pki.bundle(tenantId, made.id, { format: 'pem', actor })).content.toString('ascii');
    const [privateKey = '', certificate = ''] = bundle.split(/(?=-----BEGIN CERTIFICATE)/);
    const base64 = made.der.toString('base64');
    await keycloak.createRealm({
      realm: 'saml',
      enabled: true,
      components: {
        'org.keycloak.keys.KeyProvider': [
          {
            name: 'gatehouse',
            providerId: 'rsa',
            subComponents: {},
            config: {
              priority: ['200'],
              enabled: ['true'],
              active: ['true'],
              algorithm: ['RS256'],
              privateKey: [privateKey],
              certificate: [certificate],
            },
          },
        ],
      },
      identityProviders: [
        {
          alias: 'partner',
          providerId: 'saml',
          enabled: true,
          config: {
            singleSignOnServiceUrl: 'https://partner.example/sso',
            wantAuthnRequestsSigned: 'true',
            signatureAlgorithm: 'RSA_SHA256',
            validateSignature: 'true',
            signingCertificate: base64,
            postBindingAuthnRequest: 'true',
          },
        },
      ],
    });
    const answer = await fetch(`${keycloak.url}/realms/saml/broker/partner/endpoint/descriptor`);
    const metadata = await answer.text();
    expect(answer.status).toBe(200);
    expect(metadata.replaceAll(/\s/g, '')).toContain(base64);
    expect(metadata).toMatch(/AuthnRequestsSigned="true"/);
  } finally {
    await fixture.close();
    await keycloak.stop();
  }
}, 120_000);
