import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { testFolderPrefix } from './leftovers.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');
const packageFolder = join(root, 'node_modules', 'pkcs11js');

/** SoftHSM2 and the native part of pkcs11js, or why they cannot be had. */
export type SoftHsm = { readonly library: string } | { readonly missing: string };

const places = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib64/softhsm/libsofthsm.so',
  '/usr/lib64/pkcs11/libsofthsm2.so',
  '/usr/local/lib/softhsm/libsofthsm2.so',
  '/opt/homebrew/lib/softhsm/libsofthsm2.so',
];

/** Looks for the library, and builds what npm could not build. */
export async function provideSoftHsm(): Promise<SoftHsm> {
  const library = places.find((place) => existsSync(place));
  if (library === undefined || spawnSync('softhsm2-util', ['--version']).status !== 0)
    return { missing: 'SoftHSM2 is not installed; install the package "softhsm2"' };
  if (process.env['SOFTHSM2_CONF'] === undefined) return { missing: 'SOFTHSM2_CONF is not set' };
  const problem = await buildNativePart();
  return problem === null ? { library } : { missing: problem };
}

/** The configuration that the lane hands to its processes: the library reads the real environment of the process only. */
export async function configureSoftHsm(folder: string): Promise<Readonly<Record<string, string>>> {
  const tokens = join(folder, 'softhsm-tokens');
  const file = join(folder, 'softhsm2.conf');
  await mkdir(tokens, { recursive: true, mode: 0o700 });
  await writeFile(file, `directories.tokendir = ${tokens}\nobjectstore.backend = file\nlog.level = ERROR\n`);
  return { SOFTHSM2_CONF: file };
}

/** @param label - of a token that does not exist yet */
export async function initialiseToken(label: string, pin: string): Promise<void> {
  await run('softhsm2-util', [
    '--init-token',
    '--free',
    '--label',
    label,
    '--so-pin',
    'so-pin-0',
    '--pin',
    pin,
  ]);
}

/** A library before the real one that misbehaves at will. */
export async function buildShim(library: string): Promise<{
  readonly library: string;
  readonly set: (fault: string) => Promise<void>;
  readonly remove: () => Promise<void>;
}> {
  const folder = await mkdtemp(join(tmpdir(), `${testFolderPrefix}shim-`));
  const shim = join(folder, 'shim.so');
  await run('g++', [
    ...['-shared', '-fPIC', '-I', join(packageFolder, 'includes', 'pkcs11')],
    `-DREAL_LIBRARY="${library}"`,
    join(root, 'tests', 'peers', 'pkcs11-shim.cpp'),
    ...['-ldl', '-o', shim],
  ]);
  return {
    library: shim,
    set: async (fault) => {
      await writeFile(`${shim}.new`, fault);
      await rename(`${shim}.new`, `${shim}.fault`); // never read half-written
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** With `node-api-headers`, because node-gyp would fetch its headers from elsewhere. @returns why it failed, or null */
async function buildNativePart(): Promise<string | null> {
  if (spawnSync('g++', ['--version']).status !== 0) return 'no C++ compiler; install the package "g++"';
  try {
    if (!existsSync(join(packageFolder, 'src', 'main.cpp'))) await fetchPackage();
    const built = join(packageFolder, 'build', 'Release', 'pkcs11.node');
    if (existsSync(built)) return null;
    await mkdir(join(packageFolder, 'build', 'Release'), { recursive: true });
    const made = `${built}.${process.pid}`;
    await run('g++', [
      ...['-O2', '-std=c++17', '-shared', '-fPIC', '-DNODE_GYP_MODULE_NAME=pkcs11'],
      ...['-DNAPI_DISABLE_CPP_EXCEPTIONS', '-I', join(root, 'node_modules', 'node-api-headers', 'include')],
      ...['-I', join(packageFolder, 'includes')],
      ...['dl', 'common', 'main'].map((name) => join(packageFolder, 'src', `${name}.cpp`)),
      ...['-ldl', '-o', made],
    ]);
    await rename(made, built);
    return null;
  } catch (error) {
    return `the native part of pkcs11js could not be built: ${(error as Error).message.split('\n')[1] ?? ''}`; // execFile throws Errors
  }
}

const packed = z.array(z.object({ filename: z.string() })).length(1);
const lockfile = z.object({
  packages: z.record(
    z.string(),
    z.looseObject({ version: z.string().optional(), integrity: z.string().optional() }),
  ),
});

/** npm takes an optional package away again when it does not build; the one of the lockfile is brought back. */
async function fetchPackage(): Promise<void> {
  const lock = lockfile.parse(JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')));
  const { version = '', integrity = '' } = lock.packages['node_modules/pkcs11js'] ?? {};
  const folder = await mkdtemp(join(tmpdir(), `${testFolderPrefix}pack-`));
  try {
    const { stdout } = await run(
      'npm',
      ['pack', `pkcs11js@${version}`, '--json', '--pack-destination', folder],
      {
        cwd: root,
      },
    );
    const archive = join(folder, packed.parse(JSON.parse(stdout))[0]?.filename ?? '');
    const digest = createHash('sha512')
      .update(await readFile(archive))
      .digest('base64');
    if (integrity !== `sha512-${digest}`) throw new Error('\nthe package is another than the lockfile names');
    await mkdir(packageFolder, { recursive: true });
    await run('tar', ['-xzf', archive, '--strip-components=1', '-C', packageFolder]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
