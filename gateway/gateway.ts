import type { AnyRoute, TenantId } from '../kernel/index.ts';
import { bindPolicy, type GatewayDeps, type Parts } from './ports.ts';
import { createGatewayRoutes } from './routes.ts';

/** The door to the wrapped data services. */
export type Gateway = { readonly routes: readonly AnyRoute[] };

const warmForMilliseconds = 60_000;

/** Joins the parts of the room. */
export function createGateway<Filter>(deps: GatewayDeps<Filter>): Gateway {
  const { policy, crypto, ...rest } = deps;
  const parts: Parts = {
    ...rest,
    crypto: { ...crypto, warm: warmOnceAMinute(deps) },
    decide: bindPolicy(policy),
  };
  return Object.freeze({ routes: createGatewayRoutes(parts) });
}

/** Keeps the key service out of transactions without asking it at every call. */
function warmOnceAMinute({
  crypto,
  clock,
}: Pick<GatewayDeps<never>, 'crypto' | 'clock'>): (tenantId: TenantId) => Promise<void> {
  const warmed = new Map<TenantId, number>();
  return async (tenantId) => {
    const now = clock.now().getTime();
    const last = warmed.get(tenantId);
    if (last !== undefined && now >= last && now - last < warmForMilliseconds) return;
    await crypto.warm(tenantId);
    if (warmed.size >= 10_000) warmed.clear();
    warmed.set(tenantId, now);
  };
}
