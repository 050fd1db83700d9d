import { argon2, type Argon2Parameters } from 'node:crypto';
import { promisify } from 'node:util';
import type { RandomBytes } from '../../kernel/index.ts';
import { sameDigest } from '../digest.ts';

/** OWASP's second choice of argon2id cost: 19 MiB, two passes, one lane. */
const cost = Object.freeze({ memory: 19_456, passes: 2, parallelism: 1 });
const tagLength = 32;
const derive: (algorithm: 'argon2id', parameters: Argon2Parameters) => Promise<Buffer> = promisify(argon2);

/**
 * Hashes a password with argon2id.
 *
 * @param password - at most 1,024 characters; the caller bounds it
 * @returns PHC string, `$argon2id$v=19$m=…,t=…,p=…$salt$tag`
 * @see https://www.rfc-editor.org/rfc/rfc9106
 */
export async function hashPassword(password: string, randomBytes: RandomBytes): Promise<string> {
  const nonce = randomBytes(16);
  const tag = await derive('argon2id', { message: password.normalize('NFC'), nonce, tagLength, ...cost });
  const bare = (bytes: Buffer): string => bytes.toString('base64').replaceAll('=', '');
  return `$argon2id$v=19$m=${cost.memory},t=${cost.passes},p=${cost.parallelism}$${bare(nonce)}$${bare(tag)}`;
}

const phc =
  /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{16,64})\$([A-Za-z0-9+/]{43})$/;
/** Nobody's password: the same work is done for a user that does not exist. */
const nobody = `$argon2id$v=19$m=${cost.memory},t=${cost.passes},p=${cost.parallelism}$${'A'.repeat(22)}$${'A'.repeat(43)}`;

/** Whether the password fits; takes the same time when there is no hash, and is then always false. */
export async function verifyPassword(password: string, stored: string | null): Promise<boolean> {
  const match = phc.exec(stored ?? nobody);
  if (match === null) return false;
  const [, memory, passes, parallelism, salt = '', tag = ''] = match;
  const derived = await derive('argon2id', {
    message: password.normalize('NFC'),
    nonce: Buffer.from(salt, 'base64'),
    tagLength,
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
  });
  return sameDigest(derived, Buffer.from(tag, 'base64')) && stored !== null;
}
