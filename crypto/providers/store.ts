import { statement } from '../../db/index.ts';

/** $1 tenant, $2 name */
export const readConfiguration = statement(
  'crypto.read_provider_configuration',
  `select configuration from crypto.provider where tenant_id = $1 and name = $2 and state <> 'removed'`,
);

/** $1 tenant */
export const readActiveProvider = statement(
  'crypto.read_active_provider',
  `select name from crypto.provider where tenant_id = $1 and state = 'active'`,
);

/** $1 tenant: those that a process may need */
export const readProviderNames = statement(
  'crypto.read_provider_names',
  `select name from crypto.provider where tenant_id = $1 and state <> 'removed' order by name limit 100`,
);

/** $1 tenant, $2 name of the last one seen or null, $3 limit: with the number of epochs that rely on it */
export const listProviders = statement(
  'crypto.list_providers',
  `select p.name, p.kind, p.shown, p.state, p.created_by, p.created_at,
     (select count(*)::integer from crypto.kek k
      where k.tenant_id = p.tenant_id and k.provider = p.name and k.state <> 'destroyed') as epochs
   from crypto.provider p
   where p.tenant_id = $1 and p.state <> 'removed' and ($2::text is null or p.name > $2) order by p.name limit $3`,
);

/** $1 tenant */
export const countProviders = statement(
  'crypto.count_providers',
  `select count(*)::integer as count from crypto.provider where tenant_id = $1 and state <> 'removed'`,
);

/** $1 tenant, $2 name, $3 kind, $4 sealed configuration, $5 shown, $6 actor, $7 now: none when the name was ever used */
export const insertProvider = statement(
  'crypto.insert_provider',
  `insert into crypto.provider (tenant_id, name, kind, configuration, shown, state, created_by, created_at)
   values ($1, $2, $3, $4, $5, 'ready', $6, $7) on conflict do nothing returning name`,
);

/** $1 tenant: from now on the house's provider wraps new epochs */
export const deactivateProvider = statement(
  'crypto.deactivate_provider',
  `update crypto.provider set state = 'ready' where tenant_id = $1 and state = 'active' returning name`,
);

/** $1 tenant, $2 name */
export const activateProvider = statement(
  'crypto.activate_provider',
  `update crypto.provider set state = 'active' where tenant_id = $1 and name = $2 and state = 'ready' returning name`,
);

/** $1 tenant, $2 name: only what is not active and opens no epoch any more */
export const removeProvider = statement(
  'crypto.remove_provider',
  `update crypto.provider p set state = 'removed', configuration = null
   where p.tenant_id = $1 and p.name = $2 and p.state = 'ready' and not exists (
     select 1 from crypto.kek k where k.tenant_id = $1 and k.provider = $2 and k.state <> 'destroyed')
   returning p.name`,
);

/** $1 tenant: waits for rotations, so that no epoch is made by a provider that is being removed or changed */
export const lockTenantProviders = statement(
  'crypto.lock_providers',
  `select name from crypto.provider where tenant_id = $1 order by name for update`,
);

/** $1 tenant: which provider holds the epoch that wraps new keys */
export const readActiveEpochProvider = statement(
  'crypto.read_active_epoch_provider',
  `select epoch, provider from crypto.kek where tenant_id = $1 and state = 'active'`,
);
