import type { TenantId } from '../kernel/index.ts';
import type { Crypto } from '../crypto/index.ts';

const warmMilliseconds = 30_000;
const maxTenants = 10_000;

/**
 * Remembers for half a minute that a tenant's key is at hand. When the key was dropped in between, the transaction asks
 * the root itself: slower, not wrong.
 */
export function createWarmUp(crypto: Pick<Crypto, 'warm'>): (tenantId: TenantId) => Promise<void> {
  const warmed = new Map<TenantId, number>();
  return async (tenantId) => {
    const now = performance.now();
    if ((warmed.get(tenantId) ?? -Infinity) > now - warmMilliseconds) return;
    await crypto.warm(tenantId);
    if (warmed.size >= maxTenants) warmed.clear();
    warmed.set(tenantId, now);
  };
}
