import { hash } from 'node:crypto';
import type { AuditEvent, CallContext, Principal, TenantId } from '../kernel/index.ts';
import type { Decision } from './decision.ts';
import { batchEvaluated, evaluated } from './events.ts';

/** What was asked, as the record needs it. */
export type Asked = {
  readonly subject: { readonly type: string; readonly id: string };
  readonly action: string;
  readonly resource: { readonly type: string; readonly id: string };
};
/** A question and its answer. */
export type Answered = Asked & { readonly decision: Decision };

/** Ids of subjects and resources may be mail addresses: the record holds a hash bound to the tenant, 32 hex digits. */
export function resourceHash(tenantId: TenantId, type: string, id: string): string {
  return hash('sha256', `${tenantId}\n${type}\n${id}`, 'hex').slice(0, 32);
}

/** The record of one evaluation. */
export function evaluationEvent(principal: Principal, call: CallContext, answered: Answered): AuditEvent {
  const { decision } = answered;
  return {
    definition: evaluated,
    tenantId: principal.tenantId,
    outcome: decision.decision ? 'success' : 'denied',
    reason: codeOf(decision),
    actor: principal,
    detail: itemOf(createHasher(principal.tenantId), answered),
    decision: {
      engine: 'gatehouse',
      revision: decision.revision,
      rule: decision.reasons[0]?.rule ?? null,
      obligations: decision.obligations.map((obligation) => obligation.type),
    },
    call,
  };
}

/** The record of a batch: one event that lists every item. */
export function batchEvent(
  principal: Principal,
  call: CallContext,
  semantic: string,
  items: readonly Answered[],
): AuditEvent {
  const allowed = items.filter((item) => item.decision.decision).length;
  const hasher = createHasher(principal.tenantId);
  return {
    definition: batchEvaluated,
    tenantId: principal.tenantId,
    outcome: 'success',
    actor: principal,
    detail: {
      semantic,
      allowed,
      denied: items.length - allowed,
      items: items.map((item) => itemOf(hasher, item)),
    },
    decision: {
      engine: 'gatehouse',
      revision: items[0]?.decision.revision ?? 'none',
      rule: null,
      obligations: [],
    },
    call,
  };
}

type Hasher = (entity: { readonly type: string; readonly id: string }) => string;

/** Items of a batch often share an entity: the same object is hashed once. */
function createHasher(tenantId: TenantId): Hasher {
  const known = new Map<object, string>();
  return (entity) => {
    const found = known.get(entity);
    if (found !== undefined) return found;
    const made = resourceHash(tenantId, entity.type, entity.id);
    known.set(entity, made);
    return made;
  };
}

function itemOf(hasher: Hasher, { subject, action, resource, decision }: Answered): Record<string, unknown> {
  return {
    action,
    resourceType: resource.type,
    subjectHash: hasher(subject),
    resourceHash: hasher(resource),
    decision: decision.decision,
    code: codeOf(decision),
    rule: decision.reasons[0]?.rule ?? null,
  };
}

const codeOf = (decision: Decision): string => decision.reasons[0]?.code ?? 'ERR_POLICY_NO_RULE';
