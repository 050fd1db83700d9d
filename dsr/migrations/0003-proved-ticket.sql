-- The ticket that a proof makes, and plans that a person answers for.

alter table dsr.request
  add column former_ticket_hash bytea check (octet_length(former_ticket_hash) = 32);
comment on column dsr.request.ticket_hash is
  'SHA-256 of the 256-bit ticket that the person holds; the proof of the mailbox replaces it';
comment on column dsr.request.former_ticket_hash is
  'SHA-256 of the ticket from before the proof, which anybody may hold: it reads the status and nothing else';
create index request_by_former_ticket on dsr.request (tenant_id, former_ticket_hash);

-- Null: made before this was recorded; such a plan is made anew before it is approved.
alter table dsr.plan
  add column created_by_kind text check (created_by_kind in ('user', 'service_account')),
  add constraint plan_by_kind unique (tenant_id, request_id, hash, created_by, created_by_kind);
comment on column dsr.plan.created_by_kind is 'Whether a person or a service account made it; null in plans older than this column';

-- Approvals from before keep null; the check holds for every row from now on.
alter table dsr.approval add column planned_by_kind text;
alter table dsr.approval
  alter column planned_by_kind set default 'user',
  add constraint approval_takes_a_person_as_planner check (planned_by_kind is not distinct from 'user') not valid,
  add constraint approval_names_the_kind_of_planner
    foreign key (tenant_id, request_id, plan_hash, planned_by, planned_by_kind)
    references dsr.plan (tenant_id, request_id, hash, created_by, created_by_kind);
comment on column dsr.approval.planned_by_kind is 'Always a person; the foreign key makes it true of the plan';
drop index dsr.approval_by_plan;
create index approval_by_plan on dsr.approval (tenant_id, request_id, plan_hash, planned_by, planned_by_kind);
