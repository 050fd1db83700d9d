import { z } from 'zod';
import { auditError } from './errors.ts';
import { openCheckpoint } from './checkpoint.ts';
import { parseEntryBundle } from './entry-bundle.ts';
import { splitHashes } from './hash.ts';
import { parseVerifierKeys } from './signed-note.ts';
import { formatTilePath, type TilePath } from './tile-path.ts';
import { tileWidth } from './tree-writer.ts';
import { verifyLog, type SourceEntry, type VerifyReport } from './verify-log.ts';

const timeoutMilliseconds = 30_000;

/**
 * Verifies any C2SP log over HTTP: checkpoint, entries, full tiles.
 *
 * @param logUrl - address of the log, without `/checkpoint`
 * @param vkey - its verifier keys, one on a line, from a place you trust
 * @throws ERR_AUDIT_INVALID_PATH when something does not answer, ERR_AUDIT_INVALID_NOTE for a bad key or signature
 */
export async function verifyUrl(logUrl: string, vkey: string): Promise<VerifyReport> {
  const base = logUrl.replace(/\/+$/, '');
  const verifiers = parseVerifierKeys(vkey);
  const head = (await get(`${base}/checkpoint`)).toString('utf8');
  const { size } = openCheckpoint(head, verifiers);
  const minimumIndex = await readMinimum(base, size);
  const path = (tile: TilePath): string => `${base}/tile/${formatTilePath(tile)}`;
  return verifyLog({
    verifiers,
    head,
    entries: () =>
      readEntries(size, minimumIndex, (kind, index, width) => get(path({ kind, level: 0, index, width }))),
    tile: async (level, index) => ({
      hashes: await get(path({ kind: 'tile', level, index, width: tileWidth })),
    }),
    checkpoints: async function* () {}, // a log serves its newest only
  });
}

async function* readEntries(
  size: number,
  minimumIndex: number,
  read: (kind: TilePath['kind'], index: number, width: number) => Promise<Buffer>,
): AsyncGenerator<SourceEntry> {
  for (let index = 0; index * tileWidth < size; index += 1) {
    if ((index + 1) * tileWidth <= minimumIndex) {
      const hashes = splitHashes(await read('tile', index, tileWidth));
      for (const [at, hash] of hashes.entries())
        yield { seq: index * tileWidth + at, body: null, leafHash: hash };
      continue;
    }
    const bundle = await read('entries', index, Math.min(tileWidth, size - index * tileWidth));
    for (const [at, body] of parseEntryBundle(bundle).entries()) yield { seq: index * tileWidth + at, body };
  }
}

/** A log that prunes says from where on it gives entries; other logs have no such page. */
async function readMinimum(base: string, size: number): Promise<number> {
  const url = `${base}/retention`;
  const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMilliseconds) });
  if (response.status === 404) return 0;
  if (!response.ok) throw auditError('ERR_AUDIT_INVALID_PATH', `${url} answered ${response.status}`);
  const { minimumIndex } = z.object({ minimumIndex: z.int().nonnegative() }).parse(await response.json());
  return Math.min(minimumIndex, Math.floor(size / tileWidth) * tileWidth);
}

async function get(url: string): Promise<Buffer> {
  const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMilliseconds) });
  if (!response.ok) throw auditError('ERR_AUDIT_INVALID_PATH', `${url} answered ${response.status}`);
  return Buffer.from(await response.arrayBuffer());
}
