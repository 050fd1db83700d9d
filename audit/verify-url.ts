import { auditError } from './errors.ts';
import { openCheckpoint } from './checkpoint.ts';
import { parseEntryBundle } from './entry-bundle.ts';
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
  const path = (tile: TilePath): string => `${base}/tile/${formatTilePath(tile)}`;
  return verifyLog({
    verifiers,
    head,
    entries: () =>
      readEntries(size, (index, width) => get(path({ kind: 'entries', level: 0, index, width }))),
    tile: async (level, index) => ({
      hashes: await get(path({ kind: 'tile', level, index, width: tileWidth })),
    }),
    checkpoints: async function* () {}, // a log serves its newest only
  });
}

async function* readEntries(
  size: number,
  read: (index: number, width: number) => Promise<Buffer>,
): AsyncGenerator<SourceEntry> {
  for (let index = 0; index * tileWidth < size; index += 1) {
    const bundle = await read(index, Math.min(tileWidth, size - index * tileWidth));
    for (const [at, body] of parseEntryBundle(bundle).entries()) yield { seq: index * tileWidth + at, body };
  }
}

async function get(url: string): Promise<Buffer> {
  const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMilliseconds) });
  if (!response.ok) throw auditError('ERR_AUDIT_INVALID_PATH', `${url} answered ${response.status}`);
  return Buffer.from(await response.arrayBuffer());
}
