import { createHash } from 'node:crypto';
import { cp, mkdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import type { Logger } from '../kernel/index.ts';
import type { Binaries, ServerUser } from './embedded-cluster.ts';
import { databaseError } from './errors.ts';

/**
 * Root lends the server another user, and that user may not be able to enter a folder inside somebody's home. What the
 * server must reach then lies below here instead, at a place that the wanted path decides.
 */
const sharedPlace = '/var/tmp';

/** Whether the server's user can go through every folder above a path. */
async function isReachable(path: string): Promise<boolean> {
  for (let parent = dirname(path); parent !== dirname(parent); parent = dirname(parent)) {
    const found = await stat(parent).catch(() => null); // not made yet: it will be enterable
    if (found !== null && (found.mode & 0o001) === 0) return false;
  }
  return true;
}

/** The folder that stands for `path` where everybody can enter; ours alone to change. @throws ERR_DB_EMBEDDED */
async function standIn(path: string): Promise<string> {
  const folder = join(
    sharedPlace,
    `gatehouse-${createHash('sha256').update(path).digest('hex').slice(0, 16)}`,
  );
  await mkdir(folder, { mode: 0o711 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  const { uid, mode } = await stat(folder);
  if (uid !== 0 || (mode & 0o022) !== 0) {
    throw databaseError(
      'ERR_DB_EMBEDDED',
      `the folder "${folder}" belongs to somebody else or is open to others; remove it and start again`,
    );
  }
  return folder;
}

/** The data folder itself, or its stand-in when the server's user cannot reach it. */
export async function reachableData(wanted: string, user: ServerUser, logger: Logger): Promise<string> {
  if (user.uid === undefined || (await isReachable(wanted))) return wanted;
  const folder = join(await standIn(wanted), basename(wanted));
  logger.warn('the user "postgres" cannot enter the data folder; the embedded database lies elsewhere', {
    wanted,
    folder,
  });
  return folder;
}

/** The programs where they are, or a copy of them that the server's user can reach. */
export async function reachableBinaries(binaries: Binaries, user: ServerUser): Promise<Binaries> {
  if (user.uid === undefined || (await isReachable(binaries.postgres))) return binaries;
  const native = dirname(dirname(binaries.postgres));
  const { mtimeMs, size } = await stat(binaries.postgres);
  const copy = join(await standIn(native), `native-${size}-${Math.trunc(mtimeMs)}`);
  if ((await stat(copy).catch(() => null)) === null) await copyWhole(native, copy);
  const moved = (program: string): string => join(copy, relative(native, program));
  return {
    initdb: moved(binaries.initdb),
    postgres: moved(binaries.postgres),
    pg_ctl: moved(binaries.pg_ctl),
  };
}

async function copyWhole(from: string, to: string): Promise<void> {
  const draft = `${to}.${process.pid}`;
  await cp(from, draft, { recursive: true, verbatimSymlinks: true });
  await rename(draft, to).catch(async () => {
    await rm(draft, { recursive: true, force: true }); // another start was faster
  });
}
