import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from './cache-folder.ts';

/** Where a program is, or why it cannot be had. */
export type GoProgram = { readonly program: string } | { readonly missing: string };

const peers = join(import.meta.dirname, '..', 'peers');

/** Builds `tests/peers/<name>` once for each state of its sources (about a minute) and keeps it in the cache folder. */
export async function buildGoProgram(name: string): Promise<GoProgram> {
  const source = join(peers, name);
  const hash = createHash('sha256');
  for (const file of ['main.go', 'go.mod', 'go.sum']) hash.update(await readFile(join(source, file)));
  const program = join(cacheFolder(), `${name}-${hash.digest('hex').slice(0, 12)}`);
  if (existsSync(program)) return { program };
  if (spawnSync('go', ['version']).status !== 0) return { missing: 'the Go tool chain is not installed' };
  const made = `${program}.${process.pid}`;
  try {
    await mkdir(cacheFolder(), { recursive: true });
    await promisify(execFile)('go', ['build', '-mod=readonly', '-o', made, '.'], {
      cwd: source,
      timeout: 400_000,
    });
    await rename(made, program);
    return { program };
  } catch (error) {
    const [, reason = ''] = (error as Error).message.split('\n'); // execFile throws Errors
    return { missing: `the program ${name} could not be built: ${reason}` };
  }
}
