import { equal, type Bytes } from './bytes.ts';
import { parseCosignerKey, type SignedNote } from './signed-note.ts';

/** What became of a witness's word for a checkpoint. */
export type Witnessed =
  | { readonly kind: 'verified'; readonly at: Date | null }
  | { readonly kind: 'absent' }
  | { readonly kind: 'broken' };

const timeBytes = 8;

/**
 * Verifies a witness's Ed25519 cosignature of a checkpoint.
 *
 * @param vkey the witness's verifier key, type 4
 * @see https://c2sp.org/tlog-cosignature
 */
export async function verifyCosignature(note: SignedNote, vkey: string): Promise<Witnessed> {
  const key = await parseCosignerKey(vkey);
  const mine = note.signatures.filter((line) => line.name === key.name && equal(line.keyId, key.keyId));
  if (mine.length === 0) return { kind: 'absent' };
  const publicKey = await crypto.subtle.importKey('raw', key.publicKey, { name: 'Ed25519' }, false, [
    'verify',
  ]);
  let at: Date | null = null;
  for (const { signature } of mine) {
    if (signature.length !== timeBytes + 64) return { kind: 'broken' };
    const seconds = readTime(signature);
    const message = new TextEncoder().encode(`cosignature/v1\ntime ${seconds}\n${note.text}`);
    const good = await crypto.subtle.verify(
      { name: 'Ed25519' },
      publicKey,
      signature.slice(timeBytes),
      message,
    );
    if (!good) return { kind: 'broken' };
    at = new Date(Number(seconds) * 1000);
  }
  return { kind: 'verified', at };
}

const readTime = (blob: Bytes): bigint =>
  new DataView(blob.buffer, blob.byteOffset, blob.byteLength).getBigUint64(0);
