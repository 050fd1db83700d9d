import type { Database, Tx } from '../../db/index.ts';
import { isGatehouseError, type AuditSink, type TenantId } from '../../kernel/index.ts';
import { findLogin, type LoginRow } from '../accounts/store-accounts.ts';
import { systemActor } from '../accounts/users.ts';
import { signInFailed } from '../events.ts';
import type { AttemptBucket, Limiter } from '../factors/limiter.ts';
import { verifyPassword } from '../factors/passwords.ts';

/**
 * Verifies e-mail and password; counts the try first. Null for every kind of no: unknown, wrong, disabled.
 * Throws ERR_TOO_MANY_TRIES.
 */
export type PasswordStage = (
  tenantId: TenantId,
  email: string,
  password: string,
  ip: string | null,
) => Promise<{ readonly id: string; readonly totp: boolean } | null>;

/** Builds the password stage. */
export function createPasswordStage(deps: {
  readonly database: Database;
  readonly audit: AuditSink<Tx>;
  readonly limiter: Limiter;
}): PasswordStage {
  const refuse = async (tenantId: TenantId, reason: string, userId?: string): Promise<void> => {
    const targets = userId === undefined ? [] : [{ type: 'identity.user', id: userId }];
    const detail = { stage: 'password' as const, connectionId: null };
    await deps.audit.record({
      definition: signInFailed,
      tenantId,
      outcome: 'failure',
      reason,
      actor: systemActor,
      targets,
      detail,
    });
  };
  return async (tenantId, email, password, ip) => {
    const login = email.trim().toLowerCase();
    const buckets: AttemptBucket[] = [{ kind: 'password', email: login }];
    if (ip !== null) buckets.push({ kind: 'address', ip });
    try {
      await deps.limiter.count(tenantId, buckets);
    } catch (error) {
      if (isGatehouseError(error)) await refuse(tenantId, error.code);
      throw error;
    }
    const find = (tx: Tx) => tx.query<LoginRow>(findLogin, [tenantId, login]);
    const user = (await deps.database.withTenant(tenantId, find, { readOnly: true })).rows[0];
    const fits = await verifyPassword(password.slice(0, 1_024), user?.password_hash ?? null);
    if (user === undefined || !fits || user.state !== 'active') {
      await refuse(
        tenantId,
        user?.state === 'disabled' && fits ? 'user_disabled' : 'wrong_credentials',
        user?.id,
      );
      return null;
    }
    await deps.limiter.succeeded(tenantId, buckets);
    return { id: user.id, totp: user.totp };
  };
}
