import type { Tx } from '../../db/index.ts';
import { isGatehouseError, type SubjectId } from '../../kernel/index.ts';
import { fromText, parseCiphertext, toText } from '../ct1.ts';
import type { DataKeys } from '../data-keys.ts';
import type { CryptoErrorCode } from '../errors.ts';
import type { Failures } from '../failures.ts';
import type { Crypto, FieldContext, ManyOpened, ManySealed, ToOpen, ToSeal } from '../types.ts';

/** What sealing and opening many values needs. */
export type ManyDeps = {
  readonly one: Pick<Crypto, 'seal' | 'sealPortable' | 'open'>;
  readonly dataKeys: DataKeys;
  readonly failures: Failures;
};

/** What is the item's own fault or fate; everything else fails the whole batch. */
const ownCodes: ReadonlySet<string> = new Set<CryptoErrorCode>([
  'ERR_CRYPTO_SHREDDED',
  'ERR_CRYPTO_KEY_EXHAUSTED',
  'ERR_CRYPTO_INPUT',
]);

/** Seals each value by itself; one that cannot be sealed does not stop the others. */
export async function sealMany(
  tx: Tx,
  { one, dataKeys }: ManyDeps,
  items: readonly ToSeal[],
): Promise<readonly ManySealed[]> {
  const subjects = new Set<SubjectId>();
  for (const { scope } of items) if (scope.kind === 'subject') subjects.add(scope.subjectId);
  await unlessOfOneItem(dataKeys.forSubjects(tx, subjects));
  const results: ManySealed[] = [];
  for (const { scope, context, plaintext, portable } of items) {
    try {
      const seal = portable ? one.sealPortable : one.seal;
      results.push({ kind: 'sealed', ciphertext: toText(await seal(tx, scope, context, plaintext)) });
    } catch (error) {
      results.push({ kind: 'refused', code: ownCodeOf(error) });
    }
  }
  return results;
}

/** Fetches keys at once; what is wrong with single ones comes to light when their item's turn comes. */
async function unlessOfOneItem(fetching: Promise<unknown>): Promise<void> {
  try {
    await fetching;
  } catch (error) {
    if (!(isGatehouseError(error) && (ownCodes.has(error.code) || isKeyGone(error)))) throw error;
  }
}

/** @throws whatever is not the item's own */
function ownCodeOf(error: unknown): CryptoErrorCode {
  if (!isGatehouseError(error) || !ownCodes.has(error.code)) throw error;
  return error.code as CryptoErrorCode; // in the set
}

/** Opens each value by itself; one that does not open does not stop the others. */
export async function openMany(
  tx: Tx,
  deps: ManyDeps,
  items: readonly ToOpen[],
): Promise<readonly ManyOpened[]> {
  const bytes = items.map(({ ciphertext }) => fromText(ciphertext) ?? Buffer.alloc(0));
  const kids = bytes.flatMap((value) => parseCiphertext(value, 'field')?.kid ?? []);
  await unlessOfOneItem(deps.dataKeys.byKids(tx, kids));
  const results: ManyOpened[] = [];
  for (const [index, { context }] of items.entries())
    results.push(await openItem(tx, deps, context, bytes[index] ?? Buffer.alloc(0)));
  return results;
}

async function openItem(
  tx: Tx,
  { one, failures }: ManyDeps,
  context: FieldContext,
  ciphertext: Buffer,
): Promise<ManyOpened> {
  try {
    return await one.open(tx, context, ciphertext);
  } catch (error) {
    if (!isGatehouseError(error)) throw error;
    if (error.code === 'ERR_CRYPTO_INPUT') return { kind: 'refused', code: 'ERR_CRYPTO_INPUT' };
    if (isKeyGone(error)) {
      const { service, collection, field } = context;
      const kid = parseCiphertext(ciphertext, 'field')?.kid ?? null;
      failures.report(tx, { cause: 'tenant_key', kid, collection: `${service}.${collection}`, field });
    } else if (error.code !== 'ERR_CRYPTO_DECRYPT') throw error;
    return { kind: 'refused', code: 'ERR_CRYPTO_DECRYPT' };
  }
}

/** The epoch that wraps the key is destroyed or unknown, for good; not a root that is away for a while. */
function isKeyGone(error: {
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>>;
}): boolean {
  if (error.code === 'ERR_CRYPTO_KEY') return true;
  const passing = error.details['retryable'] === true || error.details['foreign'] === true;
  return error.code === 'ERR_CRYPTO_ROOT' && !passing;
}
