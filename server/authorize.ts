import {
  requirePrincipal,
  GatehouseError,
  requireFreshAuthentication,
  stepUpOf,
  type AnyRoute,
  type AuditSink,
  type CallContext,
  type Principal,
} from '../kernel/index.ts';
import { routeDenied } from './events.ts';

/** Who a call speaks for. */
export type Authenticated = { readonly principal: Principal };

/** A call's head as authentication sees it. */
export type RequestHead = {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly ip: string | null;
};

/** What the pipeline needs of identity, policy and audit. */
export type AuthorizeDeps = {
  readonly authenticate: (head: RequestHead) => Promise<Authenticated | null>;
  readonly decide: (
    principal: Principal,
    action: string,
    resource: { readonly type: string },
    context: { readonly call: CallContext },
  ) => Promise<RouteDecision>;
  readonly audit: Pick<AuditSink, 'record'>;
  readonly now: () => Date;
};

type RouteDecision = {
  readonly decision: boolean;
  readonly reasons: readonly {
    readonly code: string;
    readonly message: string;
    readonly rule: string | null;
  }[];
  readonly obligations: readonly {
    readonly type: string;
    readonly properties: Readonly<Record<string, unknown>>;
  }[];
  readonly revision: string;
};

/**
 * The steps before a handler: authenticate, decide, demand fresh authentication. A denial is recorded before it is
 * answered.
 *
 * @returns the principal, or null on public routes without credentials
 * @throws ERR_UNAUTHENTICATED, ERR_FORBIDDEN, ERR_STEP_UP_REQUIRED
 */
export async function authorize(
  deps: AuthorizeDeps,
  route: AnyRoute,
  head: RequestHead,
  call: CallContext,
): Promise<Principal | null> {
  const { security } = route;
  if (security.kind === 'public') return null;
  const authenticated = await deps.authenticate(head);
  const principal = requirePrincipal(authenticated?.principal ?? null);
  const type = security.action.split('.')[0] ?? security.action;
  const decision = await deps.decide(principal, security.action, { type }, { call });
  const stepUp = decision.obligations.find((obligation) => obligation.type === 'step_up');
  const unknown = decision.obligations.find((obligation) => obligation.type !== 'step_up');
  if (!decision.decision && stepUp === undefined)
    await deny(deps, route, principal, call, decision, decision.reasons[0]?.code ?? 'denied');
  if (unknown !== undefined)
    await deny(deps, route, principal, call, decision, `unknown obligation ${unknown.type}`);
  const demanded = security.stepUp ?? (stepUp === undefined ? undefined : stepUpOf(stepUp.properties));
  if (demanded !== undefined) requireFreshAuthentication(principal, demanded, deps.now());
  if (!decision.decision)
    await deny(deps, route, principal, call, decision, decision.reasons[0]?.code ?? 'denied');
  return principal;
}

async function deny(
  deps: AuthorizeDeps,
  route: AnyRoute,
  principal: Principal,
  call: CallContext,
  decision: RouteDecision,
  reason: string,
): Promise<never> {
  await deps.audit.record({
    definition: routeDenied,
    tenantId: principal.tenantId,
    outcome: 'denied',
    reason,
    actor: principal,
    targets: [{ type: 'operation', id: route.operationId }],
    detail: { method: route.method, path: route.path },
    decision: {
      engine: 'policy',
      revision: decision.revision,
      rule: decision.reasons[0]?.rule ?? null,
      obligations: decision.obligations.map((obligation) => obligation.type),
    },
    call,
  });
  const why = decision.reasons[0]?.message ?? 'no rule allows it';
  throw new GatehouseError(
    'ERR_FORBIDDEN',
    `${route.operationId} is not permitted: ${why}; ask a security admin for access`,
    { status: 403 },
  );
}
