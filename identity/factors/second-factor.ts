import type { Database, Tx } from '../../db/index.ts';
import type { Clock, NewId, RandomBytes, TenantId } from '../../kernel/index.ts';
import { identityError } from '../errors.ts';
import type { Sealing } from '../ports.ts';
import { sealedColumn } from '../sealed-values.ts';
import type { Limiter } from './limiter.ts';
import { looksLikeRecoveryCode, useRecoveryCode } from './recovery-codes.ts';
import {
  confirmTotp,
  deleteTotp,
  findTotp,
  insertTotp,
  takeTotpStep,
  type TotpRow,
} from './store-factors.ts';
import { newTotpSecret, provenTotpStep, totpUri } from './totp.ts';

/** How the second factor was proved. */
export type SecondFactorProof =
  { readonly method: 'otp' } | { readonly method: 'recovery'; readonly left: number };

/** Authenticator apps and recovery codes. */
export type SecondFactors = {
  /**
   * Verifies a TOTP or recovery code of the user; counts the try first. Null for a wrong or used one.
   * @throws ERR_TOO_MANY_TRIES
   */
  readonly verify: (tenantId: TenantId, userId: string, code: string) => Promise<SecondFactorProof | null>;
  /** Makes a pending secret; the factor counts for nothing before its first code. */
  readonly begin: (
    tenantId: TenantId,
    userId: string,
    account: string,
  ) => Promise<{ secret: string; uri: string }>;
  /** Ends enrolment with the first code and replaces an older factor. False for a wrong code. */
  readonly confirm: (tx: Tx, userId: string, code: string) => Promise<boolean>;
  /** Stores a confirmed secret; for setting up a user whose secret was handed over elsewhere. */
  readonly plant: (tx: Tx, userId: string, secret: string) => Promise<void>;
};

/** What it is built from. */
export type SecondFactorDeps = {
  readonly database: Database;
  readonly crypto: Sealing;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly randomBytes: RandomBytes;
  readonly limiter: Limiter;
};

/** Builds the second factors. */
export function createSecondFactors(deps: SecondFactorDeps): SecondFactors {
  const sealed = sealedColumn(deps.crypto, 'totp_factor', 'secret');
  const epochSeconds = (): number => deps.clock.now().getTime() / 1000;

  const takeTotp = async (
    tx: Tx,
    userId: string,
    code: string,
    state: 'pending' | 'confirmed',
  ): Promise<TotpRow | null> => {
    const { rows } = await tx.query<TotpRow>(findTotp, [tx.tenantId, userId, state]);
    const factor = rows[0];
    if (factor === undefined) return null;
    const step = provenTotpStep(
      await sealed.open(tx, factor.id, factor.secret),
      code,
      epochSeconds(),
      factor.last_step,
    );
    if (step === null) return null;
    const taken = await tx.query(takeTotpStep, [tx.tenantId, userId, factor.id, step]);
    return taken.rowCount === 1 ? factor : null;
  };

  const insert = async (
    tx: Tx,
    userId: string,
    secret: string,
    state: 'pending' | 'confirmed',
  ): Promise<void> => {
    const id = deps.newId();
    await tx.query(deleteTotp, [tx.tenantId, userId, state]);
    await tx.query(insertTotp, [
      tx.tenantId,
      userId,
      id,
      await sealed.seal(tx, id, secret),
      state,
      deps.clock.now(),
    ]);
  };

  const check = async (tx: Tx, userId: string, code: string): Promise<SecondFactorProof | null> => {
    if (!looksLikeRecoveryCode(code))
      return (await takeTotp(tx, userId, code, 'confirmed')) === null ? null : { method: 'otp' };
    const left = await useRecoveryCode(tx, userId, code, deps.clock);
    return left === null ? null : { method: 'recovery', left };
  };

  return Object.freeze({
    verify: async (tenantId: TenantId, userId: string, code: string) => {
      const buckets = [{ kind: 'second_factor' as const, userId }];
      await deps.limiter.count(tenantId, buckets);
      await deps.crypto.warm(tenantId);
      const proof = await deps.database.withTenant(tenantId, (tx) => check(tx, userId, code));
      if (proof !== null) await deps.limiter.succeeded(tenantId, buckets);
      return proof;
    },
    begin: async (tenantId: TenantId, userId: string, account: string) => {
      const secret = newTotpSecret();
      await deps.crypto.warm(tenantId);
      await deps.database.withTenant(tenantId, (tx) => insert(tx, userId, secret, 'pending'));
      return { secret, uri: totpUri(secret, account) };
    },
    confirm: async (tx: Tx, userId: string, code: string) => {
      const factor = await takeTotp(tx, userId, code, 'pending');
      if (factor === null) return false;
      await tx.query(deleteTotp, [tx.tenantId, userId, 'confirmed']);
      const confirmed = await tx.query(confirmTotp, [tx.tenantId, userId, factor.id]);
      if (confirmed.rowCount !== 1)
        throw identityError('ERR_CODE_INVALID', 409, 'the enrolment was confirmed meanwhile; start again');
      return true;
    },
    plant: (tx: Tx, userId: string, secret: string) => insert(tx, userId, secret, 'confirmed'),
  });
}
