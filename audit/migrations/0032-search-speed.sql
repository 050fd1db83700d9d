-- Pages of a log of ten million: what goes wrong is rare and has small indexes of its own, which an event that succeeds
-- never touches; a time is found by block ranges that know the sequence numbers as well.

create index entry_trouble on audit.entry (tenant_id, outcome, seq) where outcome <> 'success';
comment on index audit.entry_trouble is 'Refusals and failures of a log, newest first';
create index entry_actor_trouble on audit.entry (tenant_id, actor_id, outcome, seq) where outcome <> 'success';
comment on index audit.entry_actor_trouble is 'Refusals and failures of one actor, newest first';

drop index audit.entry_time;
create index entry_time on audit.entry using brin (tenant_id, occurred_at, seq) with (pages_per_range = 128, autosummarize = on);
comment on index audit.entry_time is 'Times and sequence numbers of block ranges: finds what stands in the log at another place than its time says';
