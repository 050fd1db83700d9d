import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isSigned, ledgerKey, parseLine, type LedgerRecord, type ReadLine } from './ledger-line.ts';

/** Ends the name of every file of the ledger. */
export const ledgerExtension = '.shreds';

/** What is wrong with a file. `torn` is the end of a process, the others are damage or a hand that changed something. */
export type LedgerFault =
  'torn' | 'no_header' | 'broken_chain' | 'bad_signature' | 'unknown_key' | 'truncated' | 'missing';

/** One file as it was read. */
export type LedgerFile = {
  readonly name: string;
  /** Null when not even the header could be read. */
  readonly file: string | null;
  readonly keyId: string | null;
  readonly publicKey: Buffer | null;
  /** Hashes of the lines, the header's first. */
  readonly hashes: readonly string[];
  /** What is signed by a key that is believed, also behind a break. */
  readonly records: readonly LedgerRecord[];
  readonly faults: readonly LedgerFault[];
};

const maxLineBytes = 4_096;

/** Reads every file of a folder; a folder that is not there has none. */
export async function readLedgerFolder(
  folder: string,
  isTrusted: (keyId: string) => boolean,
): Promise<readonly LedgerFile[]> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []; // an errno error of node:fs
    throw error;
  }
  const files: LedgerFile[] = [];
  for (const name of names.filter((one) => one.endsWith(ledgerExtension)).toSorted())
    files.push(await readLedgerFile(folder, name, isTrusted));
  return files;
}

type Collected = { readonly lines: ReadLine[]; torn: boolean; broken: boolean };

async function readLedgerFile(
  folder: string,
  name: string,
  isTrusted: (keyId: string) => boolean,
): Promise<LedgerFile> {
  const { lines, torn, broken } = await collect(join(folder, name));
  const first = lines[0];
  const faults = new Set<LedgerFault>();
  if (torn) faults.add('torn');
  if (first?.kind !== 'header') {
    // A process that ended while it wrote the very first line has left nothing that counts.
    if (!torn || lines.length > 0) faults.add('no_header');
    return { name, file: null, keyId: null, publicKey: null, hashes: [], records: [], faults: [...faults] };
  }
  const { key, keyId, bytes } = ledgerKey(first.header.key);
  if (broken || !isChained(lines)) faults.add('broken_chain');
  const last = lines.at(-1) ?? first;
  // A whole chain is signed by its last line; a broken one is believed line by line.
  const whole = !faults.has('broken_chain') && isSigned(last, key);
  if (!whole && !lines.every((one) => isSigned(one, key))) faults.add('bad_signature');
  if (!isTrusted(keyId)) faults.add('unknown_key');
  const believed = faults.has('unknown_key') ? [] : whole ? lines : lines.filter((one) => isSigned(one, key));
  return {
    name,
    file: first.header.file,
    keyId,
    publicKey: bytes,
    hashes: lines.map(({ hash }) => hash),
    records: believed.flatMap((one) => (one.kind === 'entry' ? [one.record] : [])),
    faults: [...faults],
  };
}

function isChained(lines: readonly ReadLine[]): boolean {
  return lines.every((one, index) => {
    if (index === 0) return one.kind === 'header';
    return one.kind === 'entry' && one.n === index && one.prev === lines[index - 1]?.hash;
  });
}

/** Lines of a file in bounded memory; a last one without its line feed is the end of a process, not damage. */
async function collect(path: string): Promise<Collected> {
  const collected: Collected = { lines: [], torn: false, broken: false };
  let rest = '';
  for await (const chunk of createReadStream(path, { encoding: 'utf8' }) as AsyncIterable<string>) {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      const line = part.length > maxLineBytes ? null : parseLine(part);
      if (line === null) collected.broken = true;
      else collected.lines.push(line);
    }
    if (rest.length > maxLineBytes) {
      collected.broken = true;
      rest = '';
    }
  }
  collected.torn = rest !== '';
  return collected;
}
