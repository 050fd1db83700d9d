import type { AnyRoute, AuditSink, Clock, Logger, NewId, Principal, PrincipalId } from '../kernel/index.ts';
import type { Database, Tx } from '../db/index.ts';
import {
  createAdministration,
  systemGranter,
  type Administration,
  type ChangeContext,
} from './administer.ts';
import type { FieldCatalog } from './catalog.ts';
import { createDecider, type Decider } from './decider.ts';
import type { Decision, DecisionContext, Resource } from './decision.ts';
import { defaultRoles, installRoles } from './default-roles.ts';
import { createEngine, effectiveRoles, type ResourceFacts } from './engine.ts';
import { policyError } from './errors.ts';
import { brokenGuardrail, loadGuardrail, type Guardrail } from './guardrail.ts';
import { createPolicyRoutes } from './routes.ts';
import { rulesSchema, type PolicyRule } from './schema.ts';
import { checkRules } from './check-rules.ts';
import { createTenantCache } from './tenant-cache.ts';

/** What policy is made of. */
export type PolicyDeps = {
  readonly database: Database;
  readonly audit: AuditSink<Tx>;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly logger: Logger;
  /** Fields of the data services' collections, from the data map; null for other types. */
  readonly fieldCatalog: FieldCatalog;
  /** Whether a type holds personal data and for which purposes; by default every catalogued type does, for the default purposes. */
  readonly resourceFacts?: (type: string) => ResourceFacts | null;
  /** Our public origin, for AuthZEN's metadata. */
  readonly publicUrl?: string;
  readonly guardrail?: Guardrail;
  /** Milliseconds that a decision may wait for the database; default 2,000. */
  readonly timeoutMilliseconds?: number;
};

/** A role that somebody is given. */
export type GrantOptions = {
  readonly grantedBy: PrincipalId | 'system';
  readonly reason?: string;
  readonly expiresAt?: Date | null;
};

/** One decision for every touch. */
export type Policy = {
  /** Never rejects: what fails is a denial with a code. */
  readonly decide: (
    principal: Principal,
    action: string,
    resource: Resource,
    context?: DecisionContext,
  ) => Promise<Decision>;
  readonly effectiveRoles: (principal: Principal) => Promise<readonly string[]>;
  /** The caller's answer to each of these actions, on the type as a whole. */
  readonly permissions: (
    principal: Principal,
    actions?: readonly string[],
  ) => Promise<{ readonly roles: readonly string[]; readonly actions: Readonly<Record<string, boolean>> }>;
  /** Installs a role that the API cannot change; for set-up. */
  readonly installRole: (
    tx: Tx,
    name: string,
    rules: readonly PolicyRule[],
    description?: string,
  ) => Promise<void>;
  /** Installs the default roles, with a tenant's rules over its data added by role name. */
  readonly installDefaultRoles: (
    tx: Tx,
    extra?: Readonly<Record<string, readonly PolicyRule[]>>,
  ) => Promise<void>;
  readonly grant: (tx: Tx, principalId: PrincipalId, role: string, options: GrantOptions) => Promise<string>;
  readonly revoke: (tx: Tx, grantId: string, by?: ChangeContext) => Promise<void>;
  readonly administration: Administration;
  readonly routes: readonly AnyRoute[];
  readonly health: () => { readonly ok: boolean; readonly detail: string };
  /** Waits for marks of last use that are being written. */
  readonly stop: () => Promise<void>;
};

/** Actions of the guards, which `permissions` answers for: all that a default role names. */
export const guardActions: readonly string[] = Object.freeze([
  ...new Set(defaultRoles.flatMap(({ rules }) => rules.flatMap(({ action }) => action))),
]);

const house: ChangeContext = Object.freeze({
  actor: Object.freeze({ kind: 'system', id: systemGranter, displayName: 'Gatehouse set-up' }),
});

/** Joins store, cache, engine and routes. */
export function createPolicy(deps: PolicyDeps): Policy {
  const { database, audit, clock, newId, logger, fieldCatalog } = deps;
  const guardrail = deps.guardrail ?? load(logger);
  const cache = createTenantCache({ database, logger, version: guardrail.version });
  const engine = createEngine({ guardrail, fieldCatalog, resourceFacts: deps.resourceFacts ?? (() => null) });
  const decider = createDecider({
    database,
    cache,
    engine,
    clock,
    logger,
    timeoutMilliseconds: deps.timeoutMilliseconds ?? 2_000,
  });
  const administration = createAdministration({ audit, clock, newId, drop: cache.drop });
  const install = (
    tx: Tx,
    name: string,
    role: { readonly description: string; readonly rules: readonly PolicyRule[] },
  ): Promise<void> => {
    checkRules(role.rules, (type) => fieldCatalog(type));
    return administration.putRole(
      tx,
      name,
      { ...role, rules: rulesSchema.parse(role.rules), builtIn: true },
      house,
    );
  };
  const rolesOf = async (principal: Principal): Promise<readonly string[]> => {
    const { state, entry } = await decider.locate(principal);
    return effectiveRoles(entry, principal).filter((role) => state.snapshot.roles.has(role));
  };
  const policy: Omit<Policy, 'routes'> = {
    decide: decider.decide,
    effectiveRoles: rolesOf,
    permissions: (principal, actions = guardActions) => answerAll(decider, rolesOf, principal, actions),
    installRole: (tx, name, rules, description = '') => install(tx, name, { description, rules }),
    installDefaultRoles: (tx, extra) => installRoles(tx, install, extra),
    grant: (tx, principalId, role, { grantedBy, reason = 'granted at set-up', expiresAt = null }) => {
      if (grantedBy === principalId)
        throw policyError(
          'ERR_POLICY_SELF_GRANT',
          'nobody grants a role to himself; ask another administrator',
          { status: 403 },
        );
      const by =
        grantedBy === 'system'
          ? house
          : { actor: { kind: 'system', id: grantedBy, displayName: 'principal' } as const };
      return administration.grant(tx, { principalId, role, reason, expiresAt }, by);
    },
    revoke: (tx, grantId, by = house) => administration.revoke(tx, grantId, by),
    administration,
    health: () => ({ ok: guardrail.version !== 'broken', detail: `guardrails ${guardrail.version}` }),
    stop: decider.settle,
  };
  const routes = createPolicyRoutes({
    policy,
    decider,
    database,
    audit,
    fieldCatalog,
    publicUrl: deps.publicUrl ?? null,
    clock,
  });
  return Object.freeze({ ...policy, routes });
}

function load(logger: Logger): Guardrail {
  try {
    return loadGuardrail();
  } catch (error) {
    logger.error('the guardrails cannot be loaded; everything is denied', { error });
    return brokenGuardrail(error);
  }
}

async function answerAll(
  decider: Decider,
  rolesOf: Policy['effectiveRoles'],
  principal: Principal,
  actions: readonly string[],
): ReturnType<Policy['permissions']> {
  const answers: [string, boolean][] = [];
  for (const action of actions) {
    const { decision } = await decider.decide(principal, action, { type: action.split('.')[0] ?? '' });
    answers.push([action, decision]);
  }
  return { roles: await rolesOf(principal), actions: Object.fromEntries(answers) };
}
