import type { Tx } from '../../db/index.ts';
import type { Clock, RandomBytes } from '../../kernel/index.ts';
import { sha256 } from '../digest.ts';
import {
  countRecoveryCodes,
  deleteRecoveryCodes,
  insertRecoveryCodes,
  takeRecoveryCode,
} from './store-factors.ts';

/** Crockford's Base32: no I, L, O, U. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const codeCount = 10;
const codeCharacters = 24;

/** One code of 120 bits, `XXXXXX-XXXXXX-XXXXXX-XXXXXX`. */
function newCode(randomBytes: RandomBytes): string {
  const text = [...randomBytes(codeCharacters)].map((byte) => alphabet[byte & 31]).join('');
  return text.match(/.{6}/g)?.join('-') ?? text;
}

/** What people type, brought to one form: case, hyphens and look-alikes do not matter. */
function normalise(code: string): string {
  return code.toUpperCase().replace(/[\s-]/g, '').replaceAll('O', '0').replace(/[IL]/g, '1');
}

/** Whether the input could be a recovery code. */
export function looksLikeRecoveryCode(code: string): boolean {
  return normalise(code).length === codeCharacters;
}

/** Makes ten new codes; the old ones are void. They are shown once and only their SHA-256 is kept (120 bits need no slow hash, ASVS 6.5.2). */
export async function replaceRecoveryCodes(
  tx: Tx,
  userId: string,
  deps: { readonly randomBytes: RandomBytes; readonly clock: Clock },
): Promise<readonly string[]> {
  const codes = Array.from({ length: codeCount }, () => newCode(deps.randomBytes));
  await tx.query(deleteRecoveryCodes, [tx.tenantId, userId]);
  const hashes = codes.map((code) => sha256(normalise(code)));
  await tx.query(insertRecoveryCodes, [tx.tenantId, userId, hashes, deps.clock.now()]);
  return codes;
}

/** Uses a code up. @returns how many are left, or null when the code is not one of the user's unused ones */
export async function useRecoveryCode(
  tx: Tx,
  userId: string,
  code: string,
  clock: Clock,
): Promise<number | null> {
  const taken = await tx.query(takeRecoveryCode, [tx.tenantId, userId, sha256(normalise(code)), clock.now()]);
  if (taken.rowCount !== 1) return null;
  const { rows } = await tx.query<{ left: number }>(countRecoveryCodes, [tx.tenantId, userId]);
  return rows[0]?.left ?? 0;
}
