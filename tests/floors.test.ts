import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { readImports, sourceFiles, type ImportEdge } from './support/imports.ts';
import { breaches, findCycles, forbiddenFolders } from './support/walls.ts';
import { restriction, wallOverrides } from './support/package-owners.ts';

const root = join(import.meta.dirname, '..');
const files = sourceFiles(root);
const edges: readonly ImportEdge[] = files.flatMap((file) =>
  readImports(file, readFileSync(join(root, file), 'utf8')),
);

describe('the walls between rooms', () => {
  test('every source file was read', () => {
    expect(files.length).toBeGreaterThan(30);
    expect(edges.length).toBeGreaterThan(files.length);
    expect(edges).toContainEqual({
      from: 'db/errors.ts',
      to: 'kernel/index.ts',
      specifier: '../kernel/index.ts',
      typeOnly: false,
    });
  });

  test('no import breaks a floor, a door or the owner of a package', () => {
    expect(breaches(edges)).toEqual([]);
  });

  test('no imports go in a circle at run time', () => {
    expect(findCycles(edges)).toEqual([]);
  });

  test('no folder is named for nothing in particular', () => {
    expect(forbiddenFolders(files)).toEqual([]);
  });

  test('the linter knows the same owners of packages', () => {
    const lint = JSON.parse(readFileSync(join(root, '.oxlintrc.json'), 'utf8')) as {
      rules: Record<string, unknown>;
      overrides: readonly unknown[];
    }; // our own file
    expect(lint.rules['no-restricted-imports']).toEqual(restriction());
    expect(lint.overrides.slice(0, wallOverrides().length)).toEqual(wallOverrides());
  });
});

describe('the walls test itself', () => {
  const planted = (from: string, code: string): readonly string[] => breaches(readImports(from, code));

  test.each([
    ['db/a.ts', `import { x } from '../audit/index.ts';`, 'a higher floor'],
    ['identity/a.ts', `import { x } from '../policy/index.ts';`, 'the same floor'],
    ['audit/deep/a.ts', `export * from '../../crypto/seal.ts';`, 'past the door'],
    ['audit/a.ts', `export { y } from '../crypto/seal.ts';`, 'past the door, re-exported'],
    ['dsr/a.ts', `const { x } = await import('../server/compose.ts');`, 'by a dynamic import'],
    ['dsr/a.ts', `import type { X } from '../gateway/index.ts';`, 'as a type'],
    ['dsr/a.ts', `type X = import('../gateway/index.ts').X;`, 'as an inline type'],
    ['server/a.ts', `import x from '../tests/support/skip.ts';`, 'tests from a room'],
    ['console/src/a.ts', `import { x } from '../../kernel/index.ts';`, 'the server from the console'],
    [
      'console/src/a.tsx',
      `import pg from 'pg'; export const b = <i>a</i>;`,
      'a server package from the console',
    ],
    ['audit/a.ts', `import pg from 'pg';`, 'a package that another room owns'],
    [
      'identity/a.ts',
      `import k from 'keycloak-connect/middleware/auth-utils/token.js';`,
      'a part of an owned package',
    ],
    ['crypto/a.ts', `import { x } from './crypto-fixture.ts';`, 'what belongs to tests'],
    ['crypto/a.ts', `import { x } from '../nowhere/index.ts';`, 'a folder that is no room'],
  ])('%s with %s is refused: %s', (from, code) => {
    expect(planted(from, code)).toHaveLength(1);
  });

  test.each([
    ['server/a.ts', `import { x } from '../audit/index.ts'; import f from 'fastify';`],
    ['audit/deep/a.ts', `import { x } from '../store.ts'; import { y } from '../../kernel/index.ts';`],
    [
      'audit/a.ts',
      `// import '../server/index.ts'\nconst text = "import x from '../cli/main.ts'"; import { z } from 'zod';`,
    ],
    ['tests/a.ts', `import { x } from '../audit/deep/inner.ts'; import pg from 'pg';`],
    ['audit/a.test.ts', `import { x } from '../tests/support/database.ts'; import pg from 'pg';`],
    ['identity/keycloak/adapter.ts', `import k from 'keycloak-connect';`],
  ])('%s with %s is allowed', (from, code) => {
    expect(planted(from, code)).toEqual([]);
  });

  test('a circle over three files is found', () => {
    const circle = [
      ...readImports('audit/a.ts', `import './b.ts';`),
      ...readImports('audit/b.ts', `import './c.ts';`),
      ...readImports('audit/c.ts', `import './a.ts';`),
    ];
    const asTypes = circle.map((edge) => ({ ...edge, typeOnly: true }));
    expect(findCycles(asTypes)).toEqual([]);
    expect(findCycles(circle)).toEqual(['audit/a.ts -> audit/b.ts -> audit/c.ts -> audit/a.ts']);
  });

  test('a folder named utils is found', () => {
    expect(forbiddenFolders(['audit/utils/a.ts', 'audit/store.ts'])).toEqual(['audit/utils/a.ts']);
  });
});
