import { isIP } from 'node:net';
import { sequence, set, oid, taggedBytes, utf8, type Der } from './der.ts';
import { certificateError } from './pki-error.ts';
import type { AlternativeName } from './types.ts';

/** GeneralName tags. @see https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.6 */
export const generalNameTag = Object.freeze({ dns: 2, uri: 6, ip: 7 });

const commonNameOid = '2.5.4.3';
const organizationOid = '2.5.4.10';
const maxNames = 32;
const maxUri = 512;
const label = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?$/;
/** Letters, digits and punctuation that no shell, log or directory takes for something else. */
const commonNamePattern = /^[\p{L}\p{N}][\p{L}\p{N} ._:@()'-]{0,63}$/u;

/** `CN=…, O=Gatehouse`. */
export function distinguishedName(commonName: string): Der {
  const part = (type: string, text: string): Der => set(sequence(oid(type), utf8(text)));
  return sequence(part(organizationOid, 'Gatehouse'), part(commonNameOid, commonName));
}

/** @throws ERR_CRYPTO_CERTIFICATE */
export function checkCommonName(commonName: string): string {
  if (!commonNamePattern.test(commonName))
    throw certificateError(
      "the common name must have 1 to 64 letters, digits, spaces or . _ : @ ( ) ' -, and begin with a letter or digit",
    );
  return commonName;
}

/** Checks names and gives them in their one form, duplicates gone. @throws ERR_CRYPTO_CERTIFICATE */
export function checkNames(names: readonly AlternativeName[]): readonly AlternativeName[] {
  if (names.length > maxNames)
    throw certificateError(`${names.length} alternative names are too many; at most ${maxNames} are taken`);
  const checked = names.map(checkName);
  return [...new Map(checked.map((name) => [`${name.kind}:${name.value}`, name])).values()];
}

function checkName({ kind, value }: AlternativeName): AlternativeName {
  switch (kind) {
    case 'dns':
      return { kind, value: checkDns(value) };
    case 'ip':
      return { kind, value: canonicalIp(value) };
    case 'uri':
      return { kind, value: checkUri(value) };
    default:
      return kind satisfies never;
  }
}

function checkDns(value: string): string {
  const name = value.toLowerCase();
  if (name.includes('*')) throw certificateError('a wildcard is not issued; name every host in full');
  const isName = name.length <= 253 && name.split('.').every((part) => label.test(part));
  if (!isName || isIP(name) !== 0)
    throw certificateError('a DNS name must be labels of letters, digits and "-" joined by dots (IDNA form)');
  return name;
}

function canonicalIp(value: string): string {
  const family = value.includes('%') ? 0 : isIP(value);
  if (family === 4) return value;
  if (family === 6) return new URL(`http://[${value}]`).hostname.slice(1, -1);
  throw certificateError('an IP name must be one IPv4 or IPv6 address, without zone or mask');
}

function checkUri(value: string): string {
  const isPlain = value.length <= maxUri && /^[\x21-\x7e]+$/.test(value) && URL.canParse(value);
  const { protocol, hash, username, password, search, port } = isPlain ? new URL(value) : unusable;
  const isAllowed =
    ['spiffe:', 'https:', 'urn:'].includes(protocol) && hash === '' && username + password === '';
  const isSpiffe = protocol !== 'spiffe:' || (search + port === '' && spiffeId.test(value));
  if (!isPlain || !isAllowed || !isSpiffe)
    throw certificateError(
      'a URI name must be an absolute spiffe, https or urn URI in ASCII, without user or fragment',
    );
  return value;
}

const unusable = new URL('about:blank');
/** @see https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md */
const spiffeId = /^spiffe:\/\/[a-z0-9._-]{1,255}(\/(?!\.{1,2}(\/|$))[A-Za-z0-9._-]+)*$/;

/** GeneralName; the name must have passed {@link checkNames}. */
export function generalName({ kind, value }: AlternativeName): Der {
  const bytes = kind === 'ip' ? ipBytes(value) : Buffer.from(value, 'ascii');
  return taggedBytes(generalNameTag[kind], bytes);
}

/** 4 or 16 bytes of a canonical address. */
function ipBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail] = address.split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const before = groups(head);
  const after = groups(tail ?? '');
  const zeros = Array<string>(8 - before.length - after.length).fill('0');
  const all = tail === undefined ? before : [...before, ...zeros, ...after];
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex');
}

/** Text of 4 or 16 bytes; null for any other length, such as an address with a mask. */
export function ipText(bytes: Buffer): string | null {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) return null;
  const groups = bytes.toString('hex').match(/.{4}/g) ?? [];
  return canonicalIp(groups.join(':'));
}
