import type { PrincipalId, TenantId } from '../kernel/index.ts';
import type { Database } from '../db/index.ts';
import type { NamedRule } from './ability.ts';
import type { CatalogField } from './catalog.ts';
import { templateNames } from './resolve-templates.ts';
import { resourceTypeBodySchema, ruleSchema } from './schema.ts';
import { selectGrantsOf, selectResourceTypes, selectRevision, selectRoles, selectSubject } from './store.ts';

/** A role as decisions use it. */
export type LoadedRole = {
  readonly name: string;
  readonly rules: readonly NamedRule[];
  /** Facts of the principal that its conditions ask for. */
  readonly asks: readonly string[];
  readonly byPurpose: boolean;
};

/** A grant as decisions use it. */
export type LoadedGrant = {
  readonly id: string;
  readonly role: string;
  readonly expiresAt: Date | null;
  readonly lastUsedAt: Date | null;
};

/** A subject of a tenant's own application. */
export type LoadedSubject = {
  readonly properties: Readonly<Record<string, unknown>>;
  readonly roles: readonly string[];
};

/** A tenant's policy at one revision; everything derived from it hangs below it and goes with it. */
export type Snapshot = {
  readonly tenantId: TenantId;
  readonly revision: number;
  readonly roles: ReadonlyMap<string, LoadedRole>;
  readonly resourceTypes: ReadonlyMap<string, readonly CatalogField[]>;
};

type RoleRow = { readonly name: string; readonly rules: readonly unknown[] };
type ResourceTypeRow = { readonly type: string; readonly fields: unknown };

/** Reads roles and resource types, all at one revision. */
export function readSnapshot(database: Database, tenantId: TenantId): Promise<Snapshot> {
  return database.withTenant(
    tenantId,
    async (tx) => {
      const revision = await tx.query<{ number: number }>(selectRevision, [tenantId]);
      const roles = await tx.query<RoleRow>(selectRoles, [tenantId]);
      const types = await tx.query<ResourceTypeRow>(selectResourceTypes, [tenantId]);
      return Object.freeze({
        tenantId,
        revision: revision.rows[0]?.number ?? 0,
        roles: new Map(roles.rows.map((row) => [row.name, loadRole(row)])),
        resourceTypes: new Map(types.rows.map((row) => [row.type, loadFields(row.fields)])),
      });
    },
    { readOnly: true, isolation: 'repeatable read' },
  );
}

/** Reads the revision alone. */
export async function readRevision(database: Database, tenantId: TenantId): Promise<number> {
  const result = await database.withTenant(
    tenantId,
    (tx) => tx.query<{ number: number }>(selectRevision, [tenantId]),
    { readOnly: true },
  );
  return result.rows[0]?.number ?? 0;
}

/** Reads a principal's grants. */
export async function readGrants(
  database: Database,
  tenantId: TenantId,
  principalId: PrincipalId,
): Promise<readonly LoadedGrant[]> {
  const result = await database.withTenant(
    tenantId,
    (tx) => tx.query<LoadedGrant>(selectGrantsOf, [tenantId, principalId]),
    { readOnly: true },
  );
  return result.rows;
}

/** Reads a subject of a tenant's own application; null when it is not known. */
export async function readSubject(
  database: Database,
  tenantId: TenantId,
  type: string,
  id: string,
): Promise<LoadedSubject | null> {
  const result = await database.withTenant(
    tenantId,
    (tx) => tx.query<LoadedSubject>(selectSubject, [tenantId, type, id]),
    { readOnly: true },
  );
  const [row] = result.rows;
  return row === undefined
    ? null
    : { properties: Object.freeze(row.properties), roles: Object.freeze(row.roles) };
}

/** Parses stored rules again: what no longer fits the schema becomes a broken rule, which forbids. */
export function loadRole(row: RoleRow): LoadedRole {
  const rules = row.rules.map((stored, index): NamedRule => {
    const parsed = ruleSchema.safeParse(stored);
    const sound = parsed.success && hasSoundTemplates(parsed.data.conditions);
    return { id: `${row.name}#${index}`, rule: sound ? parsed.data : null };
  });
  const asks = new Set<string>();
  for (const { rule } of rules) templateNames(rule?.conditions, asks);
  return {
    name: row.name,
    rules,
    asks: [...asks].toSorted(),
    byPurpose: rules.some(({ rule }) => rule?.purposes !== undefined),
  };
}

function loadFields(stored: unknown): readonly CatalogField[] {
  const parsed = resourceTypeBodySchema.safeParse({ fields: stored });
  return parsed.success ? freeFields(parsed.data.fields) : [];
}

/** The fields of a tenant's own type: as declared, and the id that every AuthZEN resource has. */
export function freeFields(
  declared: readonly { readonly name: string; readonly type: string }[],
): readonly CatalogField[] {
  const fields = declared.map(({ name, type }) => ({ name, column: name, type, filterable: true }));
  return fields.some((field) => field.name === 'id')
    ? fields
    : [{ name: 'id', column: 'id', type: 'text', filterable: true }, ...fields];
}

function hasSoundTemplates(conditions: unknown): boolean {
  try {
    templateNames(conditions);
    return true;
  } catch {
    return false; // written past the API
  }
}
