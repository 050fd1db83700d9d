import type { Tx } from '../../db/index.ts';
import { isGatehouseError, type AuditSink, type TenantId } from '../../kernel/index.ts';
import { systemActor } from '../accounts/users.ts';
import { recoveryCodeUsed, signInFailed } from '../events.ts';
import type { SecondFactorProof, SecondFactors } from '../factors/second-factor.ts';

/** Verifies the code after the password; null for a wrong one. Throws ERR_TOO_MANY_TRIES. */
export type SecondStage = (
  tenantId: TenantId,
  userId: string,
  code: string,
) => Promise<SecondFactorProof | null>;

/** Builds the second stage of a sign-in: the factors, with their outcome on record. */
export function createSecondStage(deps: {
  readonly audit: AuditSink<Tx>;
  readonly factors: SecondFactors;
}): SecondStage {
  const common = (tenantId: TenantId, userId: string) => ({
    tenantId,
    actor: systemActor,
    targets: [{ type: 'identity.user', id: userId }],
  });
  const refuse = (tenantId: TenantId, userId: string, reason: string): Promise<void> =>
    deps.audit.record({
      ...common(tenantId, userId), definition: signInFailed, outcome: 'failure', reason,
      detail: { stage: 'second_factor', connectionId: null },
    }); // prettier-ignore
  return async (tenantId, userId, code) => {
    let proof: SecondFactorProof | null;
    try {
      proof = await deps.factors.verify(tenantId, userId, code);
    } catch (error) {
      if (isGatehouseError(error)) await refuse(tenantId, userId, error.code);
      throw error;
    }
    if (proof === null) await refuse(tenantId, userId, 'wrong_code');
    if (proof?.method === 'recovery') {
      const detail = { userId, left: proof.left };
      await deps.audit.record({
        ...common(tenantId, userId),
        definition: recoveryCodeUsed,
        outcome: 'success',
        detail,
      });
    }
    return proof;
  };
}
