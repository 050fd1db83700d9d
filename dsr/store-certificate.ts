import { statement } from '../db/index.ts';

/** $1 request $2 certificate id $3 version $4 jws $5 at $6 completion | full_scan */
export const insertCertificate = statement(
  'dsr.insert_certificate',
  `insert into dsr.certificate (tenant_id, request_id, id, version, jws, issued_at, kind)
   values ((select db.current_tenant()), $1, $2, $3, $4, $5, $6) on conflict do nothing`,
);

/** The newest certificate of a request. */
export const selectCertificate = statement(
  'dsr.select_certificate',
  `select id, version, kind, jws, issued_at from dsr.certificate where request_id = $1 order by version desc, kind desc limit 1`,
);

/** Certificates of one completion do not stand any more. $1 request $2 version $3 at $4 reason */
export const markCertificates = statement(
  'dsr.mark_certificates',
  `insert into dsr.certificate_mark (certificate_id, marked_at, reason)
   select id, $3::timestamptz, $4::text from dsr.certificate where request_id = $1 and version = $2 on conflict do nothing`,
);

/** Platform table. $1 certificate id */
export const selectCertificateMark = statement(
  'dsr.select_certificate_mark',
  `select marked_at, reason from dsr.certificate_mark where certificate_id = $1`,
);

/** $1 key id $2 public key $3 at. Platform table. */
export const insertCertificateKey = statement(
  'dsr.insert_certificate_key',
  `insert into dsr.certificate_key (key_id, public_key, created_at) values ($1, $2, $3) on conflict do nothing`,
);

/** Published keys. Platform table. */
export const selectCertificateKeys = statement(
  'dsr.select_certificate_keys',
  `select key_id, public_key, created_at from dsr.certificate_key order by created_at, key_id limit 10000`,
);

/** Where events stand in the log, by their idempotency keys. $1 keys */
export const selectLogged = statement(
  'dsr.select_logged',
  `select idempotency_key as key, seq from audit.entry where idempotency_key = any($1::text[])`,
);
