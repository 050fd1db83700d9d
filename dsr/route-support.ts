import type { z } from 'zod';
import type { CallContext, Principal } from '../kernel/index.ts';
import type { Connector } from './connectors/connector.ts';
import { dsrError } from './errors.ts';
import type { DsrDeps } from './ports.ts';
import { readRequest } from './request-row.ts';
import { viewDetail } from './request-detail.ts';
import { requestDetail } from './schema.ts';

/** What routes stand on. */
export type RoutePorts = { readonly deps: DsrDeps; readonly connector: Connector };
/** Who calls. */
export type Caller = { readonly principal: Principal; readonly call: CallContext };

/** A response that is an error. */
export const problem = { description: 'Problem details (RFC 9457)' };
/** Responses of routes that answer with the whole request. */
export const detailResponses = {
  200: { description: 'The request as it is now', schema: requestDetail },
  401: problem,
  403: problem,
  404: problem,
  409: problem,
};

/** The adapter has authenticated and decided; a route of kind `principal` never runs without one. */
export function caller({
  principal,
  call,
}: {
  readonly principal: Principal | null;
  readonly call: CallContext;
}): Caller {
  if (principal === null)
    throw dsrError('ERR_DSR_BUSY', 'the route was called without a principal', { status: 500 });
  return { principal, call };
}

/** A request as it is now, for its routes' answers. */
export async function detailOf(
  { deps }: RoutePorts,
  principal: Principal,
  id: string,
): Promise<z.output<typeof requestDetail>> {
  return deps.database.withTenant(principal.tenantId, async (tx) =>
    viewDetail(deps, tx, await readRequest(tx, id)),
  );
}

/** A route for people without an account. @param reason - what protects it instead */
export const openToPublic = (reason: string) => ({ kind: 'public' as const, reason });
