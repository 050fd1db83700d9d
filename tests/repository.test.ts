import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { migrationSources } from '../server/migration-sources.ts';
import {
  badChangelogLines,
  badLicences,
  invariantProblems,
  machineTraces,
  type LockFile,
} from './support/repository.ts';

const root = join(import.meta.dirname, '..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' })
  .split('\0')
  .filter((file) => file !== '' && existsSync(join(root, file)));
const lock = JSON.parse(read('package-lock.json')) as LockFile; // npm's documented shape
const packages = JSON.parse(read('package.json')) as {
  dependencies: object;
  devDependencies: object;
  optionalDependencies: object;
}; // ours
const rooms = ['kernel', 'db', 'crypto', 'datamap', 'audit', 'identity', 'policy', 'dsr', 'gateway'];

describe('what is in the repository', () => {
  test.each(['package-lock.json', 'bin/node24/package-lock.json'])(
    '%s names no registry and gives integrity',
    (file) => {
      const { packages: entries } = JSON.parse(read(file)) as LockFile; // npm's documented shape
      const installed = Object.entries(entries).filter(
        ([path, entry]) => path !== '' && entry.link !== true && entry.inBundle !== true,
      );
      expect(installed.filter(([, entry]) => entry.resolved !== undefined)).toEqual([]);
      expect(installed.filter(([, entry]) => entry.integrity === undefined).map(([path]) => path)).toEqual(
        [],
      );
    },
  );

  test('no file names a path of somebody’s machine or a registry', () => {
    const texts = tracked.filter(
      (file) => !/\.(png|jpg|ico|woff2?|wasm|zip|gz|pdf)$|package-lock\.json$/.test(file),
    );
    expect(texts.flatMap((file) => machineTraces(file, read(file)))).toEqual([]);
  });

  test('every folder of migrations is there in a clone', () => {
    const missing = migrationSources.filter(
      ({ folder }) => !tracked.some((file) => join(root, dirname(file)) === folder),
    );
    expect(missing.map(({ room }) => room)).toEqual([]);
  });

  test('no version is a range', () => {
    const versions = [packages.dependencies, packages.devDependencies, packages.optionalDependencies].flatMap(
      (list) => Object.entries(list),
    );
    expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(String(version)))).toEqual([]);
  });
});

describe('what is promised', () => {
  test.each(rooms)('%s has INVARIANTS.md, short, each line with a test that exists', (room) => {
    expect(
      invariantProblems(
        `${room}/INVARIANTS.md`,
        existsSync(join(root, room, 'INVARIANTS.md')) ? read(`${room}/INVARIANTS.md`) : null,
        (file) => existsSync(join(root, file)),
      ),
    ).toEqual([]);
  });

  test('every room and topic has its page', () => {
    const pages = [
      ...rooms.filter((room) => room !== 'kernel'),
      'threat-model',
      'glossary',
      'dependencies',
      'operations',
      'design/0001-house',
    ].map((page) => `docs/${page}.md`);
    const files = ['LICENSE', 'SECURITY.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'README.md'];
    expect([...pages, ...files].filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });

  test('links between pages lead somewhere', () => {
    const dead = tracked
      .filter((file) => file.endsWith('.md'))
      .flatMap((file) =>
        [...read(file).matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)(#[^)]*)?\)/g)].flatMap(([, target]) =>
          existsSync(join(root, dirname(file), target ?? '')) ? [] : [`${file}: ${target ?? ''}`],
        ),
      );
    expect(dead).toEqual([]);
  });

  test('the changelog has one line for each change, scope first', () => {
    expect(badChangelogLines(read('CHANGELOG.md'))).toEqual([]);
  });

  test('every dependency has its reason in docs/dependencies.md', () => {
    const page = read('docs/dependencies.md');
    const names = [packages.dependencies, packages.devDependencies, packages.optionalDependencies]
      .flatMap((list) => Object.keys(list))
      .filter((name) => !name.startsWith('@types/'));
    expect(
      names.filter(
        (name) => !page.includes(`\`${name}\``) && !page.includes(`\`${name.split('/')[1] ?? ''}\``),
      ),
    ).toEqual([]);
  });

  test('every package of production has a licence that fits Apache-2.0', () => {
    expect(badLicences(lock)).toEqual([]);
  });
});

describe('the repository test itself', () => {
  test('sees machine paths, registries and internal hosts', () => {
    const home = ['', 'home', 'somebody', 'x.ts'].join('/');
    const registry = ['https:/', ['registry', 'npmjs', 'org'].join('.'), 'pg', '-', 'pg.tgz'].join('/');
    expect(machineTraces('a.md', `see ${home}`)).toHaveLength(1);
    expect(machineTraces('a.md', `"resolved": "${registry}"`)).toHaveLength(1);
    expect(machineTraces('a.md', 'import "../work/x.ts"; https://example.org/home/x')).toEqual([]);
  });

  test('sees a promise without a test, with a test that is not there, and a page that is too long', () => {
    const none = (): boolean => false;
    expect(invariantProblems('a/INVARIANTS.md', null, none)).toEqual(['a/INVARIANTS.md is missing']);
    expect(invariantProblems('a/INVARIANTS.md', '- It holds.', none)).toHaveLength(1);
    expect(invariantProblems('a/INVARIANTS.md', '- It holds. `a/x.test.ts`', none)).toEqual([
      'a/INVARIANTS.md names a/x.test.ts, which does not exist',
    ]);
    expect(invariantProblems('a/INVARIANTS.md', '\n'.repeat(31), () => true)).toHaveLength(2);
    expect(
      invariantProblems('a/INVARIANTS.md', '- It holds. `x.test.ts`', (file) => file === 'a/x.test.ts'),
    ).toEqual([]);
  });

  test('sees a licence that does not fit and a line without scope', () => {
    const entry = { license: 'GPL-3.0', integrity: 'x' };
    expect(
      badLicences({ packages: { 'node_modules/x': entry, 'node_modules/y': { ...entry, dev: true } } }),
    ).toEqual(['node_modules/x: GPL-3.0']);
    expect(badLicences({ packages: { 'node_modules/z': { license: '(MIT OR GPL-3.0)' } } })).toEqual([]);
    expect(badChangelogLines('# Changelog\n\n## Unreleased\n- did something')).toHaveLength(1);
  });
});
