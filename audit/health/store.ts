import { statement } from '../../db/index.ts';

/** The tenant's last full verification. */
export const selectVerification = statement(
  'audit.select_verification',
  `select at, state, size, findings, first_bad_seq as "firstBadSeq", detail, milliseconds from audit.verification`,
);

/** $1 at $2 state $3 size $4 findings $5 first bad seq $6 detail $7 milliseconds */
export const upsertVerification = statement(
  'audit.upsert_verification',
  `insert into audit.verification (tenant_id, at, state, size, findings, first_bad_seq, detail, milliseconds)
   values ((select db.current_tenant()), $1, $2, $3, $4, $5, $6, $7)
   on conflict (tenant_id) do update set at = excluded.at, state = excluded.state, size = excluded.size, findings = excluded.findings,
     first_bad_seq = excluded.first_bad_seq, detail = excluded.detail, milliseconds = excluded.milliseconds`,
);

/** One row: how far everything is that follows the log. $1 tenant */
export const selectLogPositions = statement(
  'audit.select_log_positions',
  `select coalesce(h.size, 0) as size, h.updated_at as "checkpointAt", clock_timestamp() as "databaseTime",
     coalesce((select max(e.seq) + 1 from audit.entry e where e.tenant_id = t.id), 0) as "endOfEntries",
     (select count(*)::integer from (select 1 from audit.pending p where p.tenant_id = t.id limit 100000) q) as pending,
     (select min(p.received_at) from audit.pending p where p.tenant_id = t.id) as "oldestPending",
     coalesce((select s.next_seq from audit.search_cursor s where s.tenant_id = t.id), 0) as searched,
     coalesce((select a.next_seq from audit.alert_cursor a where a.tenant_id = t.id), 0) as followed,
     (select min(r.since_seq) from audit.alert_rule r where r.tenant_id = t.id and r.enabled) as "rulesSince"
   from (values ($1::uuid)) t (id) left join audit.head h on h.tenant_id = t.id`,
);
