import { BlockList, isIP, type LookupFunction } from 'node:net';

/** Where calls may go whose address a tenant names: receivers of the trail, key services. */
export type AddressRules = {
  /** True in development: this machine may be called, and over http. */
  readonly development: boolean;
  /** True when the operator lets tenants name private networks; this machine and the cloud's metadata stay refused. */
  readonly allowPrivate: boolean;
};

type Network = readonly [network: string, prefix: number];

const loopback: readonly Network[] = [
  ['127.0.0.0', 8],
  ['::1', 128],
];
/** Never a receiver: the link and the cloud's metadata on it, what is no unicast address, IPv4 in a disguise of IPv6. */
const never: readonly Network[] = [
  ['0.0.0.0', 8],
  ['100.100.100.200', 32],
  ['168.63.129.16', 32],
  ['169.254.0.0', 16],
  ['192.0.0.192', 32],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  ['::', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['2001::', 32],
  ['2002::', 16],
  ['fd00:ec2::254', 128],
  ['fd20:ce::254', 128],
  ['fe80::', 10],
  ['ff00::', 8],
];
/** @see https://www.iana.org/assignments/iana-ipv4-special-registry and the registry for IPv6 */
const privateNetworks: readonly Network[] = [
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['3fff::', 20],
  ['5f00::', 16],
  ['fc00::', 7],
  ['fec0::', 10],
];

const [loopbackList, neverList, privateList] = [listOf(loopback), listOf(never), listOf(privateNetworks)];

function listOf(networks: readonly Network[]): BlockList {
  const list = new BlockList();
  for (const [network, prefix] of networks)
    list.addSubnet(network, prefix, network.includes(':') ? 'ipv6' : 'ipv4');
  return list;
}

// A list judges an IPv4 address in IPv6 clothes (::ffff:0:0/96) by its IPv4 networks.
const isIn = (list: BlockList, address: string): boolean =>
  list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');

/** What kind of place an address is; `never` also for text that is no address, and for one with a zone. */
export function judgeAddress(address: string): 'public' | 'private' | 'loopback' | 'never' {
  if (isIP(address) === 0 || address.includes('%')) return 'never';
  if (isIn(loopbackList, address)) return 'loopback';
  if (isIn(neverList, address)) return 'never';
  return isIn(privateList, address) ? 'private' : 'public';
}

/** Whether an address is one of the public internet. @see RFC 6890 */
export const isPublicAddress = (address: string): boolean => judgeAddress(address) === 'public';

/** Whether an address may be connected to. */
export function isAllowedAddress(address: string, rules: AddressRules): boolean {
  switch (judgeAddress(address)) {
    case 'public':
      return true;
    case 'private':
      return rules.allowPrivate;
    case 'loopback':
      return rules.development;
    case 'never':
      return false;
  }
}

/** Asks the name service for every address of a name; `lookup` of `node:dns` with `all`. */
export type ResolveAll = (
  hostname: string,
  options: Parameters<LookupFunction>[1] & { readonly all: true },
  callback: (
    error: NodeJS.ErrnoException | null,
    addresses: readonly { readonly address: string; readonly family: number }[],
  ) => void,
) => void;

/**
 * A `lookup` for sockets that gives allowed addresses only. The socket connects to what was judged here, so that a name
 * that changes its mind between two questions gains nothing. A name with one forbidden address is forbidden whole.
 */
export function createCheckedLookup(resolve: ResolveAll, rules: AddressRules): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, '', 0);
      const [first] = addresses;
      if (first === undefined || addresses.some(({ address }) => !isAllowedAddress(address, rules)))
        return callback(new ForbiddenAddressError(hostname), '', 0);
      if (options.all === true) callback(null, [...addresses]);
      else callback(null, first.address, first.family);
    });
  };
}

/** An address, or a name that leads to it, that may not be called. */
export class ForbiddenAddressError extends Error {
  override readonly name = 'ForbiddenAddressError';
  readonly code = 'ERR_FORBIDDEN_ADDRESS';

  constructor(hostname: string) {
    super(
      `"${hostname}" leads to an address that is not public; an operator may allow private networks with GATEHOUSE_OUTBOUND_PRIVATE=allow`,
    );
  }
}
