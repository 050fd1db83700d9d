import { GatehouseError, type Clock, type Logger, type Secret } from '../../kernel/index.ts';
import { cryptoError } from '../errors.ts';
import type { FileSeal, SharesHeader } from './sealed-file.ts';
import { collectShares } from './shares.ts';

/** How far the house is from being open. */
export type SealStatus = {
  readonly sealed: boolean;
  /** Shares given of those that are needed; both 0 for a house that needs none. */
  readonly given: number;
  readonly threshold: number;
};

/** How a house was unsealed; for the record, which cannot be written before. */
export type Unsealing = {
  readonly threshold: number;
  readonly shares: number;
  /** When each share was given. */
  readonly givenAt: readonly Date[];
  readonly refused: number;
};

/** Whether the root is open, and the way to open it. */
export type HouseSeal = {
  readonly status: () => SealStatus;
  /**
   * Takes one share. @returns where it stands after it; `repeated` when the share had been given before
   * @throws ERR_CRYPTO_SHARE for what is no share of this house, in the same words whatever is wrong with it; 429 after many
   */
  readonly give: (share: Secret) => Promise<SealStatus & { readonly repeated: boolean }>;
  /** Resolves when the house is open: with how, or null when it never was sealed. */
  readonly opened: Promise<Unsealing | null>;
};

/** The seal of a house that needs no shares. */
export const openSeal: HouseSeal = Object.freeze({
  status: () => ({ sealed: false, given: 0, threshold: 0 }),
  give: async () => {
    throw new GatehouseError('ERR_CONFLICT', 'the house is not sealed; no share is needed', { status: 409 });
  },
  opened: Promise.resolve(null),
});

/** What every call that needs a key says while the house is sealed. */
export function sealedError({ given, threshold }: SealStatus): Error {
  return cryptoError(
    'ERR_CRYPTO_UNSEAL',
    `the house is sealed: ${given} of ${threshold} shares are given; give the others with "gatehouse crypto unseal"`,
    { expose: true },
  );
}

const maxRefusals = 10;
const refusalWindowMilliseconds = 60_000;

/** @param open - opens the file once the key is there */
export function createHouseSeal(
  header: SharesHeader,
  deps: {
    readonly clock: Clock;
    readonly logger?: Logger | undefined;
    readonly open: (seal: FileSeal) => Promise<void>;
  },
): HouseSeal {
  const collector = collectShares(header);
  const { threshold, shares } = header;
  const opened = Promise.withResolvers<Unsealing>();
  const givenAt: Date[] = [];
  const refusals: number[] = [];
  let refused = 0;
  let sealed = true;
  let turn = Promise.resolve();
  const status = (): SealStatus =>
    sealed ? { sealed, given: collector.given(), threshold } : { sealed, given: threshold, threshold };
  const refuse = (): Error => {
    refused += 1;
    refusals.push(deps.clock.now().getTime());
    deps.logger?.warn('a share was refused', { given: collector.given(), threshold });
    return cryptoError(
      'ERR_CRYPTO_SHARE',
      `this is no share of this house's root key; ${collector.given()} of ${threshold} are given`,
    );
  };
  const giveOne = async (share: Secret): Promise<SealStatus & { readonly repeated: boolean }> => {
    if (!sealed) return openSeal.give(share) as never; // it throws
    requireFew(refusals, deps.clock.now().getTime());
    const outcome = collector.give(share.reveal());
    if (outcome === 'refused') throw refuse();
    if (outcome === 'taken') givenAt.push(deps.clock.now());
    const seal = await collector.combine();
    if (seal !== null) {
      await deps.open(seal);
      sealed = false;
      opened.resolve({ threshold, shares, givenAt: [...givenAt], refused });
    }
    return { ...status(), repeated: outcome === 'repeated' };
  };
  return Object.freeze({
    status,
    // One after the other, so that the last share of two is not combined twice.
    give: (share: Secret) => {
      const mine = turn.then(() => giveOne(share));
      turn = mine.then(
        () => undefined,
        () => undefined,
      );
      return mine;
    },
    opened: opened.promise,
  });
}

function requireFew(refusals: number[], now: number): void {
  while (refusals[0] !== undefined && now - refusals[0] >= refusalWindowMilliseconds) refusals.shift();
  if (refusals.length < maxRefusals) return;
  throw new GatehouseError('ERR_OVERLOADED', 'too many wrong shares; wait a minute and try again', {
    status: 429,
  });
}
