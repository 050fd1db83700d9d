import { statement } from '../../db/index.ts';

/** Makes the cursor when there is none. */
export const insertAlertCursor = statement(
  'audit.insert_alert_cursor',
  `insert into audit.alert_cursor (tenant_id) values ((select db.current_tenant())) on conflict (tenant_id) do nothing`,
);

/** No row when another follower is at it. */
export const takeAlertCursor = statement(
  'audit.take_alert_cursor',
  `select next_seq as "nextSeq" from audit.alert_cursor for update skip locked`,
);

/** Waits for a follower that is at it. */
export const lockAlertCursor = statement(
  'audit.lock_alert_cursor',
  `select next_seq as "nextSeq" from audit.alert_cursor for update`,
);

/** $1 next seq $2 now */
export const moveAlertCursor = statement(
  'audit.move_alert_cursor',
  `update audit.alert_cursor set next_seq = $1, moved_at = $2`,
);

/** Whether there is anything to do. $1 tenant */
export const selectAlertWork = statement(
  'audit.select_alert_work',
  `select coalesce((select h.size from audit.head h where h.tenant_id = $1), 0) as size,
     coalesce((select c.next_seq from audit.alert_cursor c where c.tenant_id = $1), 0) as "nextSeq",
     (select count(*) from audit.alert_rule r where r.tenant_id = $1 and r.enabled)::integer as enabled,
     exists (select 1 from audit.alert_rule r where r.tenant_id = $1 and r.enabled and r.definition ->> 'kind' = 'absence') as "watchesTime"`,
);

const columns = `r.id, r.name, r.severity, r.definition, r.enabled, r.since_seq as "sinceSeq", r.since_at as "sinceAt", r.state,
  r.created_by as "createdBy", r.created_at as "createdAt", r.changed_at as "changedAt",
  (select b.tested_at from audit.alert_backtest b where b.tenant_id = r.tenant_id and b.digest = r.digest) as "testedAt"`;

/** Every rule of the tenant, at most 200. */
export const selectRules = statement(
  'audit.select_rules',
  `select ${columns} from audit.alert_rule r order by r.name limit 200`,
);

/** $1 id */
export const selectRule = statement(
  'audit.select_rule',
  `select ${columns} from audit.alert_rule r where r.id = $1 for update`,
);

/** Those that are at work. */
export const selectEnabledRules = statement(
  'audit.select_enabled_rules',
  `select ${columns} from audit.alert_rule r where r.enabled order by r.id`,
);

/** One row. */
export const countRules = statement(
  'audit.count_rules',
  `select count(*)::integer as rules, (count(*) filter (where enabled))::integer as enabled from audit.alert_rule`,
);

/** $1 id $2 name $3 severity $4 definition $5 digest $6 who $7 now */
export const insertRule = statement(
  'audit.insert_rule',
  `insert into audit.alert_rule (tenant_id, id, name, severity, definition, digest, created_by, created_at, changed_at)
   values ((select db.current_tenant()), $1, $2, $3, $4::jsonb, $5, $6, $7, $7) on conflict (tenant_id, name) do nothing returning id`,
);

/** $1 id $2 name $3 severity $4 definition $5 digest $6 now; another definition switches the rule off */
export const updateRule = statement(
  'audit.update_rule',
  `update audit.alert_rule set name = $2, severity = $3, definition = $4::jsonb, digest = $5, changed_at = $6,
     enabled = enabled and digest = $5, since_seq = case when digest = $5 then since_seq end,
     since_at = case when digest = $5 then since_at end, state = case when digest = $5 then state end
   where id = $1`,
);

/** Another rule of the same name. $1 name $2 id */
export const selectNamesake = statement(
  'audit.select_rule_namesake',
  `select 1 as one from audit.alert_rule where name = $1 and id <> $2`,
);

/** $1 id $2 since seq $3 since at, both null to switch it off $4 now */
export const switchRule = statement(
  'audit.switch_rule',
  `update audit.alert_rule set enabled = $2::bigint is not null, since_seq = $2, since_at = $3, state = null, changed_at = $4 where id = $1`,
);

/** $1 id $2 state */
export const updateRuleState = statement(
  'audit.update_rule_state',
  `update audit.alert_rule set state = $2::jsonb where id = $1`,
);

/** $1 id */
export const deleteRule = statement('audit.delete_rule', `delete from audit.alert_rule where id = $1`);

/** $1 digest $2 now $3 who $4 from $5 to $6 alerts */
export const upsertBacktest = statement(
  'audit.upsert_backtest',
  `insert into audit.alert_backtest (tenant_id, digest, tested_at, tested_by, from_seq, to_seq, alerts)
   values ((select db.current_tenant()), $1, $2, $3, $4, $5, $6)
   on conflict (tenant_id, digest) do update set tested_at = excluded.tested_at, tested_by = excluded.tested_by,
     from_seq = excluded.from_seq, to_seq = excluded.to_seq, alerts = excluded.alerts`,
);

/** Mail is due at once where somebody wants it. $1 id $2 rule $3 name $4 kind $5 severity $6 key $7 at $8 seqs $9 events $10 note $11 now */
export const insertAlert = statement(
  'audit.insert_alert',
  `insert into audit.alert (tenant_id, id, rule_id, rule_name, kind, severity, key, at, seqs, events, note, raised_at, mail_at)
   select (select db.current_tenant()), $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,
     case when exists (select 1 from audit.alert_subscriber s where s.tenant_id = (select db.current_tenant()) and s.rule_id = $2) then $11::timestamptz end`,
);

const alertColumns = `id, rule_id as "ruleId", rule_name as "ruleName", kind, severity, key, at, to_jsonb(seqs) as seqs, events, note, state,
  raised_at as "raisedAt", changed_by as "changedBy", changed_at as "changedAt"`;

/** Newest first. $1 state or null $2 rule or null $3 before id or null $4 limit */
export const selectAlerts = statement(
  'audit.select_alerts',
  `select ${alertColumns} from audit.alert where ($1::text is null or state = $1) and ($2::uuid is null or rule_id = $2)
     and ($3::uuid is null or id < $3) order by id desc limit $4`,
);

/** $1 id */
export const selectAlert = statement(
  'audit.select_alert',
  `select ${alertColumns} from audit.alert where id = $1 for update`,
);

/** $1 id $2 state $3 who $4 now */
export const updateAlert = statement(
  'audit.update_alert',
  `update audit.alert set state = $2, changed_by = $3, changed_at = $4 where id = $1`,
);

/** One row: alerts by state, and mails that wait. */
export const countAlerts = statement(
  'audit.count_alerts',
  `select (count(*) filter (where state = 'open'))::integer as open,
     (count(*) filter (where state = 'open' and severity in ('high', 'critical')))::integer as urgent,
     (count(*) filter (where mail_at is not null))::integer as mails,
     (count(*) filter (where mail_attempts > 2 and mail_at is not null))::integer as "failedMails"
   from audit.alert where state = 'open' or mail_at is not null`,
);

/** Takes one whose mails are due; it is due again later, in case they cannot be sent. $1 now $2 first pause $3 longest pause, both in milliseconds */
export const takeAlertMail = statement(
  'audit.take_alert_mail',
  `update audit.alert set mail_attempts = mail_attempts + 1,
     mail_at = $1::timestamptz + least($3::float8, $2::float8 * 2 ^ least(mail_attempts, 20)) * interval '1 millisecond' where id = (
     select id from audit.alert where mail_at <= $1 order by mail_at limit 1 for update skip locked)
   returning id, rule_id as "ruleId", rule_name as "ruleName", kind, severity, at, to_jsonb(seqs) as seqs, events, note, mail_attempts as "attempts"`,
);

/** $1 id */
export const finishAlertMail = statement(
  'audit.finish_alert_mail',
  `update audit.alert set mail_at = null where id = $1`,
);

/** $1 rule */
export const selectSubscribers = statement(
  'audit.select_alert_subscribers',
  `select person_id as "personId", sealed_recipient as "sealedRecipient" from audit.alert_subscriber where rule_id = $1 order by person_id limit 100`,
);

/** $1 rule */
export const countSubscribers = statement(
  'audit.count_alert_subscribers',
  `select count(*)::integer as count from audit.alert_subscriber where rule_id = $1`,
);

/** $1 rule $2 person $3 sealed recipient */
export const upsertSubscriber = statement(
  'audit.upsert_alert_subscriber',
  `insert into audit.alert_subscriber (tenant_id, rule_id, person_id, sealed_recipient) values ((select db.current_tenant()), $1, $2, $3)
   on conflict (tenant_id, rule_id, person_id) do update set sealed_recipient = excluded.sealed_recipient`,
);

/** $1 rule $2 person */
export const deleteSubscriber = statement(
  'audit.delete_alert_subscriber',
  `delete from audit.alert_subscriber where rule_id = $1 and person_id = $2`,
);

/** Where networks are. */
export const selectNetworks = statement(
  'audit.select_alert_networks',
  `select network::text, place, latitude, longitude from audit.alert_network order by network limit 10000`,
);

/** Every row of the tenant. */
export const deleteNetworks = statement('audit.delete_alert_networks', `delete from audit.alert_network`);

/** $1 networks $2 places $3 latitudes $4 longitudes */
export const insertNetworks = statement(
  'audit.insert_alert_networks',
  `insert into audit.alert_network (tenant_id, network, place, latitude, longitude)
   select (select db.current_tenant()), n::cidr, p, a, o from unnest($1::text[], $2::text[], $3::double precision[], $4::double precision[]) u (n, p, a, o)`,
);

/** One row: the oldest event that is not in the log yet. */
export const selectOldestPending = statement(
  'audit.select_oldest_pending',
  `select min(received_at) as at from audit.pending where tenant_id = (select db.current_tenant())`,
);

/** One row: the first event that happened at or after a time, or null. $1 tenant $2 time */
export const selectFirstSince = statement(
  'audit.select_first_since',
  `select min(seq) as seq from audit.entry where tenant_id = $1 and occurred_at >= $2`,
);
