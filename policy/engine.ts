import type { Assurance } from '../kernel/index.ts';
import { buildAbility } from './ability.ts';
import type { CatalogField, FieldCatalog } from './catalog.ts';
import { denial, reason, type Decision, type DecisionContext, type Resource } from './decision.ts';
import type { Guardrail, GuardrailResource } from './guardrail.ts';
import type { Row } from './match-condition.ts';
import { normaliseRowValue } from './normalise-value.ts';
import { createPlan } from './plan.ts';
import type { Actor } from './resolve-templates.ts';
import { everyone } from './default-roles.ts';
import { loadRole, type LoadedRole } from './snapshot.ts';
import {
  remember,
  type AbilityEntry,
  type AskerEntry,
  type PlanEntry,
  type TenantState,
} from './tenant-cache.ts';
import type { FieldType } from './condition.ts';

/** Who asks: one of our principals, or a subject of a tenant's own application. */
export type Asker = Actor & {
  readonly kind: string;
  readonly roles: readonly string[];
  readonly assurance: Assurance;
};

/** What the house knows of a resource type beyond its fields. */
export type ResourceFacts = { readonly personal: boolean; readonly purposes: readonly string[] };

/** What the engine decides with. */
export type EngineDeps = {
  readonly guardrail: Guardrail;
  readonly fieldCatalog: FieldCatalog;
  readonly resourceFacts: (type: string) => ResourceFacts | null;
};

/** Decides in memory, without waiting for anything. */
export type Engine = {
  readonly decide: (
    at: { readonly state: TenantState; readonly entry: AskerEntry; readonly now: number },
    asker: Asker,
    action: string,
    resource: Resource,
    context: DecisionContext,
  ) => Decision;
  readonly ability: (
    state: TenantState,
    entry: AskerEntry,
    asker: Asker,
    purpose: string | null,
  ) => AbilityEntry;
};

/** Purposes that count where the data map names none. */
export const defaultPurposes: readonly string[] = Object.freeze([
  'marketing',
  'support',
  'service',
  'analytics',
  'security',
  'dsr',
]);
/** Resource types of the guards themselves. */
export const guardTypes: ReadonlySet<string> = new Set([
  'audit',
  'crypto',
  'datamap',
  'dsr',
  'gateway',
  'identity',
  'policy',
  'server',
  'all',
]);

const baseRole = loadRole(everyone);
const maxAbilities = 2_000;
const maxPlans = 1_000;

/** Joins rules and guardrails; throws nothing but what the guardrails throw. */
export function createEngine(deps: EngineDeps): Engine {
  const fieldsOf = (state: TenantState, type: string): readonly CatalogField[] =>
    deps.fieldCatalog(type) ?? state.snapshot.resourceTypes.get(type) ?? [];
  const ability: Engine['ability'] = (state, entry, asker, purpose) => {
    const { last } = entry;
    if (
      last !== null &&
      last.roles === asker.roles &&
      last.attributes === asker.attributes &&
      last.email === asker.email &&
      last.purpose === purpose
    ) {
      return last.ability;
    }
    const found = findAbility(state, effectiveRoles(entry, asker), asker, purpose, (type) =>
      fieldsOf(state, type),
    );
    if (isFrozen(asker))
      entry.last = {
        roles: asker.roles,
        attributes: asker.attributes,
        email: asker.email,
        purpose,
        ability: found,
      };
    return found;
  };
  const planFor = (state: TenantState, from: AbilityEntry, action: string, type: string): PlanEntry => {
    const known = from.plans.get(type)?.get(action);
    if (known !== undefined) return known;
    const plan = createPlan(from.ability, {
      action,
      type,
      fields: fieldsOf(state, type),
      revision: state.revision,
    });
    const resource = describe(deps, type);
    const byAction =
      from.plans.get(type) ?? remember(from.plans, type, new Map<string, PlanEntry>(), maxPlans);
    return remember(
      byAction,
      action,
      { plan, resource, guarded: deps.guardrail.applies(action, resource) },
      maxPlans,
    );
  };
  return Object.freeze({
    ability,
    decide: ({ state, entry, now }, asker, action, resource, context) => {
      const {
        plan,
        guarded,
        resource: facts,
      } = planFor(state, ability(state, entry, asker, context.purpose ?? null), action, resource.type);
      const row = resource.properties === undefined ? null : toRow(resource, plan.needs);
      if (row === 'mismatch')
        return denial(
          reason(
            'ERR_POLICY_RESOURCE_MISMATCH',
            'a property of the resource does not have its declared type',
          ),
          state.revision,
        );
      const decision = row === null ? plan.ofType : plan.ofRow(row);
      if (!guarded || !decision.decision) return decision;
      return applyGuardrail(
        deps.guardrail,
        decision,
        guardrailInput(asker, action, facts, context, context.now?.getTime() ?? now),
      );
    },
  });
}

/** The roles that count: those asserted by the provider, and those granted and not expired. */
export function effectiveRoles(
  entry: AskerEntry,
  asker: { readonly roles: readonly string[] },
): readonly string[] {
  return [
    ...new Set([...asker.roles, ...(entry.subject?.roles ?? []), ...entry.grants.map((grant) => grant.role)]),
  ].toSorted();
}

function findAbility(
  state: TenantState,
  roleNames: readonly string[],
  asker: Asker,
  purpose: string | null,
  fieldsOf: (type: string) => readonly CatalogField[],
): AbilityEntry {
  const roles = roleNames
    .map((name) => state.snapshot.roles.get(name))
    .filter((role): role is LoadedRole => role !== undefined);
  if (asker.kind !== 'external') roles.unshift(baseRole);
  const asks = [...new Set(roles.flatMap((role) => role.asks))];
  const declared = roles.some((role) => role.byPurpose) ? purpose : null;
  const facts = asks.map((name) => [name, askedFact(asker, name)]);
  const key = JSON.stringify([roles.map((role) => role.name), facts, declared]);
  const known = state.abilities.get(key);
  if (known !== undefined) return known;
  const ability = buildAbility({
    rules: roles.flatMap((role) => role.rules),
    actor: asker,
    purpose: declared,
    fieldsOf,
  });
  return remember(state.abilities, key, { ability, plans: new Map() }, maxAbilities);
}

function askedFact(asker: Asker, name: string): unknown {
  if (name === 'id') return asker.id;
  if (name === 'email') return asker.email;
  const attribute = name.slice('attributes.'.length);
  return Object.hasOwn(asker.attributes, attribute) ? asker.attributes[attribute] : null;
}

/** Only what cannot change any more may be recognised by identity. */
function isFrozen(asker: Asker): boolean {
  if (!Object.isFrozen(asker.roles) || !Object.isFrozen(asker.attributes)) return false;
  return Object.values(asker.attributes).every((value) => typeof value !== 'object' || value === null);
}

function describe(deps: EngineDeps, type: string): GuardrailResource {
  const catalogued = deps.fieldCatalog(type) !== null;
  const facts = deps.resourceFacts(type);
  return Object.freeze({
    type,
    governed: catalogued || guardTypes.has(type),
    personal: facts?.personal ?? catalogued, // unknown data counts as personal
    purposes: facts?.purposes ?? defaultPurposes,
  });
}

function toRow(resource: Resource, needs: readonly CatalogField[]): Row | 'mismatch' {
  const row: Record<string, unknown> = {}; // conditions cannot name what every object inherits: see resolveKey
  const properties = resource.properties ?? {};
  for (const { name, type } of needs) {
    const given: unknown = Object.hasOwn(properties, name)
      ? properties[name]
      : name === 'id'
        ? resource.id
        : undefined;
    if (given === undefined) continue;
    const value = normaliseRowValue(given, type as FieldType); // conditions name comparable fields only
    if (value === undefined) return 'mismatch';
    row[name] = value;
  }
  return row;
}

function guardrailInput(
  asker: Asker,
  action: string,
  resource: GuardrailResource,
  context: DecisionContext,
  now: number,
): Parameters<Guardrail['evaluate']>[0] {
  const { level, methods, authenticatedAt } = asker.assurance;
  return {
    now: new Date(now).toISOString(),
    action,
    resource,
    purpose: context.purpose ?? null,
    principal: {
      kind: asker.kind,
      assurance: {
        level,
        methods,
        ageSeconds: authenticatedAt === null ? null : (now - authenticatedAt.getTime()) / 1_000,
      },
    },
  };
}

function applyGuardrail(
  guardrail: Guardrail,
  decision: Decision,
  input: Parameters<Guardrail['evaluate']>[0],
): Decision {
  const { deny, obligations } = guardrail.evaluate(input);
  if (deny.length > 0) return denial(deny, decision.revision, obligations);
  return obligations.length === 0 ? decision : Object.freeze({ ...decision, obligations });
}
