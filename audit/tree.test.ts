import fc from 'fast-check';
import { describe, expect, test } from '@jest/globals';
import { createProofBuilder } from './build-proof.ts';
import { emptyRoot, leafHash, nodeHash } from './hash.ts';
import { createTreeWriter, tileWidth, type FullTile } from './tree-writer.ts';
import { verifyConsistency, verifyInclusion } from './verify-proof.ts';

/** RFC 6962 section 2.1, word for word. */
function naiveRoot(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return emptyRoot;
  if (leaves.length === 1) return leaves[0] as Buffer; // its length was checked
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return nodeHash(naiveRoot(leaves.slice(0, split)), naiveRoot(leaves.slice(split)));
}

const leaves = Array.from({ length: 70_000 }, (_, at) => leafHash(Buffer.from(`entry ${at}`)));

function grow(size: number): { root: Buffer; frontier: readonly Buffer[]; tiles: FullTile[] } {
  const tree = createTreeWriter();
  const tiles: FullTile[] = [];
  for (const leaf of leaves.slice(0, size)) tree.append(leaf, (tile) => tiles.push(tile));
  return { root: tree.root(), frontier: tree.frontier(), tiles };
}

function reader(tiles: readonly FullTile[]) {
  return async (level: number, index: number, width: number): Promise<Buffer> => {
    const full = tiles.find((tile) => tile.level === level && tile.index === index);
    if (full !== undefined) return full.hashes.subarray(0, width * 32);
    const start = index * tileWidth;
    if (level === 0) return Buffer.concat(leaves.slice(start, start + width));
    const below = tiles.filter(
      (tile) => tile.level === level - 1 && tile.index >= start && tile.index < start + width,
    );
    return Buffer.concat(below.map((tile) => tile.root));
  };
}

describe('the tree writer', () => {
  test('gives the root of the naive definition at every size up to 600', () => {
    const tree = createTreeWriter();
    for (let size = 0; size <= 600; size += 1) {
      expect(tree.root().equals(naiveRoot(leaves.slice(0, size)))).toBe(true);
      tree.append(leaves[size] as Buffer, () => undefined); // in range
    }
  });

  test('fills level-0 and level-1 tiles as tlog-tiles says', () => {
    const { tiles, root } = grow(70_000);
    expect(tiles.filter((tile) => tile.level === 0)).toHaveLength(273);
    expect(tiles.filter((tile) => tile.level === 1)).toHaveLength(1);
    expect(tiles.filter((tile) => tile.level === 2)).toHaveLength(0);
    for (const tile of tiles.filter(({ level, index }) => level === 0 && index % 90 === 0)) {
      const expected = leaves.slice(tile.index * 256, (tile.index + 1) * 256);
      expect(tile.hashes.equals(Buffer.concat(expected))).toBe(true);
      expect(tile.root.equals(naiveRoot(expected))).toBe(true);
    }
    expect(root.equals(naiveRoot(leaves))).toBe(true);
  });

  test('goes on from its edge exactly as if it had never stopped', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_500 }), fc.integer({ min: 0, max: 600 }), (before, more) => {
        const { frontier, tiles } = grow(before);
        const full = tiles.filter(({ level }) => level === 0);
        const edge = {
          size: before,
          frontier,
          partialTiles: [leaves.slice(full.length * 256, before), full.map(({ root }) => root)],
        };
        const tree = createTreeWriter(edge);
        const later: FullTile[] = [];
        for (const leaf of leaves.slice(before, before + more)) tree.append(leaf, (tile) => later.push(tile));
        const whole = grow(before + more);
        expect(tree.root().equals(whole.root)).toBe(true);
        expect([...tiles, ...later]).toEqual(whole.tiles);
      }),
      { numRuns: 25 },
    );
  });
});

describe('proofs built from tiles', () => {
  test('of inclusion verify for every index of small trees', async () => {
    for (const size of [1, 2, 3, 7, 8, 255, 256, 257]) {
      const { root, tiles } = grow(size);
      const builder = createProofBuilder(size, reader(tiles));
      expect((await builder.root()).equals(root)).toBe(true);
      for (let index = 0; index < size; index += 1) {
        const hashes = await builder.inclusion(index);
        verifyInclusion({ index, treeSize: size, leafHash: leaves[index] as Buffer, hashes, root }); // in range
      }
    }
  });

  test('verify across tile borders, and stop verifying when one bit is turned', async () => {
    const size = 70_000;
    const { root, tiles } = grow(size);
    const builder = createProofBuilder(size, reader(tiles));
    const run = async (index: number, bit: number): Promise<void> => {
      const hashes = await builder.inclusion(index);
      const proof = { index, treeSize: size, leafHash: leaves[index] as Buffer, hashes, root }; // in range
      verifyInclusion(proof);
      const broken = hashes.map((hash) => Buffer.from(hash));
      const target = broken[bit % broken.length] as Buffer; // in range
      target[bit % 32] = (target[bit % 32] ?? 0) ^ (1 << (bit % 8));
      expect(() => verifyInclusion({ ...proof, hashes: broken })).toThrow(
        expect.objectContaining({ code: 'ERR_AUDIT_INVALID_PROOF' }),
      );
    };
    await fc.assert(fc.asyncProperty(fc.integer({ min: 0, max: size - 1 }), fc.nat(10_000), run), {
      numRuns: 100,
    });
  });

  test('of consistency verify between any two sizes', async () => {
    const check = async (a: number, b: number): Promise<void> => {
      const [size1, size2] = [Math.min(a, b), Math.max(a, b)];
      const newer = grow(size2);
      const hashes = await createProofBuilder(size2, reader(newer.tiles)).consistency(size1);
      const proof = { size1, size2, root1: grow(size1).root, root2: newer.root, hashes };
      verifyConsistency(proof);
      if (size1 === size2) return;
      const wrong = Buffer.from(proof.root1.map((byte) => byte ^ 1));
      expect(() => verifyConsistency({ ...proof, root1: wrong })).toThrow(
        expect.objectContaining({ code: 'ERR_AUDIT_INVALID_PROOF' }),
      );
    };
    const size = fc.integer({ min: 1, max: 3_000 });
    await fc.assert(fc.asyncProperty(size, size, check), { numRuns: 60 });
  });
});
