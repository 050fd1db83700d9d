import { concat, sha256, type Bytes } from './bytes.ts';

/** Leaf hash: SHA-256 over 0x00 and the entry. @see RFC 6962 section 2.1 */
export function hashLeaf(entry: Bytes): Promise<Bytes> {
  return sha256(concat(Uint8Array.of(0), entry));
}

/** Node hash: SHA-256 over 0x01 and both children. @see RFC 6962 section 2.1 */
export function hashNode(left: Bytes, right: Bytes): Promise<Bytes> {
  return sha256(concat(Uint8Array.of(1), left, right));
}

/** One step up the tree: which side the sibling stands on, and what the pair hashes to. */
export type PathStep = { readonly side: 'left' | 'right'; readonly sibling: Bytes; readonly result: Bytes };

/**
 * Climbs an inclusion proof from a leaf to the root.
 *
 * @param index position of the leaf, 0..size-1
 * @param size number of leaves in the tree, at most 2^53-1
 * @returns every step with its hash; the last result is the root (the leaf itself in a tree of one)
 * @throws Error when the proof has the wrong length for index and size
 * @see https://www.rfc-editor.org/rfc/rfc9162#section-2.1.3.2
 */
export async function climb(
  index: number,
  size: number,
  leaf: Bytes,
  path: readonly Bytes[],
): Promise<readonly PathStep[]> {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) {
    throw new Error(`index ${index} does not lie in a tree of ${size} leaves`);
  }
  let position = BigInt(index);
  let last = BigInt(size) - 1n;
  let hash = leaf;
  const steps: PathStep[] = [];
  for (const sibling of path) {
    if (last === 0n) throw new Error('the proof is longer than the tree is high');
    if ((position & 1n) === 1n || position === last) {
      hash = await hashNode(sibling, hash);
      steps.push({ side: 'left', sibling, result: hash });
      while ((position & 1n) === 0n && position !== 0n) {
        position >>= 1n;
        last >>= 1n;
      }
    } else {
      hash = await hashNode(hash, sibling);
      steps.push({ side: 'right', sibling, result: hash });
    }
    position >>= 1n;
    last >>= 1n;
  }
  if (last !== 0n) throw new Error('the proof is shorter than the tree is high');
  return steps;
}
