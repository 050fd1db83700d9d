import type { Logger, TenantId } from '../kernel/index.ts';
import type { Database } from '../db/index.ts';
import type { HouseAbility } from './ability.ts';
import type { Plan } from './plan.ts';
import type { GuardrailResource } from './guardrail.ts';
import {
  readRevision,
  readSnapshot,
  type LoadedGrant,
  type LoadedSubject,
  type Snapshot,
} from './snapshot.ts';

/** A plan, and what the guardrails need besides. */
export type PlanEntry = {
  readonly plan: Plan;
  readonly guarded: boolean;
  readonly resource: GuardrailResource;
};
/** An ability and the plans made from it. */
export type AbilityEntry = {
  readonly ability: HouseAbility;
  readonly plans: Map<string, Map<string, PlanEntry>>;
};

/** Who asks, as far as one revision is concerned; remembers the ability last used, by the identity of frozen inputs. */
export type AskerEntry = {
  readonly grants: readonly LoadedGrant[];
  readonly subject: LoadedSubject | null;
  /** Milliseconds since 1970 after which the grants must be read again. */
  readonly validUntil: number;
  /** Grants by role that have not been marked as used for an hour. */
  readonly unmarked: Map<string, string>;
  last: {
    readonly roles: readonly string[];
    readonly attributes: object;
    readonly email: string | null;
    readonly purpose: string | null;
    readonly ability: AbilityEntry;
  } | null;
};

/** One tenant at one revision. */
export type TenantState = {
  readonly snapshot: Snapshot;
  readonly revision: string;
  /** By principal id. */
  readonly principals: Map<string, AskerEntry>;
  /** Subjects of tenants' own applications, by type and id. */
  readonly subjects: Map<string, AskerEntry>;
  readonly abilities: Map<string, AbilityEntry>;
  checkedAt: number;
};

/** Keeps tenants' policy in memory, by revision. */
export type TenantCache = {
  /** The tenant's state when it is here and fresh. */
  readonly peek: (tenantId: TenantId, now: number) => TenantState | null;
  readonly load: (tenantId: TenantId, now: number) => Promise<TenantState>;
  readonly drop: (tenantId: TenantId) => void;
};

/** How long a revision is believed without a look, should a notification be lost. */
const maxAgeMilliseconds = 10_000;
const maxTenants = 1_000;

/** @param version - of the guardrails; part of every revision */
export function createTenantCache(deps: {
  readonly database: Database;
  readonly logger: Logger;
  readonly version: string;
}): TenantCache {
  const { database, logger } = deps;
  const states = new Map<TenantId, TenantState>();
  let generation = 0;
  let subscribed: Promise<void> | null = null;

  const drop = (tenantId: TenantId): void => {
    generation += 1;
    states.delete(tenantId);
  };
  const dropAll = (): void => {
    generation += 1;
    states.clear();
  };
  const subscribe = async (): Promise<void> => {
    database.listener.onReconnect(dropAll);
    await database.listener.subscribe('policy_revision', (payload) => drop(payload as TenantId)); // our own statement wrote it
  };
  const isFresh = (state: TenantState, now: number): boolean => now - state.checkedAt < maxAgeMilliseconds;

  return Object.freeze({
    drop,
    peek: (tenantId: TenantId, now: number) => {
      const state = states.get(tenantId);
      return state !== undefined && isFresh(state, now) ? state : null;
    },
    load: async (tenantId: TenantId, now: number) => {
      // Listen before reading: a change between the two must not be missed.
      subscribed ??= subscribe().catch((error: unknown) => {
        subscribed = null;
        logger.warn('policy changes cannot be listened for', { error });
        throw error;
      });
      await subscribed;
      const before = generation;
      const known = states.get(tenantId);
      if (known !== undefined) {
        if (isFresh(known, now)) return known;
        if ((await readRevision(database, tenantId)) === known.snapshot.revision) {
          known.checkedAt = now;
          return known;
        }
      }
      const snapshot = await readSnapshot(database, tenantId);
      const state: TenantState = {
        snapshot,
        revision: `${snapshot.revision}-${deps.version}`,
        principals: new Map(),
        subjects: new Map(),
        abilities: new Map(),
        checkedAt: now,
      };
      if (generation === before) {
        if (states.size >= maxTenants) states.clear();
        states.set(tenantId, state);
      }
      return state;
    },
  });
}

/** Adds to a map that must not grow without end. */
export function remember<Value>(map: Map<string, Value>, key: string, value: Value, max: number): Value {
  if (map.size >= max) map.clear();
  map.set(key, value);
  return value;
}

/** Where a tenant's own subject's entry lies. */
export const subjectKey = (type: string, id: string): string => `${type} ${id}`;
