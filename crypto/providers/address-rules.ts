import { lookup as resolve } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { cryptoError } from '../errors.ts';

/** Which key services may be called: what a tenant configures must not reach into the house's own network. */
export type AddressRules = {
  /** True in development: http and https to loopback are allowed, for tests and demonstrations. */
  readonly development: boolean;
  /** True when the operator's key services stand in private networks; loopback and link-local stay refused. */
  readonly allowPrivate: boolean;
};

/** Never a key service: this machine, its link (cloud metadata), and what is no unicast address at all. */
const neverRemote = listOf([
  ['0.0.0.0', 8],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  ['::', 128],
  ['::1', 128],
  ['fe80::', 10],
  ['ff00::', 8],
]);
/** @see https://www.iana.org/assignments/iana-ipv4-special-registry and the registry for IPv6 */
const privateNetworks = listOf([
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['fc00::', 7],
]);
const loopback = listOf([
  ['127.0.0.0', 8],
  ['::1', 128],
]);

function listOf(networks: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList();
  for (const [network, bits] of networks)
    list.addSubnet(network, bits, network.includes(':') ? 'ipv6' : 'ipv4');
  return list;
}

const isIn = (list: BlockList, address: string): boolean =>
  list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');

/** Whether an address may be connected to. IPv4 addresses in IPv6 clothing are seen as what they are. */
export function isAllowedAddress(address: string, rules: AddressRules): boolean {
  if (isIP(address) === 0) return false;
  if (rules.development && isIn(loopback, address)) return true;
  if (isIn(neverRemote, address)) return false;
  return rules.allowPrivate || !isIn(privateNetworks, address);
}

/**
 * The URL of a key service, checked as far as it can be without asking the name service.
 *
 * @throws ERR_CRYPTO_INPUT
 */
export function requireKeyServiceUrl(text: string, rules: AddressRules): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || url.username !== '' || url.password !== '' || url.hash !== '')
    throw refused('must be an https URL without credentials or fragment');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const isLoopback = host === 'localhost' || (isIP(host) !== 0 && isIn(loopback, host));
  if (url.protocol !== 'https:' && !(rules.development && url.protocol === 'http:' && isLoopback))
    throw refused('must begin with https://');
  if (isIP(host) !== 0 && !isAllowedAddress(host, rules))
    throw refused('names an address that is not public');
  return url;
}

const refused = (what: string): Error =>
  cryptoError(
    'ERR_CRYPTO_INPUT',
    `the address of the key service ${what}; give the address of a public service`,
  );

/**
 * A `lookup` for node's sockets that gives allowed addresses only. The socket connects to what was checked here, so that
 * a name that changes its mind between two questions gains nothing.
 */
export function createCheckedLookup(rules: AddressRules): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, '', 0);
      const [first] = addresses;
      if (first === undefined || addresses.some(({ address }) => !isAllowedAddress(address, rules)))
        return callback(new ForbiddenAddressError(hostname), '', 0);
      if (options.all === true) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}

/** A name led to an address that may not be called. */
export class ForbiddenAddressError extends Error {
  override readonly name = 'ForbiddenAddressError';
  readonly code = 'ERR_FORBIDDEN_ADDRESS';

  constructor(hostname: string) {
    super(`"${hostname}" leads to an address that is not public`);
  }
}
