import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { verifyConsistency, verifyInclusion } from '../../audit/index.ts';
import { describeUnless } from '../support/skip.ts';
import { missingVectors, vectorsFolder } from '../support/vectors.ts';

const folder = join(vectorsFolder, 'merkle');
const missing = missingVectors('merkle');

const bytes = (text: string | null): Buffer => Buffer.from(text ?? '', 'base64');
const list = (proof: readonly string[] | null): Buffer[] => (proof ?? []).map(bytes);

function files(kind: string): string[] {
  return readdirSync(join(folder, kind), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.json'))
    .toSorted();
}

function load<Shape>(kind: string, file: string): Shape {
  return JSON.parse(readFileSync(join(folder, kind, file), 'utf8')) as Shape; // the published shape
}

type Inclusion = {
  leafIdx: number;
  treeSize: number;
  root: string;
  leafHash: string;
  proof: string[] | null;
  wantErr: boolean;
};
type Consistency = {
  size1: number;
  size2: number;
  root1: string;
  root2: string;
  proof: string[] | null;
  wantErr: boolean;
};

function expectOutcome(wantErr: boolean, check: () => void): void {
  if (wantErr) expect(check).toThrow(expect.objectContaining({ code: 'ERR_AUDIT_INVALID_PROOF' }));
  else expect(check).not.toThrow();
}

describeUnless(missing, 'published RFC 6962 proofs', () => {
  test('all 196 files are there', () => {
    expect(files('inclusion').length + files('consistency').length).toBe(196);
  });
  for (const file of files('inclusion')) {
    test(`inclusion/${file}`, () => {
      const vector = load<Inclusion>('inclusion', file);
      expectOutcome(vector.wantErr, () =>
        verifyInclusion({
          index: vector.leafIdx,
          treeSize: vector.treeSize,
          root: bytes(vector.root),
          leafHash: bytes(vector.leafHash),
          hashes: list(vector.proof),
        }),
      );
    });
  }
  for (const file of files('consistency')) {
    test(`consistency/${file}`, () => {
      const vector = load<Consistency>('consistency', file);
      expectOutcome(vector.wantErr, () =>
        verifyConsistency({
          size1: vector.size1,
          size2: vector.size2,
          root1: bytes(vector.root1),
          root2: bytes(vector.root2),
          hashes: list(vector.proof),
        }),
      );
    });
  }
});
