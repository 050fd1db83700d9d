import { execFile, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from '../../db/index.ts';
import { cacheFolder } from './cache-folder.ts';

const run = promisify(execFile);
const version = '5.2.5';

/** Where moto's server is, or why it cannot be had. */
export type MotoProgram = { readonly program: string } | { readonly missing: string };

/** `moto[server]` from PyPI in a virtual environment of the cache folder (half a minute, once). */
export async function provideMoto(): Promise<MotoProgram> {
  const home = join(cacheFolder(), `moto-${version}`);
  const program = join(home, 'bin', 'python');
  const complete = join(home, 'complete');
  if (existsSync(complete)) return { program };
  if (spawnSync('python3', ['-c', 'import ensurepip, venv']).status !== 0)
    return { missing: 'no Python 3 with venv; install python3-venv' };
  try {
    await rm(home, { recursive: true, force: true });
    await mkdir(cacheFolder(), { recursive: true });
    await run('python3', ['-m', 'venv', home], { timeout: 120_000 });
    await run(program, ['-m', 'pip', '-q', 'install', `moto[server]==${version}`], { timeout: 300_000 });
    await mkdir(`${complete}.new`, { recursive: true });
    await rename(`${complete}.new`, complete);
    return { program };
  } catch (error) {
    return { missing: `moto could not be installed: ${(error as Error).message.split('\n')[0] ?? ''}` }; // execFile throws Errors
  }
}

/** Starts it on a free port of loopback. */
export async function startMoto(
  program: string,
): Promise<{ readonly url: string; readonly stop: () => Promise<void> }> {
  const port = await freePort();
  const child = spawn(program, ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)], {
    stdio: 'ignore',
  });
  const exited = new Promise<void>((done) => child.once('exit', () => done()));
  const url = `http://127.0.0.1:${port}`;
  for (let attempt = 0; attempt < 300; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`moto ended with ${child.exitCode}`);
    const up = await fetch(`${url}/moto-api/`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (up)
      return {
        url,
        stop: async () => {
          child.kill('SIGTERM');
          await exited;
        },
      };
    await wait(100);
  }
  child.kill('SIGKILL');
  throw new Error('moto did not listen within 30 s');
}
