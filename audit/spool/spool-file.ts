import { createHash, randomUUID } from 'node:crypto';
import {
  mkdir,
  open,
  readFile,
  readdir,
  rename,
  stat,
  unlink,
  utimes,
  type FileHandle,
} from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { auditError } from '../errors.ts';

/** One record that waits on disk. What it says is sealed; in the clear stand tenant, key and time. */
export type SpoolLine = {
  readonly tenant: string;
  readonly id: string;
  readonly at: string;
  /** CT1 of the event, base64. */
  readonly sealed: string;
};

/** What a file held. */
export type SpoolContent = { readonly lines: readonly SpoolLine[]; readonly damaged: number };

/** Files of records, one for each process, each line chained to the one before. */
export type SpoolFolder = {
  /** Resolves when the line is on disk (fsync). @throws ERR_AUDIT_SPOOL_FULL */
  readonly append: (line: SpoolLine) => Promise<void>;
  /** Lines appended by this process since its file was last taken. */
  readonly waiting: () => number;
  /** Claims this process's own file and those that nobody touches any more. @returns paths to replay */
  readonly take: () => Promise<readonly string[]>;
  readonly read: (path: string) => Promise<SpoolContent>;
  readonly remove: (path: string) => Promise<void>;
  readonly close: () => Promise<void>;
};

/** Bounds. */
export type SpoolLimits = {
  /** Bytes of one file; default 64 MiB. */
  readonly maxBytes?: number;
  /** How long a file may go untouched before its process counts as dead; default 30,000. */
  readonly deadMilliseconds?: number;
};

const storedSchema = z.strictObject({
  v: z.literal(1),
  tenant: z.uuid(),
  id: z.string().max(300),
  at: z.iso.datetime(),
  sealed: z.base64(),
  prev: z.string().regex(/^[0-9a-f]{64}$/),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
});
const genesis = '0'.repeat(64);
const beatMilliseconds = 5_000;

/** @param folder - on local disk, apart from the database; shared by the processes of one machine */
export function createSpoolFolder(folder: string, limits: SpoolLimits = {}): SpoolFolder {
  const { maxBytes = 64 * 1024 * 1024, deadMilliseconds = 30_000 } = limits;
  let own: { readonly path: string; readonly handle: FileHandle } | null = null;
  let [bytes, count, prev] = [0, 0, genesis];
  let chain: Promise<unknown> = Promise.resolve();
  let beat: NodeJS.Timeout | null = null;
  /** One after another: a line names the hash of the one before. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const next = chain.then(work, work);
    chain = next.catch(() => undefined);
    return next;
  };
  const openOwn = async () => {
    if (own !== null && (await exists(own.path))) return own;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await own?.handle.close();
    const path = join(folder, `${process.pid}-${randomUUID()}.spool`);
    own = { path, handle: await open(path, 'ax', 0o600) };
    [bytes, count, prev] = [0, 0, genesis];
    await syncFolder(folder);
    beat ??= setInterval(() => own !== null && void touch(own.path), beatMilliseconds).unref();
    return own;
  };
  const write = async (line: SpoolLine): Promise<void> => {
    const { path, handle } = await openOwn();
    const body = { v: 1, ...line, prev } as const;
    const hash = hashOf(body);
    const text = `${JSON.stringify({ ...body, hash })}\n`;
    if (bytes + text.length > maxBytes)
      throw auditError(
        'ERR_AUDIT_SPOOL_FULL',
        'the file for records that wait is full; reads are refused again',
      );
    await handle.write(text);
    await handle.datasync();
    [bytes, count, prev] = [bytes + text.length, count + 1, hash];
    // Somebody took this process for dead meanwhile: the line goes into a file that is still ours.
    if (!(await exists(path))) await write(line);
  };
  const letGo = async (): Promise<string | null> => {
    if (own === null) return null;
    const { path, handle } = own;
    own = null;
    count = 0;
    await handle.close();
    return claim(path);
  };
  const take = async (): Promise<readonly string[]> => {
    const found = (await readdir(folder).catch(() => [])).filter((name) => /\.(spool|replay)$/.test(name));
    const mine = count === 0 ? null : await inTurn(letGo);
    const others: string[] = [];
    for (const name of found) {
      const path = join(folder, name);
      if (path === own?.path || !(await isDead(path, deadMilliseconds))) continue;
      const claimed = await claim(path);
      if (claimed !== null) others.push(claimed);
    }
    return mine === null ? others : [mine, ...others];
  };
  return Object.freeze({
    append: (line) => inTurn(() => write(line)),
    waiting: () => count,
    take,
    read: readSpool,
    remove: async (path) => {
      await unlink(path);
      await syncFolder(folder);
    },
    close: async () => {
      if (beat !== null) clearInterval(beat);
      await inTurn(async () => own?.handle.close());
      own = null;
    },
  } satisfies SpoolFolder);
}

/** Reads what can be read; a line that was changed, and a place where lines are missing, count as damaged. */
async function readSpool(path: string): Promise<SpoolContent> {
  const text = await readFile(path, 'utf8');
  // What follows the last line end was never acknowledged.
  const rows = text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .slice(0, -1);
  const lines: SpoolLine[] = [];
  let damaged = 0;
  let expected: string | null = genesis;
  for (const row of rows) {
    const line = parseLine(row);
    if (line === null) {
      damaged += 1;
      expected = null;
      continue;
    }
    if (expected !== null && line.prev !== expected) damaged += 1;
    expected = line.hash;
    lines.push({ tenant: line.tenant, id: line.id, at: line.at, sealed: line.sealed });
  }
  return { lines, damaged };
}

function parseLine(row: string): z.output<typeof storedSchema> | null {
  try {
    const { hash, ...body } = storedSchema.parse(JSON.parse(row));
    return hashOf(body) === hash ? { ...body, hash } : null;
  } catch {
    return null;
  }
}

function hashOf({ v, tenant, id, at, sealed, prev }: Omit<z.output<typeof storedSchema>, 'hash'>): string {
  return createHash('sha256')
    .update(JSON.stringify([v, tenant, id, at, sealed, prev]))
    .digest('hex');
}

/** What a file is called whoever has it. */
export function spoolName(path: string): string {
  return basename(path).split('.')[0] ?? '';
}

/** Whoever renames it has it. @returns null when another process was faster */
async function claim(path: string): Promise<string | null> {
  const claimed = join(path, '..', `${spoolName(path)}.${randomUUID().slice(0, 8)}.replay`);
  try {
    await touch(path);
    await rename(path, claimed);
    return claimed;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null; // an errno error of node:fs
    throw error;
  }
}

async function isDead(path: string, deadMilliseconds: number): Promise<boolean> {
  const found = await stat(path).catch(() => null);
  return found !== null && Date.now() - found.mtimeMs > deadMilliseconds;
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null;
}

async function touch(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => undefined);
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
