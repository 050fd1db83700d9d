import { statement } from '../../../db/index.ts';

/** $1 tenant, $2 last epoch seen or null, $3 limit, $4 only active ones made before or null, $5 state or null */
export const inventoryTenantKeys = statement(
  'crypto.inventory_tenant_keys',
  `select lpad(k.epoch::text, 10, '0') as id, 'epoch ' || k.epoch as scope, k.state, k.provider, k.created_at,
     (select count(*) from crypto.dek d where d.tenant_id = k.tenant_id and d.epoch = k.epoch and d.state <> 'shredded') as uses
   from crypto.kek k where k.tenant_id = $1 and ($2::text is null or k.epoch > $2::integer)
     and ($4::timestamptz is null or (k.state = 'active' and k.created_at <= $4))
     and ($5::text is null or k.state = $5) order by k.epoch limit $3`,
);

/** $1 tenant, $2 last kid seen or null, $3 limit, $4 only active ones made before or null, $5 state or null, $6 true for keys of people */
export const inventoryDataKeys = statement(
  'crypto.inventory_data_keys',
  `select encode(d.kid, 'hex') as id, coalesce(d.purpose, 'one person') as scope, d.state, k.provider, d.created_at, d.messages as uses
   from crypto.dek d join crypto.kek k on k.tenant_id = d.tenant_id and k.epoch = d.epoch
   where d.tenant_id = $1 and ($2::text is null or d.kid > decode($2::text, 'hex')) and (d.subject_id is not null) = $6
     and case when $4::timestamptz is null then d.state <> 'shredded' else d.state = 'active' and d.created_at <= $4 end
     and ($5::text is null or d.state = $5)
   order by d.kid limit $3`,
);

/** $1 tenant, $2 last name seen or null, $3 limit, $4 only those made before or null, $5 state or null: all are active */
export const inventorySigningKeys = statement(
  'crypto.inventory_signing_keys',
  `select s.name as id, 'signing ' || s.name as scope, 'active' as state, coalesce(k.provider, '') as provider, s.created_at, null::bigint as uses
   from crypto.signing_key s
   left join crypto.dek d on d.tenant_id = s.tenant_id and d.purpose = 'signing:' || s.name and d.state = 'active'
   left join crypto.kek k on k.tenant_id = d.tenant_id and k.epoch = d.epoch
   where s.tenant_id = $1 and ($2::text is null or s.name > $2) and ($4::timestamptz is null or s.created_at <= $4)
     and ($5::text is null or $5 = 'active')
   order by s.name limit $3`,
);

/** Private keys of authorities and certificates that are kept here. $1 tenant, $2 last id seen or null, $3 limit, $4 only active ones made before or null, $5 state or null */
export const inventoryCertificateKeys = statement(
  'crypto.inventory_certificate_keys',
  `select c.id::text as id, c.scope, c.state, coalesce(k.provider, '') as provider, c.created_at, null::bigint as uses
   from (
     select a.id, 'authority ' || a.common_name as scope, case when a.not_after <= now() then 'superseded' else 'active' end as state,
       a.created_at, 'pki:authority' as purpose from crypto.pki_authority a where a.tenant_id = $1
     union all
     select e.id, e.profile || ' ' || e.common_name, case when e.revoked_at is not null or e.not_after <= now() then 'superseded' else 'active' end,
       e.created_at, 'pki:end' from crypto.pki_certificate e where e.tenant_id = $1 and e.sealed_private_key is not null
   ) c
   left join crypto.dek d on d.tenant_id = $1 and d.purpose = c.purpose and d.state = 'active'
   left join crypto.kek k on k.tenant_id = d.tenant_id and k.epoch = d.epoch
   where ($2::text is null or c.id > $2::uuid) and ($4::timestamptz is null or (c.state = 'active' and c.created_at <= $4))
     and ($5::text is null or c.state = $5)
   order by c.id limit $3`,
);

/** $1 tenant, $2..$6 made before, for tenant, purpose, person, signing and certificate keys: counted up to 10,000 of each kind */
export const countOverdueKeys = statement(
  'crypto.count_overdue_keys',
  `select
     (select count(*) from crypto.kek where tenant_id = $1 and state = 'active' and created_at <= $2)::integer as tenant_key,
     (select count(*) from (select from crypto.dek where tenant_id = $1 and state = 'active' and created_at <= $3 and purpose is not null limit 10000) p)::integer as purpose_key,
     (select count(*) from (select from crypto.dek where tenant_id = $1 and state = 'active' and created_at <= $4 and subject_id is not null limit 10000) s)::integer as person_key,
     (select count(*) from crypto.signing_key where tenant_id = $1 and created_at <= $5)::integer as signing_key,
     ((select count(*) from crypto.pki_authority where tenant_id = $1 and not_after > now() and created_at <= $6)
       + (select count(*) from crypto.pki_certificate where tenant_id = $1 and sealed_private_key is not null and revoked_at is null and not_after > now() and created_at <= $6))::integer as certificate_key`,
);
