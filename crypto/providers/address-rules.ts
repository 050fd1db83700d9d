import { lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import {
  createCheckedLookup as checkedLookup,
  isAllowedAddress,
  judgeAddress,
  type AddressRules,
} from '../../kernel/index.ts';
import { cryptoError } from '../errors.ts';

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
  const isLoopback = host === 'localhost' || judgeAddress(host) === 'loopback';
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

/** A `lookup` for node's sockets that gives allowed addresses only. */
export const createCheckedLookup = (rules: AddressRules): LookupFunction => checkedLookup(lookup, rules);
