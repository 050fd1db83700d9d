import { randomUUID } from 'node:crypto';
import { closeSync, fstatSync, fsyncSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../../kernel/index.ts';
import { entryLine, hashOfLine, headerLine, type LedgerRecord, type LedgerSigner } from './ledger-line.ts';
import { ledgerExtension } from './read-folder.ts';

/** Where a file is: what the database remembers of it. */
export type LedgerHead = { readonly file: string; readonly lines: number; readonly head: Buffer };

/** Writes one file, made at the first entry. Every process has its own, so that none waits for another. */
export type LedgerWriter = {
  /** On disk when it returns. @throws what the file system says */
  readonly append: (records: readonly LedgerRecord[]) => LedgerHead;
  readonly close: () => void;
};

type Open = { readonly descriptor: number; readonly file: string; lines: number; hash: string };

/** Makes the part; touches nothing yet. */
export function createLedgerWriter(folder: string, signer: LedgerSigner, clock: Clock): LedgerWriter {
  let open: Open | null = null;
  const start = (): Open => {
    const file = randomUUID();
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const stamp = clock.now().toISOString().replaceAll(/[-:.]/g, '');
    const descriptor = openSync(join(folder, `${stamp}-${file}${ledgerExtension}`), 'ax', 0o600);
    const text = headerLine(file, clock.now(), signer);
    writeWhole(descriptor, `${text}\n`);
    fsyncSync(descriptor);
    syncFolder(folder);
    return { descriptor, file, lines: 1, hash: hashOfLine(text) };
  };
  return Object.freeze({
    append: (records: readonly LedgerRecord[]) => {
      // Somebody took the file away: what is written to it now would be lost with the process.
      if (open !== null && fstatSync(open.descriptor).nlink === 0) {
        closeSync(open.descriptor);
        open = null;
      }
      open ??= start();
      let { lines, hash } = open;
      let text = '';
      for (const record of records) {
        const line = entryLine(record, lines, hash, signer);
        hash = hashOfLine(line);
        lines += 1;
        text += `${line}\n`;
      }
      try {
        writeWhole(open.descriptor, text);
        fsyncSync(open.descriptor);
      } catch (error) {
        // What is half written stays a torn end; the next entries begin a file of their own.
        closeSync(open.descriptor);
        open = null;
        throw error;
      }
      Object.assign(open, { lines, hash });
      return { file: open.file, lines, head: Buffer.from(hash, 'hex') };
    },
    close: () => {
      if (open !== null) closeSync(open.descriptor);
      open = null;
    },
  });
}

function writeWhole(descriptor: number, text: string): void {
  const bytes = Buffer.from(text, 'utf8');
  for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at);
}

/** The name of a new file is only durable once its folder is. */
function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
