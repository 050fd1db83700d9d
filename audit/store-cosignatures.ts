import { statement } from '../db/index.ts';

/** The ML-DSA-44 key of a log. */
export const selectLogKey = statement(
  'audit.select_log_key',
  `select public_key as "publicKey", sealed_seed as "sealedSeed" from audit.log_key where tenant_id = $1 and log = $2`,
);

/** Keeps a fresh key, unless another process was faster. */
export const insertLogKey = statement(
  'audit.insert_log_key',
  `insert into audit.log_key (tenant_id, log, public_key, sealed_seed) values ($1, $2, $3, $4) on conflict (tenant_id, log) do nothing`,
);

/** Keeps what a witness signed. */
export const insertCosignature = statement(
  'audit.insert_cosignature',
  `insert into audit.cosignature (tenant_id, log, size, witness, key_id, line) values ($1, $2, $3, $4, $5, $6)
   on conflict (tenant_id, log, size, witness, key_id) do nothing`,
);

/** Lines over one checkpoint, in the order in which they came. */
export const selectCosignatures = statement(
  'audit.select_cosignatures',
  `select line from audit.cosignature where tenant_id = $1 and log = $2 and size = $3 order by received_at, witness`,
);

/** The newest sizes that any witness cosigned, with the witnesses of each. */
export const selectCosignedSizes = statement(
  'audit.select_cosigned_sizes',
  `select size, array_agg(line order by received_at, witness) as lines from audit.cosignature
   where tenant_id = $1 and log = $2 and size < $3 group by size order by size desc limit $4`,
);

/** Notes what a witness said. */
export const upsertWitnessState = statement(
  'audit.upsert_witness_state',
  `insert into audit.witness_state (tenant_id, log, witness, size, outcome, detail, asked_at, cosigned_at)
   values ($1, $2, $3, $4, $5, $6, $7, case when $5 = 'cosigned' then $7::timestamptz end)
   on conflict (tenant_id, log, witness) do update
   set size = greatest(audit.witness_state.size, excluded.size), outcome = excluded.outcome, detail = excluded.detail,
     asked_at = excluded.asked_at, cosigned_at = coalesce(excluded.cosigned_at, audit.witness_state.cosigned_at)`,
);

/** What each witness said last. */
export const selectWitnessStates = statement(
  'audit.select_witness_states',
  `select witness, size, outcome, detail, asked_at as "askedAt", cosigned_at as "cosignedAt"
   from audit.witness_state where tenant_id = $1 and log = $2 order by witness`,
);
