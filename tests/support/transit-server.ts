import { execFile, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { cacheFolder } from './cache-folder.ts';

/** The transit backend of Vault behind its HTTP API, in memory. */
export type TransitServer = { readonly url: string; readonly stop: () => Promise<void> };
/** Where the program is, or why it cannot be had. */
export type TransitProgram = { readonly program: string } | { readonly missing: string };

const source = join(import.meta.dirname, '..', 'peers', 'transit');

/** Builds `tests/peers/transit` once for each state of its sources (a minute) and keeps it in the cache folder. */
export async function provideTransit(): Promise<TransitProgram> {
  const hash = createHash('sha256');
  for (const name of ['main.go', 'go.mod', 'go.sum']) hash.update(await readFile(join(source, name)));
  const program = join(cacheFolder(), `transit-${hash.digest('hex').slice(0, 12)}`);
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
    return {
      missing: `the transit backend could not be built: ${(error as Error).message.split('\n')[1] ?? ''}`,
    }; // execFile throws Errors
  }
}

/** Starts it on a free port of loopback; it ends with its standard input. */
export async function startTransit(program: string, flags: readonly string[]): Promise<TransitServer> {
  const child = spawn(program, flags, { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = new Promise<void>((done) => child.once('exit', () => done()));
  const lines = createInterface({ input: child.stdout });
  const [port] = await Promise.race([
    new Promise<string[]>((done) => lines.once('line', (line) => done([line]))),
    exited.then(() => {
      throw new Error('the transit server ended before it listened');
    }),
  ]);
  return {
    url: `${flags.includes('-cert') ? 'https' : 'http'}://127.0.0.1:${port ?? ''}`,
    stop: async () => {
      child.stdin.end();
      await exited;
    },
  };
}
