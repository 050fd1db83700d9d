import { execFileSync } from 'node:child_process';
import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/*
 * `npm run build:package [-- FOLDER]`: JavaScript and types of `gatehouse/crypto` in dist/package or the folder named, for projects that install it;
 * node strips types only outside of node_modules.
 */
const root = join(import.meta.dirname, '..');
const target = resolve(process.argv[2] ?? join(root, 'dist', 'package'));

type Manifest = {
  readonly version: string;
  readonly license: string;
  readonly dependencies: Readonly<Record<string, string>>;
};

const imports = /(?:from|import)\s*\(?['"]([^'"]+)['"]/g;

/** Copies what the emitted files import as it is, and gives the packages they need. */
function completeImports(): ReadonlySet<string> {
  const used = new Set<string>();
  for (const file of readdirSync(target, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.js')) continue;
    for (const [, specifier = ''] of readFileSync(join(target, file), 'utf8').matchAll(imports)) {
      if (!specifier.startsWith('.')) used.add(/^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier);
      else if (specifier.endsWith('.mjs')) {
        const path = join(dirname(file), specifier);
        copyFileSync(join(root, path), join(target, path));
      }
    }
  }
  return used;
}

rmSync(target, { recursive: true, force: true });
const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
execFileSync(process.execPath, [compiler, '-p', 'tsconfig.package.json', '--outDir', target], {
  cwd: root,
  stdio: 'inherit',
});
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest; // our own file
const used = completeImports();
const description = {
  name: 'gatehouse',
  version: manifest.version,
  license: manifest.license,
  type: 'module',
  engines: { node: '>=24' },
  exports: { './crypto': { types: './sdk/crypto.d.ts', default: './sdk/crypto.js' } },
  dependencies: Object.fromEntries(Object.entries(manifest.dependencies).filter(([name]) => used.has(name))),
};
writeFileSync(join(target, 'package.json'), `${JSON.stringify(description, null, 2)}\n`);
