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
});
