import pg from 'pg';
import { databaseError } from './errors.ts';

/** One thing in the catalog that breaks a tenancy rule. */
export type CatalogFinding = { readonly rule: string; readonly object: string; readonly detail: string };

const systemSchemas = `('pg_catalog', 'information_schema', 'pg_toast')`;
const ours = `n.nspname not in ${systemSchemas} and n.nspname not like 'pg_temp%' and n.nspname not like 'pg_toast%' and n.nspname <> 'pgboss'`;

/** Each rule is a query over the catalog whose rows are breaches: object, detail. */
const rules: Readonly<Record<string, string>> = {
  'a tenant table enables and forces row-level security': `
    select format('%I.%I', n.nspname, c.relname) as object, 'row security enabled ' || c.relrowsecurity || ', forced ' || c.relforcerowsecurity as detail
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where ${ours} and c.relkind in ('r', 'p') and not (c.relrowsecurity and c.relforcerowsecurity)
      and coalesce(obj_description(c.oid, 'pg_class'), '') not like 'Platform:%'`,
  'a tenant table has tenant_id uuid not null': `
    select format('%I.%I', n.nspname, c.relname) as object, 'no such column' as detail
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where ${ours} and c.relkind in ('r', 'p') and coalesce(obj_description(c.oid, 'pg_class'), '') not like 'Platform:%'
      and not exists (select 1 from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and a.atttypid = 'uuid'::regtype and a.attnotnull)`,
  'a tenant table has the restrictive tenant policy': `
    select format('%I.%I', n.nspname, c.relname) as object, 'policy tenant_wall is missing or weaker' as detail
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where ${ours} and c.relkind in ('r', 'p') and c.relrowsecurity
      and not exists (select 1 from pg_policy p where p.polrelid = c.oid and not p.polpermissive and p.polcmd = '*' and 0 = any(p.polroles)
        and pg_get_expr(p.polqual, p.polrelid) = '(tenant_id = ( SELECT db.current_tenant() AS current_tenant))'
        and pg_get_expr(p.polwithcheck, p.polrelid) = '(tenant_id = ( SELECT db.current_tenant() AS current_tenant))')`,
  'keys and indexes of a tenant table begin with tenant_id': `
    select format('%I.%I', n.nspname, i.relname) as object, 'index of ' || c.relname || ' begins with another column' as detail
    from pg_index x join pg_class c on c.oid = x.indrelid join pg_class i on i.oid = x.indexrelid join pg_namespace n on n.oid = c.relnamespace
    where ${ours} and c.relrowsecurity and coalesce(obj_description(i.oid, 'pg_class'), '') not like 'Not by tenant:%'
      and (x.indkey[0] = 0 or not exists (select 1 from pg_attribute a where a.attrelid = c.oid and a.attnum = x.indkey[0] and a.attname = 'tenant_id'))`,
  'a foreign key is covered by an index and begins with tenant_id': `
    select format('%I.%I', n.nspname, k.conname) as object, 'foreign key of ' || c.relname as detail
    from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
    where ${ours} and k.contype = 'f' and c.relrowsecurity
      and (not exists (select 1 from pg_attribute a where a.attrelid = c.oid and a.attnum = k.conkey[1] and a.attname = 'tenant_id')
        or not exists (select 1 from pg_index x where x.indrelid = c.oid and (x.indkey::smallint[])[0:cardinality(k.conkey) - 1] @> k.conkey))`,
  'a table and its columns are documented': `
    select format('%I.%I', n.nspname, c.relname) as object, 'no COMMENT ON' as detail
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where ${ours} and c.relkind in ('r', 'p', 'v', 'm') and not c.relispartition and obj_description(c.oid, 'pg_class') is null`,
  'a view runs with the rights of who asks': `
    select format('%I.%I', n.nspname, c.relname) as object, 'security_invoker is off, or the view is materialised' as detail
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where ${ours} and (c.relkind = 'm' or (c.relkind = 'v' and not coalesce(c.reloptions @> array['security_invoker=true'], false)))`,
  'a security definer function pins its search path': `
    select format('%I.%I', n.nspname, p.proname) as object, 'search_path is not pinned' as detail
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where ${ours} and p.prosecdef and not exists (select 1 from unnest(p.proconfig) s where s like 'search_path=%')`,
  'objects belong to the owner role': `
    select format('%I.%I', n.nspname, c.relname) as object, 'owned by ' || pg_get_userbyid(c.relowner) as detail
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where ${ours} and n.nspname <> 'public' and c.relkind in ('r', 'p', 'v', 'm', 'S') and pg_get_userbyid(c.relowner) <> 'gatehouse_owner'`,
  'login roles are not powerful': `
    select rolname as object, 'super ' || rolsuper || ', bypassrls ' || rolbypassrls || ', createrole ' || rolcreaterole || ', createdb ' || rolcreatedb as detail
    from pg_roles where rolname in ('gatehouse_app', 'gatehouse_sequencer', 'gatehouse_owner')
      and (rolsuper or rolcreaterole or rolcreatedb or (rolbypassrls and rolname <> 'gatehouse_sequencer') or (rolcanlogin and rolname = 'gatehouse_owner'))`,
  'login roles are members of nothing': `
    select m.rolname as object, 'member of ' || g.rolname as detail
    from pg_auth_members a join pg_roles m on m.oid = a.member join pg_roles g on g.oid = a.roleid
    where m.rolname in ('gatehouse_app', 'gatehouse_sequencer', 'gatehouse_owner')`,
  'the application has no DDL and no way around': `
    select format('%I.%I %s', n.nspname, c.relname, g.privilege_type) as object, 'granted to gatehouse_app' as detail
    from pg_class c join pg_namespace n on n.oid = c.relnamespace, aclexplode(c.relacl) g
    where ${ours} and g.grantee = 'gatehouse_app'::regrole and g.privilege_type in ('TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN')`,
  'the log is append-only for the application': `
    select format('%I.%I %s', n.nspname, c.relname, g.privilege_type) as object, 'granted to ' || pg_get_userbyid(g.grantee) as detail
    from pg_class c join pg_namespace n on n.oid = c.relnamespace, aclexplode(c.relacl) g
    where n.nspname = 'audit' and coalesce(obj_description(c.oid, 'pg_class'), '') like '%Append-only%'
      and g.grantee in ('gatehouse_app'::regrole, 'gatehouse_sequencer'::regrole) and g.privilege_type in ('UPDATE', 'DELETE', 'TRUNCATE')
    union all
    select format('%I.%I.%I %s', n.nspname, c.relname, a.attname, g.privilege_type), 'granted to ' || pg_get_userbyid(g.grantee)
    from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid, aclexplode(a.attacl) g
    where n.nspname = 'audit' and coalesce(obj_description(c.oid, 'pg_class'), '') like '%Append-only%'
      and g.grantee in ('gatehouse_app'::regrole, 'gatehouse_sequencer'::regrole) and g.privilege_type = 'UPDATE'`,
  'the log writer reaches audit tables only': `
    select format('%I.%I %s', n.nspname, c.relname, g.privilege_type) as object, 'granted to gatehouse_sequencer' as detail
    from pg_class c join pg_namespace n on n.oid = c.relnamespace, aclexplode(c.relacl) g
    where ${ours} and n.nspname <> 'audit' and g.grantee = 'gatehouse_sequencer'::regrole
      and not (n.nspname = 'db' and c.relname = 'tenant' and g.privilege_type = 'SELECT')
    union all
    select format('%I.%I.%I %s', n.nspname, c.relname, a.attname, g.privilege_type), 'granted to gatehouse_sequencer'
    from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid, aclexplode(a.attacl) g
    where ${ours} and n.nspname <> 'audit' and g.grantee = 'gatehouse_sequencer'::regrole
      and not (n.nspname = 'db' and c.relname = 'tenant' and g.privilege_type = 'SELECT')`,
  'nothing is granted to everybody': `
    select format('%I.%I %s', n.nspname, c.relname, g.privilege_type) as object, 'granted to PUBLIC' as detail
    from pg_class c join pg_namespace n on n.oid = c.relnamespace, aclexplode(c.relacl) g
    where ${ours} and g.grantee = 0
    union all
    select format('%I.%I.%I %s', n.nspname, c.relname, a.attname, g.privilege_type), 'granted to PUBLIC'
    from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid, aclexplode(a.attacl) g
    where ${ours} and g.grantee = 0`,
};

/** Names of the rules, for docs and tests. */
export const catalogRules: readonly string[] = Object.freeze(Object.keys(rules));

/**
 * Looks through the catalog for tables, views, functions and roles that break the tenancy rules.
 *
 * @param url - any login role
 * @throws ERR_DB_UNREACHABLE
 */
export async function checkCatalog(url: string): Promise<readonly CatalogFinding[]> {
  const client = new pg.Client({ connectionString: url, application_name: 'gatehouse-self-check' });
  try {
    await client.connect();
  } catch (cause) {
    throw databaseError('ERR_DB_UNREACHABLE', 'the database cannot be reached for the self-check', { cause });
  }
  try {
    const findings: CatalogFinding[] = [];
    for (const [rule, text] of Object.entries(rules)) {
      const { rows } = await client.query<{ object: string; detail: string }>(text);
      findings.push(...rows.map((row) => ({ rule, ...row })));
    }
    return findings;
  } finally {
    await client.end();
  }
}

/** Refuses to go on when the catalog breaks a rule. @throws ERR_DB_UNSAFE */
export async function requireSafeCatalog(url: string): Promise<void> {
  const findings = await checkCatalog(url);
  if (findings.length === 0) return;
  const list = findings
    .slice(0, 5)
    .map((finding) => `${finding.object}: ${finding.rule} (${finding.detail})`);
  throw databaseError(
    'ERR_DB_UNSAFE',
    `the database breaks ${findings.length} tenancy rules: ${list.join('; ')}; mend them before starting`,
    { details: { findings } },
  );
}
