import { statement } from '../../db/index.ts';

/** A TOTP factor. */
export type TotpRow = { readonly id: string; readonly secret: Buffer; readonly last_step: number };

/** $1 tenant, $2 user, $3 state */
export const findTotp = statement(
  'identity.find_totp',
  `select f.id, f.secret, f.last_step from identity.totp_factor f
   where f.tenant_id = $1 and f.user_id = $2 and f.state = $3`,
);

/** Compare-and-set of the last accepted step: of two parallel uses of one code exactly one gets a row. $1 tenant, $2 user, $3 factor, $4 step */
export const takeTotpStep = statement(
  'identity.take_totp_step',
  `update identity.totp_factor set last_step = $4
   where tenant_id = $1 and user_id = $2 and id = $3 and last_step < $4`,
);

/** $1 tenant, $2 user, $3 state */
export const deleteTotp = statement(
  'identity.delete_totp',
  `delete from identity.totp_factor where tenant_id = $1 and user_id = $2 and state = $3`,
);

/** $1 tenant, $2 user, $3 factor, $4 sealed secret, $5 state, $6 now */
export const insertTotp = statement(
  'identity.insert_totp',
  `insert into identity.totp_factor (tenant_id, user_id, id, secret, state, created_at) values ($1, $2, $3, $4, $5, $6)`,
);

/** $1 tenant, $2 user, $3 factor */
export const confirmTotp = statement(
  'identity.confirm_totp',
  `update identity.totp_factor set state = 'confirmed'
   where tenant_id = $1 and user_id = $2 and id = $3 and state = 'pending'`,
);

/** $1 tenant, $2 user */
export const deleteRecoveryCodes = statement(
  'identity.delete_recovery_codes',
  `delete from identity.recovery_code where tenant_id = $1 and user_id = $2`,
);

/** $1 tenant, $2 user, $3 hashes, $4 now */
export const insertRecoveryCodes = statement(
  'identity.insert_recovery_codes',
  `insert into identity.recovery_code (tenant_id, user_id, code_hash, created_at)
   select $1, $2, h, $4 from unnest($3::bytea[]) h`,
);

/** Single use: the second of two parallel uses gets no row. $1 tenant, $2 user, $3 hash, $4 now */
export const takeRecoveryCode = statement(
  'identity.take_recovery_code',
  `update identity.recovery_code set used_at = $4
   where tenant_id = $1 and user_id = $2 and code_hash = $3 and used_at is null`,
);

/** $1 tenant, $2 user */
export const countRecoveryCodes = statement(
  'identity.count_recovery_codes',
  `select count(*)::int as left from identity.recovery_code c
   where c.tenant_id = $1 and c.user_id = $2 and c.used_at is null`,
);

/** What the limiter counted so far, this try included. */
export type AttemptRow = {
  readonly tries: number;
  readonly consecutive: number;
  readonly window_started_at: Date;
};

/** $1 tenant, $2 bucket, $3 now, $4 start of the oldest window that still counts */
export const countAttempt = statement(
  'identity.count_attempt',
  `insert into identity.attempt as a (tenant_id, bucket, tries, consecutive, window_started_at) values ($1, $2, 1, 1, $3)
   on conflict (tenant_id, bucket) do update set
     tries = case when a.window_started_at <= $4 then 1 else a.tries + 1 end,
     consecutive = a.consecutive + 1,
     window_started_at = case when a.window_started_at <= $4 then $3 else a.window_started_at end
   returning a.tries, a.consecutive, a.window_started_at`,
);

/** $1 tenant, $2 buckets */
export const forgetAttempts = statement(
  'identity.forget_attempts',
  `delete from identity.attempt where tenant_id = $1 and bucket = any($2)`,
);

/** Takes one try back. $1 tenant, $2 bucket */
export const refundAttempt = statement(
  'identity.refund_attempt',
  `update identity.attempt set tries = greatest(tries - 1, 0), consecutive = 0 where tenant_id = $1 and bucket = $2`,
);
