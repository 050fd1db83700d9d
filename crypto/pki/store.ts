import { statement } from '../../db/index.ts';

/** Channel on which processes learn that certificates or lists of a tenant changed. */
export const pkiChannel = 'crypto_pki';

/** $1 tenant */
export const notifyPki = statement('crypto.pki_notify', `select pg_notify('crypto_pki', $1)`);

/** $1 tenant */
export const readAuthorities = statement(
  'crypto.pki_read_authorities',
  `select id, algorithm, generation, common_name, certificate, not_before, not_after, crl, crl_number, crl_entries, crl_this_update, crl_next_update
   from crypto.pki_authority where tenant_id = $1 order by algorithm, generation desc limit 200`,
);

/** $1 tenant, $2 id */
export const readCrlOf = statement(
  'crypto.pki_read_crl',
  `select crl, crl_next_update from crypto.pki_authority where tenant_id = $1 and id = $2`,
);

/** $1 tenant, $2 id; locked, so that lists are numbered one after another */
export const lockAuthority = statement(
  'crypto.pki_lock_authority',
  `select id, algorithm, generation, common_name, certificate, sealed_private_key, not_before, not_after, crl_number
   from crypto.pki_authority where tenant_id = $1 and id = $2 for update`,
);

/** $1 tenant, $2 id */
export const readAuthorityKey = statement(
  'crypto.pki_read_authority_key',
  `select id, algorithm, generation, common_name, certificate, sealed_private_key, not_before, not_after, crl_number
   from crypto.pki_authority where tenant_id = $1 and id = $2`,
);

/** $1 tenant, $2 id, $3 algorithm, $4 generation, $5 common name, $6 certificate, $7 sealed key, $8 not before, $9 not after, $10 list, $11 this update, $12 next update */
export const insertAuthority = statement(
  'crypto.pki_insert_authority',
  `insert into crypto.pki_authority (tenant_id, id, algorithm, generation, common_name, certificate, sealed_private_key, not_before, not_after,
     crl, crl_number, crl_entries, crl_this_update, crl_next_update)
   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, 0, $11, $12) on conflict do nothing returning id`,
);

/** $1 tenant, $2 id, $3 list, $4 number, $5 entries, $6 this update, $7 next update */
export const updateCrl = statement(
  'crypto.pki_update_crl',
  `update crypto.pki_authority set crl = $3, crl_number = $4, crl_entries = $5, crl_this_update = $6, crl_next_update = $7
   where tenant_id = $1 and id = $2`,
);

/** $1 tenant, $2 authority, $3 ends before which are left out, $4 limit */
export const readRevoked = statement(
  'crypto.pki_read_revoked',
  `select serial, revoked_at, revocation_reason from crypto.pki_certificate
   where tenant_id = $1 and authority_id = $2 and revoked_at is not null and not_after >= $3 order by revoked_at, serial limit $4`,
);

const columns = `c.id, c.authority_id, c.serial, c.profile, c.common_name, c.names, c.algorithm, c.certificate,
  c.sealed_private_key is not null as key_held, c.exportable, c.not_before, c.not_after, c.renews, n.id as renewed_by,
  c.revoked_at, c.revocation_reason, c.created_at`;
const source = `crypto.pki_certificate c left join crypto.pki_certificate n on n.tenant_id = c.tenant_id and n.renews = c.id`;

/** $1 tenant, $2 id */
export const readCertificate = statement(
  'crypto.pki_read_certificate',
  `select ${columns} from ${source} where c.tenant_id = $1 and c.id = $2`,
);

/** $1 tenant, $2 id before which to go on or null, $3 profile or null, $4 limit */
export const listCertificates = statement(
  'crypto.pki_list_certificates',
  `select ${columns} from ${source}
   where c.tenant_id = $1 and ($2::uuid is null or c.id < $2) and ($3::text is null or c.profile = $3)
   order by c.id desc limit $4`,
);

/** $1 tenant, $2 profile, $3 common name, $4 now; the newest that is good and whose key is held */
export const readCurrentCertificate = statement(
  'crypto.pki_read_current',
  `select ${columns} from ${source}
   where c.tenant_id = $1 and c.profile = $2 and c.common_name = $3 and c.revoked_at is null and c.not_after > $4
     and c.sealed_private_key is not null and c.authority_id is not null
   order by c.not_after desc, c.id desc limit 1`,
);

/** $1 tenant, $2 now, $3 part of the life after which it is due, $4 limit */
export const readDueCertificates = statement(
  'crypto.pki_read_due',
  `select ${columns} from ${source}
   where c.tenant_id = $1 and c.revoked_at is null and c.not_after > $2 and n.id is null
     and c.not_before + (c.not_after - c.not_before) * $3::double precision <= $2
   order by c.not_after, c.id limit $4`,
);

/** $1 tenant, $2 id */
export const readSealedKey = statement(
  'crypto.pki_read_sealed_key',
  `select sealed_private_key from crypto.pki_certificate where tenant_id = $1 and id = $2`,
);

/** $1 tenant, $2 id, $3 authority, $4 serial, $5 profile, $6 common name, $7 names, $8 algorithm, $9 certificate, $10 sealed key, $11 exportable, $12 not before, $13 not after, $14 renews */
export const insertCertificate = statement(
  'crypto.pki_insert_certificate',
  `insert into crypto.pki_certificate (tenant_id, id, authority_id, serial, profile, common_name, names, algorithm, certificate,
     sealed_private_key, exportable, not_before, not_after, renews)
   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
   on conflict (tenant_id, renews) do nothing returning id`,
);

/** $1 tenant, $2 id, $3 now, $4 reason */
export const revokeCertificate = statement(
  'crypto.pki_revoke',
  `update crypto.pki_certificate set revoked_at = $3, revocation_reason = $4
   where tenant_id = $1 and id = $2 and revoked_at is null returning authority_id, serial`,
);

/** $1 tenant, $2 now, $3 soon */
export const countCertificates = statement(
  'crypto.pki_count',
  `select count(*) filter (where c.revoked_at is null and c.not_after > $2)::integer as valid,
     count(*) filter (where c.revoked_at is null and c.not_after > $2 and c.not_after <= $3 and n.id is null)::integer as ending
   from ${source} where c.tenant_id = $1 and c.not_after > $2`,
);
