import { lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import {
  createCheckedLookup,
  ForbiddenAddressError,
  isAllowedAddress,
  type AddressRules,
} from '../../kernel/index.ts';
import { ReceiverAway } from './transport.ts';

/** Name resolution that lets only allowed addresses through: for sockets, which connect to what it answers. */
export const createLookup = (rules: AddressRules): LookupFunction => createCheckedLookup(lookup, rules);

/**
 * Judges the host of a receiver before it is called. Sockets ask no `lookup` for a host that is an address already.
 *
 * @param host - name or address, an IPv6 one with or without brackets
 * @throws ReceiverAway
 */
export async function requireReachable(host: string, rules: AddressRules): Promise<void> {
  const bare = host.replaceAll(/^\[|\]$/g, '');
  if (isIP(bare) !== 0) {
    if (!isAllowedAddress(bare, rules)) throw new ReceiverAway(new ForbiddenAddressError(bare).message);
    return;
  }
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  createLookup(rules)(bare, { all: false }, (error) =>
    error === null ? resolve() : reject(new ReceiverAway(error.message, { cause: error })),
  );
  await promise;
}

/**
 * Events leave encrypted, unless the operator lets them go to private networks.
 *
 * @throws ReceiverAway
 */
export function requireEncrypted(isEncrypted: boolean, rules: AddressRules): void {
  if (!isEncrypted && !rules.allowPrivate && !rules.development)
    throw new ReceiverAway('events leave over TLS only; give an https address, or turn "tls" on');
}
