import { lookup as resolve, type LookupAddress, type LookupOptions } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { ReceiverAway } from './transport.ts';

/** Networks that no tenant may send events into: loopback, private, link-local (cloud metadata), shared, reserved. */
const reserved = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const)
  reserved.addSubnet(network, prefix, 'ipv4');
for (const [network, prefix] of [
  ['::', 127],
  ['64:ff9b::', 96],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const)
  reserved.addSubnet(network, prefix, 'ipv6');

/** Whether an address is one of the public internet. @see RFC 6890 */
export function isPublicAddress(address: string): boolean {
  const kind = isIP(address);
  if (kind === 0) return false;
  // An IPv4 address in IPv6 clothes is judged as what it is.
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return isPublicAddress(mapped);
  return !reserved.check(address, kind === 4 ? 'ipv4' : 'ipv6');
}

/**
 * Name resolution that lets only public addresses through; the address that was judged is the address that is
 * connected to, so a name that changes in between changes nothing.
 *
 * @param allowPrivate - true in development and where the operator says so
 */
export function createLookup(allowPrivate: boolean): LookupFunction {
  return (hostName, options, callback) => {
    const all: LookupOptions & { all: true } = { ...options, all: true };
    resolve(hostName, all, (error, addresses: LookupAddress[]) => {
      if (error !== null) return callback(error, '', 0);
      const usable = allowPrivate ? addresses : addresses.filter(({ address }) => isPublicAddress(address));
      const [first] = usable;
      if (first === undefined) return callback(refusal(hostName), '', 0);
      if (options.all === true) return callback(null, usable);
      callback(null, first.address, first.family);
    });
  };
}

/** Resolves and judges a host once, for clients that resolve names themselves. @throws ReceiverAway */
export async function requireReachable(hostName: string, allowPrivate: boolean): Promise<void> {
  if (isIP(hostName) !== 0) {
    if (!allowPrivate && !isPublicAddress(hostName)) throw refusal(hostName);
    return;
  }
  const lookup = createLookup(allowPrivate);
  await new Promise<void>((settle, fail) => {
    lookup(hostName, { all: false }, (error) => (error === null ? settle() : fail(error)));
  });
}

const refusal = (hostName: string): NodeJS.ErrnoException =>
  new ReceiverAway(
    `"${hostName}" is not an address of the public internet; an operator may allow private ones with GATEHOUSE_OUTBOUND_PRIVATE=allow`,
  );
