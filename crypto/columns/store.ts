import { statement } from '../../db/index.ts';
import type { ColumnState, LayoutState } from './states.ts';

/** What was added to a table, for all tenants. */
export type StoredLayout = {
  readonly id: string;
  readonly schema: string;
  readonly table: string;
  readonly plainColumn: string;
  readonly ciphertextColumn: string;
  readonly indexColumns: readonly string[];
  readonly rowIdColumn: string;
  readonly subjectColumn: string | null;
  readonly columnType: string;
  readonly rowIdType: string;
  readonly notNull: boolean;
  readonly state: LayoutState;
};

/** One thing that verification found; never a value. */
export type Finding = { readonly rowId: string; readonly what: string };

/** One tenant's migration of one column. */
export type StoredMigration = {
  readonly id: string;
  readonly layoutId: string;
  readonly service: string;
  readonly collection: string;
  readonly field: string;
  readonly state: ColumnState;
  readonly passCursor: string | null;
  readonly passFound: number;
  readonly sealed: number;
  readonly checked: number;
  readonly rowsPerSecond: number;
  readonly findings: readonly Finding[];
  readonly differing: number;
  readonly verifiedAt: Date | null;
  readonly leaseUntil: Date | null;
  readonly dropApprovedAt: Date | null;
  readonly createdAt: Date;
  readonly changedAt: Date;
};

const layoutColumns = `id, schema_name as schema, table_name as "table", plain_column as "plainColumn",
  ciphertext_column as "ciphertextColumn", index_columns as "indexColumns", row_id_column as "rowIdColumn",
  subject_column as "subjectColumn", column_type as "columnType", row_id_type as "rowIdType", not_null as "notNull", state`;

const migrationColumns = `id, layout_id as "layoutId", service, collection, field, state, pass_cursor as "passCursor",
  pass_found as "passFound", sealed, checked, rows_per_second as "rowsPerSecond", findings, differing,
  verified_at as "verifiedAt", lease_until as "leaseUntil", drop_approved_at as "dropApprovedAt",
  created_at as "createdAt", changed_at as "changedAt"`;

/** $1 tenant; every prepared table with the state of this tenant, null when it has none. */
export const selectPhases = statement(
  'crypto.columns_select_phases',
  `select l.schema_name as schema, l.table_name as "table", l.plain_column as "plainColumn", l.state as "layoutState", m.state
   from crypto.column_layout l
   left join crypto.column_migration m on m.tenant_id = $1 and m.layout_id = l.id`,
);

/** $1 id */
export const selectLayout = statement(
  'crypto.columns_select_layout',
  `select ${layoutColumns} from crypto.column_layout where id = $1`,
);

/** $1 schema, $2 table, $3 plaintext column */
export const findLayout = statement(
  'crypto.columns_find_layout',
  `select ${layoutColumns} from crypto.column_layout where schema_name = $1 and table_name = $2 and plain_column = $3`,
);

/** Whether there is anything to sweep at all. */
export const selectPreparedLayouts = statement(
  'crypto.columns_select_prepared',
  `select id from crypto.column_layout where state = 'prepared'`,
);

/** $1 tenant, $2 id */
export const selectMigration = statement(
  'crypto.columns_select_migration',
  `select ${migrationColumns} from crypto.column_migration where tenant_id = $1 and id = $2`,
);

/** $1 tenant, $2 layout */
export const findMigration = statement(
  'crypto.columns_find_migration',
  `select ${migrationColumns} from crypto.column_migration where tenant_id = $1 and layout_id = $2`,
);

/** $1 tenant, $2 id of the last one seen or null, $3 limit */
export const selectMigrations = statement(
  'crypto.columns_select_migrations',
  `select ${migrationColumns} from crypto.column_migration
   where tenant_id = $1 and ($2::uuid is null or id > $2::uuid) order by id limit $3`,
);

/** $1 tenant, $2 id, $3 layout, $4 service, $5 collection, $6 field, $7 instant */
export const insertMigration = statement(
  'crypto.columns_insert_migration',
  `insert into crypto.column_migration (tenant_id, id, layout_id, service, collection, field, state, created_at, changed_at)
   values ($1, $2, $3, $4, $5, $6, 'dual_write', $7, $7) on conflict (tenant_id, layout_id) do nothing`,
);

/** $1 tenant, $2 id, $3 the state it must be in, $4 the next one, $5 instant; a step back forgets what was verified. */
export const changeState = statement(
  'crypto.columns_change_state',
  `update crypto.column_migration
   set state = $4, changed_at = $5, drop_approved_at = null, drop_proposal = null,
     pass_cursor = case when $4 in ('dual_write', 'reverted') then null else pass_cursor end,
     pass_found = case when $4 in ('dual_write', 'reverted') then 0 else pass_found end,
     sealed = case when $4 = 'reverted' then 0 else sealed end,
     verified_at = case when $4 in ('verified', 'cut_over') then verified_at end,
     lease_token = case when $4 = 'reverted' then null else lease_token end
   where tenant_id = $1 and id = $2 and state = $3`,
);

/** $1 tenant, $2 id, $3 token, $4 now, $5 until; no row: somebody else holds it. */
export const takeLease = statement(
  'crypto.columns_take_lease',
  `update crypto.column_migration set lease_token = $3, lease_until = $5
   where tenant_id = $1 and id = $2 and (lease_token is null or lease_token = $3 or lease_until < $4)
   returning ${migrationColumns}`,
);

/** $1 tenant, $2 id, $3 token */
export const leaveLease = statement(
  'crypto.columns_leave_lease',
  `update crypto.column_migration set lease_token = null, lease_until = null
   where tenant_id = $1 and id = $2 and lease_token = $3`,
);

/** $1 tenant, $2 id, $3 token, $4 cursor, $5 found in this pass, $6 sealed now, $7 rate, $8 lease until, $9 instant */
export const writeProgress = statement(
  'crypto.columns_write_progress',
  `update crypto.column_migration
   set pass_cursor = $4, pass_found = $5, sealed = sealed + $6, rows_per_second = $7, lease_until = $8, changed_at = $9
   where tenant_id = $1 and id = $2 and lease_token = $3 and state <> 'reverted'`,
);

/** $1 tenant, $2 id, $3 token, $4 checked, $5 differing, $6 findings, $7 lease until, $8 verified at or null, $9 instant */
export const writeVerification = statement(
  'crypto.columns_write_verification',
  `update crypto.column_migration
   set checked = $4, differing = $5, findings = $6::jsonb, lease_until = $7, verified_at = $8, changed_at = $9
   where tenant_id = $1 and id = $2 and lease_token = $3 and state <> 'reverted'`,
);

/** $1 tenant, $2 id, $3 instant, $4 proposal */
export const approveDrop = statement(
  'crypto.columns_approve_drop',
  `update crypto.column_migration set drop_approved_at = $3, drop_proposal = $4, changed_at = $3
   where tenant_id = $1 and id = $2 and state = 'cut_over'`,
);

/** $1 slug or null: the tenants, platform included. */
export const selectTenants = statement(
  'crypto.columns_select_tenants',
  `select id, slug from db.tenant where $1::text is null or slug = $1 order by id`,
);
