import { auditError } from './errors.ts';

/** The most bytes an entry may have, because its length is written in 16 bits. */
export const maxEntryBytes = 65_535;

/**
 * Entries one after the other, each with its length in front.
 *
 * @see https://c2sp.org/tlog-tiles#log-entries
 */
export function formatEntryBundle(entries: readonly Uint8Array[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const entry of entries) {
    if (entry.length > maxEntryBytes) {
      throw auditError(
        'ERR_AUDIT_ENTRY_TOO_LARGE',
        `an entry of ${entry.length} bytes exceeds ${maxEntryBytes}`,
      );
    }
    const length = Buffer.alloc(2);
    length.writeUInt16BE(entry.length);
    parts.push(length, entry);
  }
  return Buffer.concat(parts);
}

/** The entries of a bundle. @throws ERR_AUDIT_CORRUPT when it ends inside an entry */
export function parseEntryBundle(bundle: Buffer): readonly Buffer[] {
  const entries: Buffer[] = [];
  for (let at = 0; at < bundle.length;) {
    const start = at + 2;
    const end = start <= bundle.length ? start + bundle.readUInt16BE(at) : Infinity;
    if (end > bundle.length)
      throw auditError('ERR_AUDIT_CORRUPT', `an entry bundle ends inside entry ${entries.length}`);
    entries.push(bundle.subarray(start, end));
    at = end;
  }
  return entries;
}
