import { describe, expect, test } from '@jest/globals';
import {
  createCheckedLookup,
  ForbiddenAddressError,
  isAllowedAddress,
  isPublicAddress,
  judgeAddress,
  type ResolveAll,
} from './outbound-address.ts';

const strict = { development: false, allowPrivate: false };
const own = { development: false, allowPrivate: true };

test.each([
  ['8.8.8.8', 'public'],
  ['1.1.1.1', 'public'],
  ['172.15.255.255', 'public'],
  ['172.32.0.0', 'public'],
  ['100.63.255.255', 'public'],
  ['100.128.0.0', 'public'],
  ['2606:4700:4700::1111', 'public'],
  ['2a00:1450:4001:80e::200e', 'public'],
  ['::ffff:8.8.8.8', 'public'],
  ['10.0.0.1', 'private'],
  ['100.64.0.1', 'private'],
  ['172.16.0.1', 'private'],
  ['172.31.255.255', 'private'],
  ['192.168.1.1', 'private'],
  ['192.0.2.1', 'private'],
  ['198.18.0.1', 'private'],
  ['203.0.113.9', 'private'],
  ['::ffff:10.0.0.1', 'private'],
  ['::ffff:c0a8:101', 'private'],
  ['fd12:3456::1', 'private'],
  ['2001:db8::1', 'private'],
  ['fec0::1', 'private'],
  ['127.0.0.1', 'loopback'],
  ['127.255.255.254', 'loopback'],
  ['::1', 'loopback'],
  ['::ffff:127.0.0.1', 'loopback'],
  ['::ffff:7f00:1', 'loopback'],
  ['0:0:0:0:0:ffff:7f00:0001', 'loopback'],
  ['0.0.0.0', 'never'],
  ['::', 'never'],
  ['::127.0.0.1', 'never'],
  ['169.254.169.254', 'never'],
  ['::ffff:169.254.169.254', 'never'],
  ['::ffff:a9fe:a9fe', 'never'],
  ['64:ff9b::a9fe:a9fe', 'never'],
  ['64:ff9b::7f00:1', 'never'],
  ['2002:7f00:1::', 'never'],
  ['2001:0:4136:e378:8000:63bf:3fff:fdd2', 'never'],
  ['fd00:ec2::254', 'never'],
  ['100.100.100.200', 'never'],
  ['168.63.129.16', 'never'],
  ['192.0.0.192', 'never'],
  ['224.0.0.1', 'never'],
  ['255.255.255.255', 'never'],
  ['fe80::1', 'never'],
  ['fe80::1%eth0', 'never'],
  ['ff02::1', 'never'],
  ['', 'never'],
  ['localhost', 'never'],
  ['0177.0.0.1', 'never'],
  ['2130706433', 'never'],
  ['0x7f000001', 'never'],
  ['127.1', 'never'],
  ['[::1]', 'never'],
] as const)('%s is %s', (address, kind) => {
  expect(judgeAddress(address)).toBe(kind);
  expect(isPublicAddress(address)).toBe(kind === 'public');
});

test.each([
  ['in production', strict, [true, false, false, false]],
  ['in production with private networks', own, [true, true, false, false]],
  ['in development', { development: true, allowPrivate: true }, [true, true, true, false]],
] as const)('%s the rules let through what they say', (_, rules, allowed) => {
  const examples = ['8.8.8.8', '10.0.0.1', '127.0.0.1', '169.254.169.254'];
  expect(examples.map((address) => isAllowedAddress(address, rules))).toEqual(allowed);
});

describe('a checked lookup', () => {
  const names: Readonly<Record<string, readonly string[]>> = {
    'public.example': ['8.8.8.8', '2606:4700:4700::1111'],
    'inside.example': ['10.0.0.1'],
    'metadata.example': ['169.254.169.254'],
    'mapped.example': ['::ffff:7f00:1'],
    'mixed.example': ['8.8.8.8', '127.0.0.1'],
    'empty.example': [],
  };
  const resolve: ResolveAll = (hostname, _options, callback) =>
    callback(
      null,
      (names[hostname] ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  const ask = (hostname: string, rules = strict, resolver = resolve) =>
    new Promise<unknown>((settle, fail) => {
      createCheckedLookup(resolver, rules)(hostname, { all: true }, (error, addresses) =>
        error === null ? settle(addresses) : fail(error),
      );
    });

  test('gives every address of a public name', async () => {
    await expect(ask('public.example')).resolves.toHaveLength(2);
  });

  test.each(['inside.example', 'metadata.example', 'mapped.example', 'mixed.example', 'empty.example'])(
    'refuses %s, whatever else it leads to',
    async (hostname) => {
      await expect(ask(hostname)).rejects.toBeInstanceOf(ForbiddenAddressError);
    },
  );

  test('gives a private name to an operator who allows it, and the metadata address to nobody', async () => {
    await expect(ask('inside.example', own)).resolves.toEqual([{ address: '10.0.0.1', family: 4 }]);
    await expect(ask('metadata.example', { development: true, allowPrivate: true })).rejects.toThrow(
      '"metadata.example" leads to an address that is not public',
    );
  });

  test('judges each answer of a name that changes its mind, and hands on what it judged', async () => {
    const answers = ['8.8.8.8', '127.0.0.1', '8.8.8.8'];
    let asked = 0;
    const rebinding: ResolveAll = (_hostname, _options, callback) => {
      const address = answers[asked] ?? '';
      asked += 1;
      callback(null, [{ address, family: 4 }]);
    };
    await expect(ask('rebind.example', strict, rebinding)).resolves.toEqual([
      { address: '8.8.8.8', family: 4 },
    ]);
    expect(asked).toBe(1); // the socket gets this answer and asks no second time
    await expect(ask('rebind.example', strict, rebinding)).rejects.toBeInstanceOf(ForbiddenAddressError);
  });

  test('hands on what the name service says when it fails', async () => {
    const failing: ResolveAll = (_hostname, _options, callback) =>
      callback(Object.assign(new Error('queryA ENOTFOUND'), { code: 'ENOTFOUND' }), []);
    await expect(ask('gone.example', strict, failing)).rejects.toMatchObject({ code: 'ENOTFOUND' });
  });
});
