import { statement } from '../db/index.ts';

/** Open, overdue and nearly due requests of a tenant. */
export const countOpenRequests = statement(
  'server.count_open_requests',
  `select count(*)::int as open,
          (count(*) filter (where due_at < $2))::int as overdue,
          (count(*) filter (where due_at >= $2 and due_at < $2 + interval '3 days'))::int as soon
   from dsr.request
   where tenant_id = $1 and state not in ('completed', 'refused', 'withdrawn', 'expired')`,
);

/** The tenant behind a slug. */
export const findTenant = statement('server.find_tenant', `select id from db.tenant where slug = $1`);

/** A new tenant; one with the same slug stays as it is. */
export const insertTenant = statement(
  'server.insert_tenant',
  `insert into db.tenant (id, slug, name, settings) values ($1, $2, $3, $4) on conflict (slug) do nothing`,
);

/** Whether the database answers. */
export const pingDatabase = statement('server.ping', 'select 1 as ok');

/** $1 last id seen or null, $2 limit: tenants that are not disabled */
export const listTenants = statement(
  'server.list_tenants',
  `select id from db.tenant where state = 'active' and ($1::uuid is null or id > $1) order by id limit $2`,
);
