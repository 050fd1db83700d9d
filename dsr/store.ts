import { statement } from '../db/index.ts';

/** Columns of a request as the engine reads them. */
export const requestColumns = `id, type, law, law_version, state, version, channel, language, received_at, due_at, acknowledge_at, clock,
  linked_to, identity_hash, sealed, search_sealed, subject_label, identity_level, identity_method, verified_at, plan_hash,
  subject_ids, receipts_root, fence, lease_until, attempts, next_attempt_at, full_scan, closed_at, forgotten_at, extended_at, extension_reason`;

/** A new request, in state `received`. */
export const insertRequest = statement(
  'dsr.insert_request',
  `insert into dsr.request (tenant_id, id, type, law, law_version, channel, language, received_at, due_at, acknowledge_at, clock,
     linked_to, identity_hash, ticket_hash, sealed, subject_label, created_at, updated_at)
   values ((select db.current_tenant()), $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $16)`,
);

/** One request. */
export const selectRequest = statement(
  'dsr.select_request',
  `select ${requestColumns} from dsr.request where id = $1`,
);

/** One request, locked until the transaction ends. */
export const lockRequest = statement(
  'dsr.lock_request',
  `select ${requestColumns} from dsr.request where id = $1 for update`,
);

/** The request that a ticket belongs to. $1 SHA-256 of the ticket */
export const selectRequestByTicket = statement(
  'dsr.select_request_by_ticket',
  `select ${requestColumns} from dsr.request where ticket_hash = $1`,
);

/** The same by the ticket from before the proof as well, for the status alone. $1 SHA-256 of the ticket */
export const selectRequestByAnyTicket = statement(
  'dsr.select_request_by_any_ticket',
  `select ${requestColumns}, ticket_hash = $1 as current from dsr.request where ticket_hash = $1 or former_ticket_hash = $1`,
);

/** $1 id $2 SHA-256 of the new ticket $3 sealed identity with it */
export const replaceTicket = statement(
  'dsr.replace_ticket',
  `update dsr.request set former_ticket_hash = ticket_hash, ticket_hash = $2, sealed = $3 where id = $1`,
);

/** The oldest open request of the same person and type. $1 identity hash $2 type */
export const selectOpenTwin = statement(
  'dsr.select_open_twin',
  `select id from dsr.request
   where identity_hash = $1 and type = $2
     and state in ('received', 'verifying', 'verified', 'planned', 'approved', 'executing', 'verifying_absence')
   order by received_at, id limit 1`,
);

/** Requests of one identity since an instant. */
export const countRecentOfIdentity = statement(
  'dsr.count_recent_of_identity',
  `select count(*)::integer as requests from dsr.request where identity_hash = $1 and received_at > $2`,
);

/** A page, newest first. $1 state or null $2 received_at of the last seen, or null $3 its id $4 limit */
export const selectRequestPage = statement(
  'dsr.select_request_page',
  `select ${requestColumns} from dsr.request
   where ($1::text is null or state = $1)
     and ($2::timestamptz is null or (received_at, id) < ($2, $3::uuid))
   order by received_at desc, id desc limit $4`,
);

/**
 * The step itself with its timeline row; the trigger refuses what the machine does not have. $1 id $2 version $3 to $4 now
 * $5 closed $6 actor $7 actor id $8 note
 */
export const moveState = statement(
  'dsr.move_state',
  `with moved as (
     update dsr.request set state = $3::text, version = version + 1, updated_at = $4::timestamptz,
       closed_at = case when $5::boolean then coalesce(closed_at, $4::timestamptz) end
     where id = $1::uuid and version = $2::integer returning tenant_id, id, version, state)
   insert into dsr.timeline (tenant_id, request_id, version, state, at, actor, actor_id, note)
   select tenant_id, id, version, state, $4::timestamptz, $6::text, $7::text, $8::text from moved`,
);

/** $1 request $2 version $3 state $4 at $5 actor $6 actor id $7 note */
export const insertTimeline = statement(
  'dsr.insert_timeline',
  `insert into dsr.timeline (tenant_id, request_id, version, state, at, actor, actor_id, note)
   values ((select db.current_tenant()), $1, $2, $3, $4, $5, $6, $7)`,
);

/** $1 id $2 level $3 method $4 verified_at $5 due_at $6 clock */
export const updateIdentity = statement(
  'dsr.update_identity',
  `update dsr.request set identity_level = $2, identity_method = $3, verified_at = $4, due_at = $5, clock = $6, updated_at = $4
   where id = $1`,
);

/** $1 id $2 plan hash $3 subjects */
export const updatePlan = statement(
  'dsr.update_plan',
  `update dsr.request set plan_hash = $2, subject_ids = $3 where id = $1`,
);

/** The same bytes again are the same plan. $1 request $2 hash $3 document $4 at $5 by $6 kind of by */
export const insertPlan = statement(
  'dsr.insert_plan',
  `insert into dsr.plan (tenant_id, request_id, hash, document, created_at, created_by, created_by_kind)
   values ((select db.current_tenant()), $1, $2, $3, $4, $5, $6) on conflict do nothing`,
);

/** $1 request $2 hash */
export const selectPlan = statement(
  'dsr.select_plan',
  `select hash, document, created_at, created_by, created_by_kind from dsr.plan where request_id = $1 and hash = $2`,
);

/** $1 request $2 plan hash $3 planned by $4 approved by $5 at $6 level $7 authenticated at */
export const insertApproval = statement(
  'dsr.insert_approval',
  `insert into dsr.approval (tenant_id, request_id, plan_hash, planned_by, approved_by, approved_at, assurance_level, authenticated_at)
   values ((select db.current_tenant()), $1, $2, $3, $4, $5, $6, $7)
   on conflict (tenant_id, request_id, plan_hash, approved_by) do nothing`,
);

/** A code replaces the one before. $1 request $2 hash $3 expires */
export const upsertVerification = statement(
  'dsr.upsert_verification',
  `insert into dsr.verification (tenant_id, request_id, code_hash, expires_at)
   values ((select db.current_tenant()), $1, $2, $3)
   on conflict (tenant_id, request_id) do update
     set code_hash = excluded.code_hash, expires_at = excluded.expires_at, tries = 0, used_at = null, sent = dsr.verification.sent + 1
     where dsr.verification.sent < 5`,
);

/** Spends one try and gives what to compare with; no row when there is nothing left to try. $1 request $2 now */
export const spendTry = statement(
  'dsr.spend_try',
  `update dsr.verification set tries = tries + 1
   where request_id = $1 and tries < 5 and used_at is null and expires_at > $2
   returning code_hash`,
);

/** $1 request $2 now */
export const useCode = statement(
  'dsr.use_code',
  `update dsr.verification set used_at = $2 where request_id = $1 and used_at is null`,
);

/** $1 identity kinds $2 hashes $3 purpose $4 request $5 at */
export const insertSuppression = statement(
  'dsr.insert_suppression',
  `insert into dsr.suppression (tenant_id, kind, hash, purpose, scope, request_id, created_at)
   select (select db.current_tenant()), kind, hash, $3, 'erased', $4, $5
   from unnest($1::text[], $2::bytea[]) as entry (kind, hash) on conflict do nothing`,
);

/** $1 hashes $2 purpose */
export const selectSuppression = statement(
  'dsr.select_suppression',
  `select kind, purpose, scope, request_id, created_at from dsr.suppression
   where kind in ('email', 'phone') and hash = any($1) and purpose in ('*', $2) order by created_at limit 1`,
);

/** Tenant by slug. Platform table. */
export const selectTenantBySlug = statement(
  'dsr.select_tenant_by_slug',
  `select id, slug, name, settings from db.tenant where slug = $1 and state = 'active'`,
);

/** Tenant by id. Platform table. */
export const selectTenant = statement(
  'dsr.select_tenant',
  `select id, slug, name, settings from db.tenant where id = $1`,
);

/** Tenants to look after. Platform table. $1 last id seen */
export const selectTenants = statement(
  'dsr.select_tenants',
  `select id from db.tenant where state = 'active' and id > $1 order by id limit 1000`,
);

/** Once, and only while something is owed. $1 id $2 at $3 reason $4 due_at $5 clock */
export const extendDeadline = statement(
  'dsr.extend_deadline',
  `update dsr.request set extended_at = $2, extension_reason = $3, due_at = $4, clock = $5, updated_at = $2
   where id = $1 and extended_at is null and closed_at is null`,
);
