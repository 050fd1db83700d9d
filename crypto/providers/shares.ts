import { createHash, createSecretKey } from 'node:crypto';
import { combine, split } from 'shamir-secret-sharing';
import { Secret, type RandomBytes } from '../../kernel/index.ts';
import { toAeadKey } from '../aead.ts';
import { keyBytes } from '../derive.ts';
import { cryptoError } from '../errors.ts';
import type { FileSeal, SharesHeader } from './sealed-file.ts';

/** How many people hold a share, and how many of them open the house. */
export type ShareCount = {
  /** 2..20 */
  readonly shares: number;
  /** 2..shares */
  readonly threshold: number;
};

const setBytes = 16;
const shareBytes = keyBytes + 1;
const checksumBytes = 4;
const prefix = 'gatehouse-share-1.';
const maxShares = 20;
const hash = (label: string, ...parts: readonly Buffer[]): Buffer =>
  parts.reduce((sum, part) => sum.update(part), createHash('sha256').update(`${label}\0`)).digest();

/** What one person holds. */
export type Share = { readonly set: Buffer; readonly bytes: Buffer };

/** Says in the file which shares are its own; a share has 256 unknown bits, so this gives nothing of it away. */
const digestOf = ({ set, bytes }: Share): string =>
  hash('gatehouse-share-digest', set, bytes).toString('base64');

/** `gatehouse-share-1.` and base64url of set(16) share(33) checksum(4). */
function shareText(share: Share): Secret {
  const checksum = hash('gatehouse-share-1', share.set, share.bytes).subarray(0, checksumBytes);
  return new Secret(prefix + Buffer.concat([share.set, share.bytes, checksum]).toString('base64url'));
}

/** Null for what is no share: cut short, mistyped, something else. */
export function parseShare(text: string): Share | null {
  const body = text.trim();
  if (!body.startsWith(prefix) || body.length > 200) return null;
  const bytes = Buffer.from(body.slice(prefix.length), 'base64url');
  if (bytes.length !== setBytes + shareBytes + checksumBytes) return null;
  const share = { set: bytes.subarray(0, setBytes), bytes: bytes.subarray(setBytes, setBytes + shareBytes) };
  return shareText(share).reveal() === body ? share : null;
}

/**
 * A new seal whose key nobody holds: any `threshold` of the shares give it back, fewer say nothing of it.
 *
 * @throws ERR_CRYPTO_INPUT for counts out of range
 * @see https://dl.acm.org/doi/10.1145/359168.359176 (Shamir, How to share a secret)
 */
export async function sealByShares(
  count: ShareCount,
  randomBytes: RandomBytes,
): Promise<{ readonly seal: FileSeal; readonly shares: readonly Secret[] }> {
  requireCount(count);
  const key = randomBytes(keyBytes);
  const set = randomBytes(setBytes);
  // The library takes nothing but plain arrays of bytes.
  const made = (await split(new Uint8Array(key), count.shares, count.threshold)).map((bytes) => ({
    set,
    bytes: Buffer.from(bytes),
  }));
  const header: SharesHeader = {
    ...{ name: 'shamir', set: set.toString('base64'), ...count },
    digests: made.map(digestOf),
  };
  const seal = { kdf: header, key: toAeadKey(createSecretKey(key)) };
  // Proved before anybody relies on them: the last shares give the key as well as the first would.
  const again = await combine(made.slice(-count.threshold).map(({ bytes }) => new Uint8Array(bytes)));
  if (!key.equals(again))
    throw cryptoError('ERR_CRYPTO_UNSEAL', 'the shares do not give their key; nothing was changed');
  again.fill(0);
  key.fill(0);
  return { seal, shares: made.map(shareText) };
}

function requireCount({ shares, threshold }: ShareCount): void {
  const whole = Number.isInteger(shares) && Number.isInteger(threshold);
  if (whole && threshold >= 2 && threshold <= shares && shares <= maxShares) return;
  throw cryptoError(
    'ERR_CRYPTO_INPUT',
    `shares and threshold must be whole numbers with 2 <= threshold <= shares <= ${maxShares}`,
  );
}

/** Shares given so far; forgets them when the key is made. */
export type ShareCollector = {
  /** Whether it is one of the file's, and whether it was given before. */
  readonly give: (text: string) => 'taken' | 'repeated' | 'refused';
  readonly given: () => number;
  /** The seal, once enough were given; null before. */
  readonly combine: () => Promise<FileSeal | null>;
};

/** Collects the shares of one file. */
export function collectShares(header: SharesHeader): ShareCollector {
  const known = new Set(header.digests);
  const taken = new Map<string, Buffer>();
  return Object.freeze({
    give: (text: string) => {
      const share = parseShare(text);
      const digest = share === null ? '' : digestOf(share);
      if (share === null || !known.has(digest)) return 'refused';
      if (taken.has(digest)) return 'repeated';
      taken.set(digest, Buffer.from(share.bytes));
      return 'taken';
    },
    given: () => taken.size,
    combine: async () => {
      if (taken.size < header.threshold) return null;
      const bytes = Buffer.from(
        await combine([...taken.values()].slice(0, header.threshold).map((share) => new Uint8Array(share))),
      );
      const key = toAeadKey(createSecretKey(bytes));
      bytes.fill(0);
      for (const share of taken.values()) share.fill(0);
      taken.clear();
      return { kdf: header, key };
    },
  });
}
