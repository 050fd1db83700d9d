import {
  isGatehouseError,
  requireFreshAuthentication,
  stepUpOf,
  type DecisionRecord,
} from '../kernel/index.ts';
import type { Call, Operation } from './call.ts';
import { gatewayError, type GatewayErrorCode } from './errors.ts';
import { accessDenied } from './events.ts';
import type { GatewayObligation, Parts, Verdict } from './ports.ts';
import { withSafeErrors } from './safe-errors.ts';

/** What a permitted call may see or write. */
export type Grant = {
  readonly verdict: Verdict;
  /** Fields in clear. */
  readonly clear: ReadonlySet<string>;
  /** Fields in masked form only. */
  readonly masked: ReadonlySet<string>;
  readonly decision: DecisionRecord;
};

/**
 * Asks policy and fulfils what it demands; a refusal is recorded before it is answered.
 *
 * @param properties - the row, for decisions about one that is not stored yet
 * @throws ERR_GATEWAY_DENIED, ERR_GATEWAY_OBLIGATION, ERR_STEP_UP_REQUIRED
 */
export async function authorize(
  parts: Parts,
  call: Call,
  operation: Operation,
  properties?: Readonly<Record<string, unknown>>,
): Promise<Grant> {
  const verdict = await ask(parts, call, operation, properties);
  const stepUp = verdict.obligations.find(({ type }) => type === 'step_up');
  if (stepUp !== undefined)
    requireFreshAuthentication(call.principal, stepUpOf(stepUp.properties), parts.clock.now());
  if (!verdict.decision) {
    const [first] = verdict.reasons;
    const message = `${operation} on ${call.collection.type} is not permitted: ${first?.message ?? 'no rule permits it'}; ask a security admin for access`;
    return refuse(parts, call, { operation, code: 'ERR_GATEWAY_DENIED', message, verdict });
  }
  const strange = verdict.obligations.find((obligation) => !isFulfilled(obligation));
  if (strange !== undefined) {
    const message = `the decision demands "${strange.type}", which the gateway cannot fulfil here`;
    return refuse(parts, call, { operation, code: 'ERR_GATEWAY_OBLIGATION', message, verdict });
  }
  return toGrant(call, verdict);
}

/** As {@link authorize} where a refusal is no event but shapes an answer: null then. */
export async function permitted(parts: Parts, call: Call, operation: Operation): Promise<Grant | null> {
  if (!call.collection.operations.includes(operation)) return null;
  const verdict = await ask(parts, call, operation);
  const met = verdict.obligations.every(
    ({ type, properties }) => type !== 'step_up' && isFulfilled({ id: '', type, properties }),
  );
  return verdict.decision && met ? toGrant(call, verdict) : null;
}

function ask(
  parts: Parts,
  call: Call,
  operation: Operation,
  properties?: Readonly<Record<string, unknown>>,
): Promise<Verdict> {
  const resource = { type: call.collection.type, ...(properties === undefined ? {} : { properties }) };
  const context = { call: call.context, ...(call.purpose === null ? {} : { purpose: call.purpose }) };
  return parts.decide(call.principal, operation, resource, context);
}

function isFulfilled({ type, properties }: GatewayObligation): boolean {
  if (type === 'step_up') return true; // checked above
  return type === 'mask' && Array.isArray(properties['fields']);
}

function toGrant(call: Call, verdict: Verdict): Grant {
  const { readable, masked } = verdict.fieldMask;
  const demanded = new Set([...masked, ...maskObligations(verdict.obligations)]);
  const names = call.collection.fields.map(({ name }) => name);
  const clear = names.filter(
    (name) => (readable === 'all' || readable.includes(name)) && !demanded.has(name),
  );
  const shownMasked = names.filter((name) => demanded.has(name));
  return { verdict, clear: new Set(clear), masked: new Set(shownMasked), decision: decisionRecord(verdict) };
}

function maskObligations(obligations: readonly GatewayObligation[]): readonly string[] {
  return obligations
    .filter(({ type }) => type === 'mask')
    .flatMap(({ properties }) =>
      Array.isArray(properties['fields']) ? properties['fields'].map(String) : [],
    );
}

function decisionRecord({ revision, reasons, obligations }: Verdict): DecisionRecord {
  const rule = reasons[0]?.rule ?? null;
  return { engine: 'policy', revision, rule, obligations: obligations.map(({ type }) => type) };
}

/** Records a refusal and throws it. */
export async function refuse(
  parts: Parts,
  call: Call,
  refusal: {
    readonly operation: Operation;
    readonly code: GatewayErrorCode;
    readonly message: string;
    readonly verdict: Verdict;
  },
): Promise<never> {
  const { collection, principal, purpose } = call;
  const { operation, code, message, verdict } = refusal;
  await parts.audit.record({
    definition: accessDenied,
    tenantId: principal.tenantId,
    outcome: 'denied',
    reason: verdict.decision ? code : (verdict.reasons[0]?.code ?? code),
    actor: principal,
    targets: [{ type: 'collection', id: collection.type }],
    detail: { service: collection.service, collection: collection.name, purpose, operation, code },
    decision: decisionRecord(verdict),
    call: call.context,
  });
  throw gatewayError(code, message);
}

const recordedInside: readonly GatewayErrorCode[] = ['ERR_GATEWAY_DENIED', 'ERR_GATEWAY_SUPPRESSED'];

/**
 * Runs a write; a refusal that only its transaction could find (it was rolled back) is recorded like any other.
 *
 * @throws what the work throws, with the database's own errors made safe
 */
export async function recordRefusals<T>(
  parts: Parts,
  { call, grant, operation }: { readonly call: Call; readonly grant: Grant; readonly operation: Operation },
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await withSafeErrors(work);
  } catch (error) {
    const code = isGatehouseError(error) ? recordedInside.find((known) => known === error.code) : undefined;
    if (code === undefined || !isGatehouseError(error)) throw error;
    return refuse(parts, call, { operation, code, message: error.message, verdict: grant.verdict });
  }
}
