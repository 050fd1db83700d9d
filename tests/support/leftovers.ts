import { readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Beginning of the name of every folder in which a test runs a server. */
export const testFolderPrefix = 'gatehouse-test-';
/** Holds the pid of the process that made the folder. */
export const ownerFile = 'owner';

/** Ends the servers and removes the files of runs that were killed. */
export async function removeLeftovers(): Promise<void> {
  const names = (await readdir(tmpdir())).filter((name) => name.startsWith(testFolderPrefix));
  for (const folder of names.map((name) => join(tmpdir(), name))) {
    const owner = await readPid(join(folder, ownerFile));
    if (owner === null || isAlive(owner)) continue; // alive, or not one of ours to judge
    const postmaster = await readPid(join(folder, 'postgres', 'postmaster.pid'));
    if (postmaster !== null && (await isPostgres(postmaster))) await endServer(postmaster);
    await rm(folder, { recursive: true, force: true });
  }
}

async function readPid(file: string): Promise<number | null> {
  try {
    const pid = Number.parseInt(await readFile(file, 'utf8'), 10);
    return Number.isInteger(pid) && pid > 1 ? pid : null;
  } catch {
    return null; // no such file, or not ours to read
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // an errno error of node:process
  }
}

/** A pid is used again sooner or later: only a postgres may be ended. */
async function isPostgres(pid: number): Promise<boolean> {
  try {
    return (await readFile(`/proc/${pid}/comm`, 'utf8')).trim() === 'postgres';
  } catch {
    return false; // gone, or a platform without /proc
  }
}

async function endServer(pid: number): Promise<void> {
  try {
    process.kill(pid, 'SIGQUIT'); // nothing in it is worth saving
  } catch {
    return; // it ended just now, or belongs to somebody else
  }
  for (let attempt = 0; attempt < 100 && isAlive(pid); attempt += 1)
    await new Promise((wake) => setTimeout(wake, 50));
}
