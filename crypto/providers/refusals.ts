import type { Clock, TenantId } from '../../kernel/index.ts';
import type { GuardLimits } from './guard-limits.ts';

/** What a provider refused, believed for a while. */
export type Refusals = {
  /** @throws what the provider threw */
  readonly throwIfRefused: (tenantId: TenantId, epoch: number) => void;
  readonly add: (tenantId: TenantId, epoch: number, error: unknown) => void;
};

const maxRefusals = 10_000;

/** A refused key is not asked for by every reader of the tenant: its answer is believed for a few seconds. */
export function createRefusals(clock: Clock, limits: GuardLimits): Refusals {
  const refused = new Map<string, { readonly error: unknown; readonly until: number }>();
  return {
    throwIfRefused: (tenantId, epoch) => {
      const found = refused.get(`${tenantId}/${epoch}`);
      if (found === undefined) return;
      if (clock.now().getTime() < found.until) throw found.error;
      refused.delete(`${tenantId}/${epoch}`);
    },
    add: (tenantId, epoch, error) => {
      if (refused.size >= maxRefusals) refused.clear();
      refused.set(`${tenantId}/${epoch}`, {
        error,
        until: clock.now().getTime() + limits.refusalMilliseconds,
      });
    },
  };
}
