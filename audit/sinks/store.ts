import { statement } from '../../db/index.ts';

const columns = `id, name, configuration, filter, personal_data as "personalData", state, cursor, delivered, attempts,
  next_attempt_at as "nextAttemptAt", last_error as "lastError", last_delivered_at as "lastDeliveredAt", created_at as "createdAt"`;
const withSize = `(select coalesce(max(h.size), 0) from audit.head h where h.tenant_id = s.tenant_id) as "logSize",
  (select e.received_at from audit.entry e where e.tenant_id = s.tenant_id and e.seq = s.cursor) as "waitingSince"`;

/** $1 id $2 name $3 configuration $4 filter $5 personal data $6 sealed secrets $7 cursor $8 now */
export const insertSink = statement(
  'audit.insert_sink',
  `insert into audit.sink (tenant_id, id, name, configuration, filter, personal_data, sealed_secrets, cursor, next_attempt_at, created_at)
   values ((select db.current_tenant()), $1, $2, $3::jsonb, $4::jsonb, $5, $6, $7, $8, $8) on conflict (tenant_id, name) do nothing
   returning id`,
);

/** Every sink of the tenant with the size of its log. */
export const selectSinks = statement(
  'audit.select_sinks',
  `select ${columns}, ${withSize},
     (select count(*) from audit.sink_dead_letter d where d.tenant_id = s.tenant_id and d.sink_id = s.id)::integer as "deadLetters"
   from audit.sink s order by name limit 200`,
);

/** $1 id */
export const selectSink = statement(
  'audit.select_sink',
  `select ${columns}, ${withSize},
     (select count(*) from audit.sink_dead_letter d where d.tenant_id = s.tenant_id and d.sink_id = s.id)::integer as "deadLetters"
   from audit.sink s where id = $1`,
);

/** What is needed to reach a receiver once. $1 id */
export const selectSinkToTest = statement(
  'audit.select_sink_to_test',
  `select s.configuration, s.sealed_secrets as "sealedSecrets", l.log_id as "logId", l.origin
   from audit.sink s join audit.log l on l.tenant_id = s.tenant_id where s.id = $1`,
);

/** $1 id $2 state $3 cursor or null to keep it $4 now; a change is tried at once and fences whoever delivers now */
export const updateSink = statement(
  'audit.update_sink',
  `update audit.sink set state = $2, cursor = coalesce($3, cursor), next_attempt_at = $4, attempts = 0, fence = fence + 1, lease_until = null
   where id = $1`,
);

/** $1 id $2 sealed secrets */
export const updateSinkSecrets = statement(
  'audit.update_sink_secrets',
  `update audit.sink set sealed_secrets = $2, fence = fence + 1, lease_until = null where id = $1`,
);

/** $1 id */
export const deleteSink = statement('audit.delete_sink', `delete from audit.sink where id = $1`);

/** Sinks with something to deliver. $1 now */
export const selectDueSinks = statement(
  'audit.select_due_sinks',
  `select s.id, s.attempts from audit.sink s where s.state = 'active' and s.next_attempt_at <= $1
     and (s.lease_until is null or s.lease_until <= $1)
     and s.cursor < (select h.size from audit.head h where h.tenant_id = s.tenant_id)
   order by s.next_attempt_at limit 200`,
);

/** No row when another worker has it. $1 id $2 now $3 lease until */
export const takeSink = statement(
  'audit.take_sink',
  `update audit.sink set fence = fence + 1, lease_until = $3
   where id = (select id from audit.sink where id = $1 and state = 'active' and (lease_until is null or lease_until <= $2) for update skip locked)
   returning cursor, fence, attempts, configuration, filter, personal_data as "personalData", sealed_secrets as "sealedSecrets"`,
);

/** Only under the fence. $1 id $2 fence $3 cursor $4 delivered now $5 now $6 lease until */
export const advanceSink = statement(
  'audit.advance_sink',
  `update audit.sink set cursor = $3, delivered = delivered + $4, attempts = 0, last_error = null, last_delivered_at = $5, lease_until = $6
   where id = $1 and fence = $2`,
);

/** $1 id $2 fence $3 attempts $4 next attempt $5 error */
export const postponeSink = statement(
  'audit.postpone_sink',
  `update audit.sink set attempts = $3, next_attempt_at = $4, last_error = $5, lease_until = null where id = $1 and fence = $2`,
);

/** $1 id $2 fence */
export const releaseSink = statement(
  'audit.release_sink',
  `update audit.sink set lease_until = null where id = $1 and fence = $2`,
);

/** $1 sink $2 seq $3 reason $4 now */
export const insertDeadLetter = statement(
  'audit.insert_dead_letter',
  `insert into audit.sink_dead_letter (tenant_id, sink_id, seq, reason, refused_at)
   values ((select db.current_tenant()), $1, $2, $3, $4) on conflict (tenant_id, sink_id, seq) do update set reason = excluded.reason, refused_at = excluded.refused_at`,
);

/** $1 sink $2 after seq $3 limit */
export const selectDeadLetters = statement(
  'audit.select_dead_letters',
  `select seq, reason, refused_at as "refusedAt" from audit.sink_dead_letter where sink_id = $1 and seq > $2 order by seq limit $3`,
);

/** Entries from a cursor on. $1 tenant $2 from $3 limit */
export const selectFrom = statement(
  'audit.select_from',
  `select seq, body, leaf_hash as "leafHash" from audit.entry where tenant_id = $1 and seq >= $2 order by seq limit $3`,
);

/** One row: the size of the tenant's log. */
export const selectLogSize = statement(
  'audit.select_log_size',
  `select coalesce((select h.size from audit.head h where h.tenant_id = (select db.current_tenant())), 0) as size`,
);
