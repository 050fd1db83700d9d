import type { RandomBytes, Secret } from '../../kernel/index.ts';
import { cryptoError } from '../errors.ts';
import { createRootFile, resealRootFile } from './root-file.ts';
import { createSeal, defaultCostLog2, readSealedFile, readSealHeader, type FileSeal } from './sealed-file.ts';
import { collectShares, sealByShares, type ShareCount } from './shares.ts';

/** What opens the file now. */
export type PresentSeal = {
  readonly passphrase: Secret | null;
  /** For a file that is sealed by shares. */
  readonly shares: readonly Secret[];
};

/** What shall open it from now on. */
export type WantedSeal =
  | { readonly kind: 'shares'; readonly count: ShareCount }
  | { readonly kind: 'passphrase'; readonly passphrase: Secret };

/** Where the file is, and who is told the new shares. */
export type ResealPlace = {
  readonly file: string;
  readonly randomBytes: RandomBytes;
  readonly costLog2?: number;
  /** Given the new shares once, before the file changes: who loses them here has lost nothing yet. */
  readonly show: (shares: readonly Secret[]) => void;
};

/**
 * Seals the root key file anew, from a passphrase to shares, from shares to others, or back; makes it when it is missing.
 * The keys in it stay the same. No house may run on it.
 *
 * @returns `made` when there was no file
 * @throws ERR_CRYPTO_UNSEAL when what opens it now is wrong or missing; ERR_CRYPTO_SHARE for a share that is not of it
 */
export async function reseal(
  place: ResealPlace,
  now: PresentSeal,
  to: WantedSeal,
): Promise<'made' | 'resealed'> {
  const from = await openPresent(place.file, now);
  const { seal, shares } = await makeWanted(place, to);
  if (shares.length > 0) place.show(shares);
  if (from === null) await createRootFile(place.file, seal, place.randomBytes);
  else await resealRootFile(place, from, seal);
  return from === null ? 'made' : 'resealed';
}

async function makeWanted(
  { randomBytes, costLog2 = defaultCostLog2 }: ResealPlace,
  to: WantedSeal,
): Promise<{ readonly seal: FileSeal; readonly shares: readonly Secret[] }> {
  if (to.kind === 'shares') return sealByShares(to.count, randomBytes);
  return { seal: await createSeal(to.passphrase, randomBytes, costLog2), shares: [] };
}

/** Null when there is no file. */
async function openPresent(file: string, now: PresentSeal): Promise<FileSeal | null> {
  const header = await readSealHeader(file);
  if (header === null) return null;
  if (header.name === 'scrypt') {
    if (now.passphrase === null)
      throw cryptoError(
        'ERR_CRYPTO_UNSEAL',
        `the root key file "${file}" is sealed by a passphrase; give it`,
      );
    const found = await readSealedFile(file, now.passphrase);
    found?.content.fill(0);
    return found?.seal ?? null;
  }
  const collector = collectShares(header);
  for (const [at, share] of now.shares.entries())
    if (collector.give(share.reveal()) === 'refused')
      throw cryptoError('ERR_CRYPTO_SHARE', `share ${at + 1} is no share of the root key file "${file}"`);
  const given = collector.given();
  const seal = await collector.combine();
  if (seal === null)
    throw cryptoError(
      'ERR_CRYPTO_UNSEAL',
      `the root key file "${file}" needs ${header.threshold} different shares, ${given} were given; nothing was changed`,
    );
  return seal;
}
