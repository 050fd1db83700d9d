import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Published test vectors stand beside the repository, not in it; `GATEHOUSE_TEST_VECTORS` moves them. */
export const vectorsFolder: string = resolve(
  process.env['GATEHOUSE_TEST_VECTORS'] ?? join(import.meta.dirname, '..', '..', '..', 'shared', 'vectors'),
);

/** @returns null when these vectors are there, else the reason for `testUnless` */
export function missingVectors(name: string): string | null {
  return existsSync(join(vectorsFolder, name))
    ? null
    : `the published vectors "${name}" are not beside the repository`;
}
