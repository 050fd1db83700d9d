import { describe, expect, test } from '@jest/globals';
import { readConfig } from './config.ts';

describe('readConfig', () => {
  test('needs nothing in development and binds loopback', () => {
    const config = readConfig({});
    expect(config).toMatchObject({
      mode: 'development',
      host: '127.0.0.1',
      port: 8470,
      publicUrl: 'http://localhost:8470',
      logOrigin: 'localhost/log',
      demoContacts: 5_000,
    });
  });

  test('refuses an unknown setting by name', () => {
    expect(() => readConfig({ GATEHOUSE_PROT: '1' })).toThrow(/unknown setting GATEHOUSE_PROT/);
  });

  test('leaves alone what commands of the same shell read', () => {
    const shell = { GATEHOUSE_URL: 'https://g.example', GATEHOUSE_SESSION: 'x', GATEHOUSE_TOKEN: 'x' };
    expect(readConfig(shell)).toEqual(readConfig({}));
  });

  test('names the wrong value and keeps secrets out of the message and of JSON', () => {
    expect(() => readConfig({ GATEHOUSE_PORT: '99999' })).toThrow(/GATEHOUSE_PORT/);
    const config = readConfig({ GATEHOUSE_DATABASE_URL: 'postgres://u:canary@h/db' });
    expect(JSON.stringify(config)).not.toContain('canary');
  });

  test('refuses production without its real parts, naming each', () => {
    expect(() => readConfig({ GATEHOUSE_MODE: 'production' })).toThrow(
      /GATEHOUSE_DATABASE_URL.*GATEHOUSE_PUBLIC_URL.*GATEHOUSE_ROOT_KEY_PASSPHRASE.*GATEHOUSE_OIDC_ISSUER.*GATEHOUSE_SMTP_URL/,
    );
  });

  test('refuses half an identity provider', () => {
    expect(() => readConfig({ GATEHOUSE_OIDC_ISSUER: 'https://id.example/realms/x' })).toThrow(
      /belong together/,
    );
  });

  test('production takes an outside root provider in place of a passphrase', () => {
    const production = {
      GATEHOUSE_MODE: 'production',
      GATEHOUSE_DATABASE_URL: 'postgres://h/db',
      GATEHOUSE_PUBLIC_URL: 'https://g.example',
      GATEHOUSE_SMTP_URL: 'smtps://m.example',
      GATEHOUSE_OIDC_ISSUER: 'https://id.example',
      GATEHOUSE_OIDC_CLIENT_ID: 'g',
      GATEHOUSE_OIDC_CLIENT_SECRET: 's',
    };
    expect(() => readConfig(production)).toThrow(/GATEHOUSE_ROOT_KEY_PASSPHRASE/);
    const kms = { GATEHOUSE_ROOT_PROVIDER: 'aws-kms', GATEHOUSE_AWS_KMS_REGION: 'eu-central-1' };
    expect(readConfig({ ...production, ...kms }).roots.current).toMatchObject({
      kind: 'aws-kms',
      credentials: null,
      keyArn: null,
      deletionDays: 7,
    });
  });

  test.each([
    ['pkcs11', /GATEHOUSE_PKCS11_LIBRARY, GATEHOUSE_PKCS11_TOKEN and GATEHOUSE_PKCS11_PIN/],
    ['aws-kms', /GATEHOUSE_AWS_KMS_REGION/],
    ['vault-transit', /GATEHOUSE_VAULT_ADDRESS and GATEHOUSE_VAULT_TOKEN/],
    ['file', /GATEHOUSE_ROOT_PROVIDER/],
  ])('names what the root provider %s lacks', (provider, said) => {
    expect(() => readConfig({ GATEHOUSE_ROOT_PROVIDER: provider })).toThrow(said);
  });

  test('keeps a PIN and a token out of JSON, and sends no token over open http', () => {
    const pkcs11 = {
      GATEHOUSE_PKCS11_LIBRARY: '/lib/p11.so',
      GATEHOUSE_PKCS11_TOKEN: 'house',
      GATEHOUSE_PKCS11_PIN: 'canary-pin',
    };
    const vault = { GATEHOUSE_VAULT_ADDRESS: 'https://bao.example', GATEHOUSE_VAULT_TOKEN: 'canary-token' };
    const config = readConfig({ GATEHOUSE_ROOT_PROVIDER: 'vault-transit', ...pkcs11, ...vault });
    expect(JSON.stringify(config)).not.toContain('canary');
    expect(config.roots.current.kind).toBe('vault-transit');
    expect(config.roots.former.map(({ kind }) => kind)).toEqual(['pkcs11']); // still opens what it wrapped
    const open = { ...vault, GATEHOUSE_VAULT_ADDRESS: 'http://bao.example' };
    expect(() => readConfig({ GATEHOUSE_ROOT_PROVIDER: 'vault-transit', ...open })).toThrow(/must be https/);
    expect(() => readConfig({ GATEHOUSE_PKCS11_PIN: '1234' })).toThrow(/set them all or none/);
  });
});
