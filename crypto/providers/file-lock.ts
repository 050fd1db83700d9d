import { link, open, readFile, rename, stat, unlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import type { RandomBytes } from '../../kernel/index.ts';
import { cryptoError } from '../errors.ts';

const waitMilliseconds = 20_000;
const retryMilliseconds = 25;
/** A holder works for milliseconds; one that is this old is dead or on a machine that is. */
const staleMilliseconds = 15_000;

/**
 * Runs `work` while this process alone holds `<file>.lock`, among all processes that ask the same way.
 *
 * @throws ERR_CRYPTO_ROOT when another process holds it for 20 seconds
 */
export async function withFileLock<T>(
  file: string,
  randomBytes: RandomBytes,
  work: () => Promise<T>,
): Promise<T> {
  const lock = `${file}.lock`;
  const token = `${hostname()} ${process.pid} ${randomBytes(8).toString('hex')}`;
  const deadline = performance.now() + waitMilliseconds;
  while (!(await take(lock, token))) {
    await breakIfStale(lock, token);
    if (performance.now() > deadline)
      throw cryptoError(
        'ERR_CRYPTO_ROOT',
        `the lock "${lock}" is held by another process; if none runs, remove it`,
      );
    await wait(retryMilliseconds);
  }
  try {
    return await work();
  } finally {
    if ((await readIfPresent(lock)) === token) await unlink(lock);
  }
}

async function take(lock: string, token: string): Promise<boolean> {
  try {
    const handle = await open(lock, 'wx', 0o600);
    try {
      await handle.writeFile(token);
    } finally {
      await handle.close();
    }
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === 'EEXIST') return false; // held
    throw error;
  }
}

async function readIfPresent(file: string): Promise<string | null> {
  return readFile(file, 'utf8').catch(() => null); // released meanwhile
}

/** Moves a dead holder's lock away; a live one's that came meanwhile is put back. */
async function breakIfStale(lock: string, token: string): Promise<void> {
  const found = await stat(lock).catch(() => null);
  const holder = await readIfPresent(lock);
  if (found === null || holder === null) return;
  if (Date.now() - found.mtimeMs < staleMilliseconds && !isDead(holder)) return;
  const aside = `${lock}.${token.slice(-16)}`;
  try {
    await rename(lock, aside);
    if ((await readFile(aside, 'utf8')) !== holder) await link(aside, lock);
  } catch {
    return; // another breaker was quicker, or the next holder already came
  } finally {
    await unlink(aside).catch(() => undefined);
  }
}

function isDead(holder: string): boolean {
  const [host, pid] = holder.split(' ');
  if (host !== hostname() || !/^\d+$/.test(pid ?? '') || Number(pid) === process.pid) return false;
  try {
    process.kill(Number(pid), 0); // asks whether it lives, sends nothing
    return false;
  } catch (error) {
    return (error as { code?: string }).code === 'ESRCH';
  }
}
