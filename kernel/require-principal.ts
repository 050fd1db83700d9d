import { GatehouseError } from './errors.ts';
import type { Principal } from './principal.ts';

/**
 * The caller of a route that needs one.
 *
 * @throws ERR_UNAUTHENTICATED (401)
 */
export function requirePrincipal(principal: Principal | null): Principal {
  if (principal !== null) return principal;
  throw new GatehouseError(
    'ERR_UNAUTHENTICATED',
    'this call needs a session or a bearer token; sign in first',
    { status: 401 },
  );
}
