import { statement } from '../../db/index.ts';

/** Locks the cursor; a second projector waits and then finds it moved. $1 tenant */
export const lockSearchCursor = statement(
  'audit.lock_search_cursor',
  `insert into audit.search_cursor as c (tenant_id) values ($1)
   on conflict (tenant_id) do update set next_seq = c.next_seq returning next_seq as "nextSeq"`,
);

/** Logs whose projection lags. $1 tenant */
export const selectSearchLag = statement(
  'audit.select_search_lag',
  `select coalesce(h.size, 0) - coalesce(c.next_seq, 0) as lag from (values ($1::uuid)) t (tenant_id)
   left join audit.head h on h.tenant_id = t.tenant_id left join audit.search_cursor c on c.tenant_id = t.tenant_id`,
);

/** Entries to project. $1 tenant $2 from $3 limit */
export const selectToProject = statement(
  'audit.select_to_project',
  `select seq, body from audit.entry where tenant_id = $1 and seq >= $2 order by seq limit $3`,
);

/** $1 tenant $2 seqs $3 terms of each, separated by U+0001 */
export const insertSearchEntries = statement(
  'audit.insert_search_entries',
  `insert into audit.search_entry (tenant_id, seq, terms)
   select $1, seq, array_to_tsvector(string_to_array(terms, e'\\u0001')) from unnest($2::bigint[], $3::text[]) u (seq, terms)
   on conflict (tenant_id, seq) do update set terms = excluded.terms`,
);

/** $1 tenant $2 next seq */
export const moveSearchCursor = statement(
  'audit.move_search_cursor',
  `update audit.search_cursor set next_seq = $2 where tenant_id = $1`,
);

/** Begins the projection anew. $1 tenant */
export const resetSearchCursor = statement(
  'audit.reset_search_cursor',
  `update audit.search_cursor set next_seq = 0 where tenant_id = $1`,
);

/** $1 tenant */
export const emptySearchEntries = statement(
  'audit.empty_search_entries',
  `delete from audit.search_entry where tenant_id = $1`,
);

/** One row: up to where the tenant's log can be searched by terms. */
export const selectProjectedSize = statement(
  'audit.select_projected_size',
  `select coalesce((select c.next_seq from audit.search_cursor c where c.tenant_id = (select db.current_tenant())), 0) as size`,
);

/**
 * One row: where, in a log whose entries follow each other in time, the first one of an instant or later would stand;
 * none where the log has no such number. A handful of entries out of order move it a little. $1 tenant $2 instant
 */
export const selectSeqOfTime = statement(
  'audit.select_seq_of_time',
  `with recursive halves (low, high) as (
     select 0::bigint, size from audit.head where tenant_id = $1
     union all
     select case when e.occurred_at < $2::timestamptz then e.seq + 1 else h.low end,
       case when e.occurred_at < $2::timestamptz then h.high else e.seq end
     from halves h join lateral
       (select x.seq, x.occurred_at from audit.entry x where x.tenant_id = $1 and x.seq = (h.low + h.high) / 2 offset 0) e on true
     where h.low < h.high)
   select low as seq from halves where low >= high limit 1`,
);
