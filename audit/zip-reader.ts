import { open, type FileHandle } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import { PassThrough, type Readable } from 'node:stream';
import { createInflateRaw } from 'node:zlib';
import { auditError } from './errors.ts';

/** Reads the files of a zip one at a time. */
export type ZipReader = {
  readonly file: (name: string) => Promise<Buffer | null>;
  readonly lines: (name: string) => AsyncGenerator<string>;
  readonly close: () => Promise<void>;
};

type Entry = {
  readonly method: number;
  readonly compressed: number;
  readonly size: number;
  readonly offset: number;
};

const endSignature = 0x06054b50;
const centralSignature = 0x02014b50;
const localHeaderBytes = 30;
const maxFileBytes = 256 * 1024 * 1024;

/**
 * Opens a zip as evidence packs are: stored or deflated, under 4 GiB.
 *
 * @throws ERR_AUDIT_CORRUPT when it is not one
 * @see https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
 */
export async function openZip(path: string): Promise<ZipReader> {
  const handle = await open(path, 'r');
  const entries = await readCentral(handle).catch(async (error: unknown) => {
    await handle.close();
    throw error;
  });
  const stream = async (entry: Entry): Promise<Readable> => {
    const local = Buffer.alloc(localHeaderBytes);
    await handle.read(local, 0, localHeaderBytes, entry.offset);
    const start = entry.offset + localHeaderBytes + local.readUInt16LE(26) + local.readUInt16LE(28);
    const raw =
      entry.compressed === 0
        ? emptyStream()
        : createReadStream(path, { start, end: start + entry.compressed - 1 });
    if (entry.method === 0) return raw;
    return raw.on('error', () => undefined).pipe(createInflateRaw());
  };
  return Object.freeze({
    file: async (name: string) => {
      const entry = entries.get(name);
      if (entry === undefined) return null;
      if (entry.size > maxFileBytes) throw corrupt(`"${name}" is too large`);
      const chunks: Buffer[] = [];
      for await (const chunk of await stream(entry)) chunks.push(chunk as Buffer); // a binary stream
      return Buffer.concat(chunks);
    },
    lines: async function* (name: string) {
      const entry = entries.get(name);
      if (entry === undefined) return;
      let rest = '';
      for await (const chunk of (await stream(entry)).setEncoding('utf8')) {
        const lines = (rest + String(chunk)).split('\n');
        rest = lines.pop() ?? '';
        yield* lines;
      }
    },
    close: () => handle.close(),
  });
}

async function readCentral(handle: FileHandle): Promise<ReadonlyMap<string, Entry>> {
  const { size } = await handle.stat();
  const tailBytes = Math.min(size, 65_557);
  const tail = Buffer.alloc(tailBytes);
  await handle.read(tail, 0, tailBytes, size - tailBytes);
  let end = tail.length - 22;
  while (end >= 0 && tail.readUInt32LE(end) !== endSignature) end -= 1;
  if (end < 0) throw corrupt('the file is not a zip');
  const length = tail.readUInt32LE(end + 12);
  if (length > size) throw corrupt('its directory is damaged');
  const central = Buffer.alloc(length);
  await handle.read(central, 0, length, tail.readUInt32LE(end + 16));
  return parseCentral(central);
}

function parseCentral(central: Buffer): ReadonlyMap<string, Entry> {
  const entries = new Map<string, Entry>();
  for (let at = 0; at + 46 <= central.length;) {
    if (central.readUInt32LE(at) !== centralSignature) throw corrupt('its directory is damaged');
    const nameBytes = central.readUInt16LE(at + 28);
    const name = central.toString('utf8', at + 46, at + 46 + nameBytes);
    entries.set(name, {
      method: central.readUInt16LE(at + 10),
      compressed: central.readUInt32LE(at + 20),
      size: central.readUInt32LE(at + 24),
      offset: central.readUInt32LE(at + 42),
    });
    at += 46 + nameBytes + central.readUInt16LE(at + 30) + central.readUInt16LE(at + 32);
  }
  return entries;
}

function emptyStream(): Readable {
  const stream = new PassThrough();
  stream.end();
  return stream;
}

function corrupt(why: string): Error {
  return auditError('ERR_AUDIT_CORRUPT', `the evidence pack cannot be read: ${why}`);
}
