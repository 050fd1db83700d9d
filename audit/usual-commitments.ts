import type { AuditEvent, CallContext } from '../kernel/index.ts';
import type { Commitments } from './leaf.ts';

/** The commitments that an actor's last event had, for the next event from the same place. */
export type UsualCommitments = {
  readonly find: (event: AuditEvent, now: number) => Commitments | null;
  /** @param until - milliseconds since 1970 up to which the groups may be used again */
  readonly keep: (event: AuditEvent, commitments: Commitments, until: number) => void;
};

type Kept = {
  readonly tenantId: string;
  readonly ip: string | null | undefined;
  readonly userAgent: string | null | undefined;
  readonly commitments: Commitments;
  readonly until: number;
};

/**
 * Spares the usual event the text of its groups. An actor is recognised by identity, so it must be frozen: what it is
 * cannot have changed since.
 */
export function createUsualCommitments(): UsualCommitments {
  const last = new WeakMap<AuditEvent['actor'], Kept>();
  return Object.freeze({
    find: ({ actor, tenantId, call }: AuditEvent, now: number) => {
      const kept = last.get(actor);
      if (kept === undefined || kept.until < now || kept.tenantId !== tenantId) return null;
      const { ip, userAgent } = placeOf(call);
      return kept.ip === ip && kept.userAgent === userAgent ? kept.commitments : null;
    },
    keep: ({ actor, tenantId, call }: AuditEvent, commitments: Commitments, until: number) => {
      if (Object.isFrozen(actor)) last.set(actor, { tenantId, ...placeOf(call), commitments, until });
    },
  });
}

function placeOf(call: CallContext | undefined): Pick<Kept, 'ip' | 'userAgent'> {
  return { ip: call?.origin.ip, userAgent: call?.origin.userAgent };
}
