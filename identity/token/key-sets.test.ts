import { beforeEach, describe, expect, test } from '@jest/globals';
import { silentLogger, type Clock } from '../../kernel/index.ts';
import { createFakeIssuer } from '../../tests/support/fake-issuer.ts';
import { createKeySets, type KeySets } from './key-sets.ts';

const issuer = 'https://idp.example/realms/acme';
const [first, second] = [createFakeIssuer(issuer), createFakeIssuer(issuer)];
const token = { payload: '', signature: '' };
const ask = (kid: string): { alg: string; kid: string } => ({ alg: 'RS256', kid });

let now: number;
let requests: string[];
let answer: (url: string) => unknown;
let keySets: KeySets;
const clock: Clock = { now: () => new Date(now) };
const publish =
  (...kids: readonly string[]) =>
  (url: string) =>
    url.endsWith('openid-configuration')
      ? { issuer, jwks_uri: `${issuer}/certs` }
      : { keys: kids.map((kid, index) => ({ ...(index === 0 ? first : second).publicJwk, kid })) };

beforeEach(() => {
  now = 1_800_000_000_000;
  requests = [];
  answer = publish('one');
  const fetchJson = async (url: string): Promise<unknown> => {
    requests.push(url);
    return answer(url);
  };
  keySets = createKeySets({ clock, logger: silentLogger, fetchJson });
});

describe('key sets of issuers', () => {
  test('are fetched once for parallel callers and kept', async () => {
    const keys = keySets.of(issuer);
    await Promise.all(Array.from({ length: 20 }, async () => keys(ask('one'), token)));
    now += 500_000;
    await keys(ask('one'), token);
    expect(requests).toHaveLength(2);
  });

  test('are asked for an unknown key id at most every 30 seconds, and a rotated key is found then', async () => {
    const keys = keySets.of(issuer);
    await keys(ask('one'), token);
    answer = publish('one', 'two');
    for (let attempt = 0; attempt < 10; attempt += 1) {
      await expect(keys(ask('bogus'), token)).rejects.toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' });
    }
    expect(requests).toHaveLength(2);
    now += 30_001;
    await expect(keys(ask('two'), token)).resolves.toBeDefined();
    expect(requests).toHaveLength(4);
  });

  test('serve for a day while the issuer does not answer, and no longer', async () => {
    const keys = keySets.of(issuer);
    await keys(ask('one'), token);
    answer = () => {
      throw new TypeError('no answer');
    };
    now += 3_600_000;
    await expect(keys(ask('one'), token)).resolves.toBeDefined();
    now += 86_400_000;
    await expect(keys(ask('one'), token)).rejects.toMatchObject({
      code: 'ERR_PROVIDER_UNAVAILABLE',
      status: 503,
    });
  });

  test('of an issuer whose document names another issuer are refused', async () => {
    answer = (url) =>
      url.endsWith('openid-configuration')
        ? { issuer: 'https://evil.example', jwks_uri: `${issuer}/certs` }
        : publish('one')(url);
    await expect(keySets.of(issuer)(ask('one'), token)).rejects.toMatchObject({
      code: 'ERR_PROVIDER_UNAVAILABLE',
    });
  });

  test('leave encryption and symmetric keys out', async () => {
    answer = (url) =>
      url.endsWith('openid-configuration')
        ? { issuer, jwks_uri: `${issuer}/certs` }
        : {
            keys: [
              { ...first.publicJwk, kid: 'one', use: 'enc' },
              { kty: 'oct', k: 'AAAA', kid: 'two' },
            ],
          };
    await expect(keySets.of(issuer)(ask('one'), token)).rejects.toMatchObject({
      code: 'ERR_JWKS_NO_MATCHING_KEY',
    });
  });
});
