import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { auditError } from '../errors.ts';
import { sha256 } from '../hash.ts';
import { parseCheckpoint } from '../checkpoint-text.ts';
import { parseNote } from '../signed-note.ts';

/** The last checkpoint of a log that a witness cosigned. */
export type Witnessed = { readonly size: number; readonly root: Buffer; readonly note: string };

/** What a witness remembers, one file for each log, on disk before anybody hears of it. */
export type WitnessStore = {
  readonly read: (origin: string) => Promise<Witnessed | null>;
  /** Durable when it resolves: the file and its name. */
  readonly write: (origin: string, witnessed: Witnessed) => Promise<void>;
  /** By the hex SHA-256 of an origin, as monitors ask. */
  readonly noteByHash: (hash: string) => Promise<string | null>;
  /** Lets calls about one log take turns. */
  readonly inTurn: <T>(origin: string, work: () => Promise<T>) => Promise<T>;
  /** Gives the folder back. */
  readonly close: () => Promise<void>;
};

/**
 * Opens the data folder of a witness for this process alone: two that wrote to one folder could sign two histories.
 *
 * @throws ERR_AUDIT_WITNESS_FOLDER when another process has it
 */
export async function openWitnessStore(folder: string): Promise<WitnessStore> {
  const logs = join(folder, 'logs');
  await mkdir(logs, { recursive: true, mode: 0o700 });
  const release = await lockFolder(folder);
  const turns = new Map<string, Promise<unknown>>();
  const noteByHash = async (hash: string): Promise<string | null> => {
    try {
      return await readFile(join(logs, hash), 'utf8');
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return null;
      throw error;
    }
  };
  return Object.freeze({
    noteByHash,
    read: async (origin: string) => {
      const note = await noteByHash(hashOf(origin));
      if (note === null) return null;
      const { size, root, origin: found } = parseCheckpoint(parseNote(note).text);
      if (found !== origin)
        throw auditError('ERR_AUDIT_CORRUPT', `the file of log ${origin} is of log ${found}`);
      return { size, root, note };
    },
    write: (origin: string, { note }: Witnessed) => writeDurably(logs, hashOf(origin), note),
    inTurn: <T>(origin: string, work: () => Promise<T>): Promise<T> => {
      const before = turns.get(origin) ?? Promise.resolve();
      const mine = before.then(work, work);
      const settled = mine
        .catch(() => undefined)
        .finally(() => {
          if (turns.get(origin) === settled) turns.delete(origin);
        });
      turns.set(origin, settled);
      return mine;
    },
    close: release,
  });
}

function hashOf(origin: string): string {
  return sha256(Buffer.from(origin, 'utf8')).toString('hex');
}

async function writeDurably(folder: string, name: string, text: string): Promise<void> {
  const fresh = join(folder, `.${name}.new`);
  const file = await open(fresh, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(fresh, join(folder, name));
  const directory = await open(folder, 'r');
  try {
    await directory.sync(); // the rename itself
  } finally {
    await directory.close();
  }
}

/** A file with our process id; one that a dead process left is taken over. */
async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, 'lock');
  for (let attempt = 0; attempt < 3; attempt += 1) {
    try {
      const file = await open(path, 'wx', 0o600);
      await file.writeFile(String(process.pid));
      await file.close();
      return () => rm(path, { force: true });
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
      const holder = Number((await readFile(path, 'utf8').catch(() => '')).trim());
      if (isAlive(holder)) break;
      await rm(path, { force: true });
    }
  }
  throw auditError(
    'ERR_AUDIT_WITNESS_FOLDER',
    `another witness runs on ${folder}; stop it, or give each its own data folder`,
  );
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code; // what the file system throws
}
