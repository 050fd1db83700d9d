import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { serverError } from './errors.ts';

/** Holds a data folder for one process. */
export type DataFolder = {
  readonly path: string;
  /** Holds secrets; mode 0700. The database's own files stand beside it, enterable for the server's user. */
  readonly secretsPath: string;
  readonly release: () => Promise<void>;
};

/**
 * Makes the folder when missing and takes its lock, so that a second start is refused instead of corrupting anything.
 *
 * @throws ERR_ALREADY_RUNNING, ERR_DATA_FOLDER
 */
export async function openDataFolder(path: string): Promise<DataFolder> {
  const secretsPath = join(path, 'secrets');
  try {
    await mkdir(path, { recursive: true, mode: 0o711 });
    await mkdir(secretsPath, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw serverError(
      'ERR_DATA_FOLDER',
      `the data folder "${path}" cannot be made or written: ${reasonOf(cause)}; set GATEHOUSE_DATA_DIR to a writable place`,
      cause,
    );
  }
  const lock = join(path, 'lock');
  await takeLock(lock);
  return Object.freeze({ path, secretsPath, release: () => rm(lock, { force: true }) });
}

async function takeLock(file: string): Promise<void> {
  for (let attempt = 0; attempt < 2; attempt += 1) {
    try {
      await writeFile(file, String(process.pid), { flag: 'wx', mode: 0o600 });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
        throw serverError(
          'ERR_DATA_FOLDER',
          `the lock "${file}" cannot be written: ${reasonOf(error)}`,
          error,
        ); // an errno error of node:fs
      const owner = Number(await readFile(file, 'utf8').catch(() => ''));
      if (owner !== process.pid && isAlive(owner)) {
        throw serverError(
          'ERR_ALREADY_RUNNING',
          `another Gatehouse (process ${owner}) runs on this data folder; stop it first, or set GATEHOUSE_DATA_DIR and GATEHOUSE_PORT for a second one`,
        );
      }
      await rm(file, { force: true }); // left behind by a killed process
    }
  }
  throw serverError(
    'ERR_ALREADY_RUNNING',
    `the lock "${file}" is taken by another start at this moment; try again`,
  );
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // alive, but another user's
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
