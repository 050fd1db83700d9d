import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { cacheFolder } from './cache-folder.ts';

const run = promisify(execFile);

/** Pinned: later versions are not in Maven, and the metadata's RELEASE names an older one. */
const version = '26.7.5';
const sha256 = '30ef87fb7101c43d29688d1ae80c0588ff4a151b3330e9f664bf9692d398658a';

/** Where Keycloak stands, or why it cannot be had. */
export type KeycloakDistribution = { readonly home: string } | { readonly missing: string };

/** `KEYCLOAK_HOME`, else the distribution from Maven, kept under the user's cache folder. Java 17 or newer is needed. */
export async function provideKeycloak(): Promise<KeycloakDistribution> {
  const given = process.env['KEYCLOAK_HOME'];
  if (!(await works('java', '-version'))) return { missing: 'no Java; install a JRE >= 17' };
  if (given !== undefined && given !== '') {
    return existsSync(join(given, 'bin', 'kc.sh'))
      ? { home: given }
      : { missing: `KEYCLOAK_HOME "${given}" holds no bin/kc.sh` };
  }
  const cache = cacheFolder();
  const home = join(cache, `keycloak-${version}`);
  if (existsSync(join(home, 'bin', 'kc.sh'))) return { home };
  if (!(await works('mvn', '-version')))
    return { missing: 'neither KEYCLOAK_HOME nor Maven (mvn) to fetch Keycloak with' };
  if (!(await works('unzip', '-v'))) return { missing: 'no unzip' };
  try {
    await download(cache, home);
    return { home };
  } catch (error) {
    return { missing: `Keycloak could not be fetched: ${(error as Error).message.split('\n')[0] ?? ''}` }; // execFile and ours throw Errors
  }
}

async function works(program: string, ...args: string[]): Promise<boolean> {
  try {
    await run(program, args);
    return true;
  } catch {
    return false; // not installed
  }
}

async function download(cache: string, home: string): Promise<void> {
  const folder = join(cache, `fetch-${process.pid}`);
  await mkdir(folder, { recursive: true });
  try {
    console.error(`fetching Keycloak ${version} (174 MB, once)`);
    const artifact = `org.keycloak:keycloak-quarkus-dist:${version}:zip`;
    const plugin = 'org.apache.maven.plugins:maven-dependency-plugin:2.8:copy';
    await run('mvn', ['-B', '-q', '-U', plugin, `-Dartifact=${artifact}`, `-DoutputDirectory=${folder}`], {
      timeout: 300_000,
    });
    const zip = join(folder, `keycloak-quarkus-dist-${version}.zip`);
    const hash = createHash('sha256');
    await pipeline(createReadStream(zip), hash);
    if (hash.digest('hex') !== sha256)
      throw new Error('the distribution has another SHA-256 than the pinned one');
    await run('unzip', ['-q', zip, '-d', folder]);
    await rename(join(folder, `keycloak-${version}`), home);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
