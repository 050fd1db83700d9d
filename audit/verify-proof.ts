import { auditError } from './errors.ts';
import { hashBytes, nodeHash } from './hash.ts';

const refuse = (why: string): Error =>
  auditError('ERR_AUDIT_INVALID_PROOF', `the proof does not hold: ${why}`);

/** An inclusion proof and what it must show. */
export type InclusionProof = {
  readonly index: number;
  readonly treeSize: number;
  readonly leafHash: Buffer;
  readonly hashes: readonly Buffer[];
  readonly root: Buffer;
};

/** A consistency proof and what it must show. */
export type ConsistencyProof = {
  readonly size1: number;
  readonly size2: number;
  readonly root1: Buffer;
  readonly root2: Buffer;
  readonly hashes: readonly Buffer[];
};

/**
 * Checks that a leaf stands at its index in the tree with this root.
 *
 * @throws ERR_AUDIT_INVALID_PROOF
 * @see https://www.rfc-editor.org/rfc/rfc9162#section-2.1.3.2
 */
export function verifyInclusion(proof: InclusionProof): void {
  checkNumbers(proof.index, proof.treeSize);
  if (proof.index >= proof.treeSize) throw refuse(`index ${proof.index} is beyond size ${proof.treeSize}`);
  checkHashes([proof.leafHash, proof.root, ...proof.hashes]);
  let at = proof.index;
  let last = proof.treeSize - 1;
  let node = proof.leafHash;
  for (const sibling of proof.hashes) {
    if (last === 0) throw refuse('it has too many hashes');
    if (at % 2 === 1 || at === last) {
      node = nodeHash(sibling, node);
      while (at % 2 === 0 && at !== 0) {
        at = at / 2;
        last = Math.floor(last / 2);
      }
    } else {
      node = nodeHash(node, sibling);
    }
    at = Math.floor(at / 2);
    last = Math.floor(last / 2);
  }
  if (last !== 0) throw refuse('it has too few hashes');
  if (!node.equals(proof.root)) throw refuse('it leads to another root');
}

/**
 * Checks that the tree of `size2` begins with the tree of `size1`. A first size of zero is refused: every tree begins
 * with the empty one, so such a proof shows nothing.
 *
 * @throws ERR_AUDIT_INVALID_PROOF
 * @see https://www.rfc-editor.org/rfc/rfc9162#section-2.1.4.2
 */
export function verifyConsistency(proof: ConsistencyProof): void {
  const { size1, size2, root1, root2, hashes } = proof;
  checkNumbers(size1, size2);
  if (size1 === 0) throw refuse('the first size is zero, which proves nothing');
  if (size1 > size2) throw refuse('the first size is larger than the second');
  if (size1 === size2) {
    if (hashes.length > 0) throw refuse('equal sizes need no hashes');
    if (!root1.equals(root2)) throw refuse('equal sizes have different roots');
    return;
  }
  checkHashes([root1, root2, ...hashes]);
  const { first, second } = foldConsistency(size1, size2, isPowerOfTwo(size1) ? [root1, ...hashes] : hashes);
  if (!first.equals(root1)) throw refuse('it leads to another first root');
  if (!second.equals(root2)) throw refuse('it leads to another second root');
}

function foldConsistency(
  size1: number,
  size2: number,
  path: readonly Buffer[],
): { first: Buffer; second: Buffer } {
  const [start, ...rest] = path;
  if (start === undefined || rest.length === 0) throw refuse('it has too few hashes');
  let at = size1 - 1;
  let last = size2 - 1;
  while (at % 2 === 1) {
    at = Math.floor(at / 2);
    last = Math.floor(last / 2);
  }
  let first = start;
  let second = start;
  for (const hash of rest) {
    if (last === 0) throw refuse('it has too many hashes');
    if (at % 2 === 1 || at === last) {
      first = nodeHash(hash, first);
      second = nodeHash(hash, second);
      while (at % 2 === 0 && at !== 0) {
        at = at / 2;
        last = Math.floor(last / 2);
      }
    } else {
      second = nodeHash(second, hash);
    }
    at = Math.floor(at / 2);
    last = Math.floor(last / 2);
  }
  if (last !== 0) throw refuse('it has too few hashes');
  return { first, second };
}

function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(Math.log2(value));
}

function checkNumbers(...values: readonly number[]): void {
  for (const value of values) {
    if (!Number.isSafeInteger(value) || value < 0)
      throw refuse('an index or size is not a number the log can have');
  }
}

function checkHashes(hashes: readonly Buffer[]): void {
  for (const hash of hashes)
    if (hash.length !== hashBytes) throw refuse(`a hash is not ${hashBytes} bytes long`);
}
