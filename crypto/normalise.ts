import { domainToASCII } from 'node:url';
import { bucketOf } from './search/bucket.ts';
import type { IndexPlan, Normaliser } from './types.ts';

// oxlint-disable-next-line no-control-regex -- exactly the ASCII characters
const ascii = /^[\0-\x7f]*$/;

/** Nothing to trim, to fold or to convert: what nearly every address looks like already. */
const plainEmail = /^[\x21-\x40\x5b-\x7e]*[\x21-\x2d\x2f-\x40\x5b-\x7e]$/;

/** NFC, trimmed, lower-case; the domain in its ASCII form (IDNA), without a last dot. */
function normaliseEmail(value: string): string {
  if (plainEmail.test(value)) return value;
  const folded = value.trim().toLowerCase();
  const text = ascii.test(folded) ? folded : value.normalize('NFC').trim().toLowerCase().normalize('NFC');
  const at = text.lastIndexOf('@');
  if (at === -1) return text;
  return `${text.slice(0, at)}@${normaliseDomain(text.slice(at + 1))}`;
}

function normaliseDomain(domain: string): string {
  const bare = domain.endsWith('.') ? domain.slice(0, -1) : domain;
  if (ascii.test(bare)) return bare;
  const converted = domainToASCII(bare);
  return converted === '' ? bare : converted;
}

/** `+` and digits when the number is international (`+` or `00` in front), else the digits alone. */
function normalisePhone(value: string): string {
  const text = value.normalize('NFKC').trim();
  const digits = text.replace(/\D/g, '');
  if (text.startsWith('+') || text.startsWith('(+')) return digits === '' ? '' : `+${digits}`;
  return digits.startsWith('00') && digits.length > 2 ? `+${digits.slice(2)}` : digits;
}

/** NFC, trimmed, case-folded: upper then lower case, so that ß meets ss and final sigma meets sigma. */
function normaliseText(value: string): string {
  const text = value.normalize('NFC').trim();
  if (ascii.test(text)) return text.toLowerCase();
  return text.toUpperCase().toLowerCase().replaceAll('ς', 'σ').normalize('NFC');
}

const normalisers: Readonly<Record<Normaliser, (value: string) => string>> = Object.freeze({
  email: normaliseEmail,
  phone: normalisePhone,
  text: normaliseText,
});

/** What decides how a value is made comparable. */
export type IndexKind = Pick<IndexPlan, 'kind' | 'normaliser' | 'length' | 'buckets'>;

/** The first characters, whole ones; null when the text is shorter than the prefix. */
function prefixOf(text: string, length: number): string | null {
  let end = 0;
  let characters = 0;
  for (const character of text) {
    if (characters === length) break;
    characters += 1;
    end += character.length;
  }
  return length > 0 && characters === length ? text.slice(0, end) : null;
}

/**
 * Makes two ways of writing the same thing equal.
 *
 * @returns what is indexed, or null when the value has no term of this kind
 */
export function normaliseForIndex(index: IndexKind, value: string): string | null {
  if (index.kind === 'range') return index.buckets === undefined ? null : bucketOf(index.buckets, value);
  const normalised = normalisers[index.normaliser](value);
  if (index.kind === 'prefix') return prefixOf(normalised, index.length ?? 0);
  if (index.kind === 'exact') return normalised === '' ? null : normalised;
  const at = normalised.lastIndexOf('@');
  const domain = at === -1 ? '' : normalised.slice(at + 1);
  return domain === '' ? null : domain;
}

/** As {@link normaliseForIndex} for a search, where `@example.com` and `example.com` both name a domain. */
export function normaliseForSearch(index: IndexKind, value: string): string | null {
  if (index.kind === 'domain' && !value.includes('@')) return normaliseForIndex(index, `@${value.trim()}`);
  return normaliseForIndex(index, value);
}
