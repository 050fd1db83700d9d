import { concat, fromBase64, sha256, toHex } from './bytes.ts';

/**
 * Whether a commitment of a leaf is the salted hash of what the page shows.
 *
 * @param commitment hexadecimal SHA-256(salt || value)
 * @param salt base64, 32 bytes
 * @param value the canonical text of the group
 */
export async function opensCommitment(commitment: string, salt: string, value: string): Promise<boolean> {
  const hash = await sha256(concat(fromBase64(salt), new TextEncoder().encode(value)));
  return toHex(hash) === commitment;
}
