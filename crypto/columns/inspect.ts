import type { Administrator } from '../../db/index.ts';
import { isSupported } from './column-type.ts';
import type { ColumnTarget } from './column-target.ts';
import { namesOf } from './trigger-sql.ts';
import type { StoredLayout } from './store.ts';

/** One thing an engineer should know before starting, and which step it stands in the way of. */
export type Remark = { readonly blocks: 'start' | 'drop' | 'nothing'; readonly message: string };

/** What the catalog says of a column that shall be encrypted. */
export type ColumnReport = {
  readonly columnType: string;
  readonly rowIdType: string;
  readonly notNull: boolean;
  /** The planner's estimate, over all tenants. */
  readonly rows: number;
  readonly bytes: number;
  readonly remarks: readonly Remark[];
};

type TableFacts = {
  readonly oid: number;
  readonly kind: string;
  readonly owner: string;
  readonly rows: number;
  readonly bytes: string;
  readonly writable: boolean;
  readonly inherits: boolean;
};
type ColumnFacts = {
  readonly name: string;
  readonly number: number;
  readonly type: string;
  readonly notNull: boolean;
  readonly generated: boolean;
};

const tableFacts = `select c.oid::bigint as oid, c.relkind::text as kind, pg_get_userbyid(c.relowner) as owner,
    greatest(c.reltuples, 0)::bigint as rows, pg_total_relation_size(c.oid)::text as bytes,
    has_table_privilege('gatehouse_app', c.oid, 'select, update') as writable,
    exists (select from pg_inherits i where i.inhrelid = c.oid or i.inhparent = c.oid) as inherits
  from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1 and c.relname = $2`;
const columnFacts = `select a.attname as name, a.attnum as number, format_type(a.atttypid, null) as type, a.attnotnull as "notNull",
    a.attgenerated <> '' as generated
  from pg_attribute a where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped`;
/** A unique index of exactly tenant and row id, or of the row id alone: only then is a row id one row of a tenant. */
const uniqueKey = `select 1 as found from pg_index x where x.indrelid = $1 and x.indisunique and x.indisvalid and x.indpred is null
  and (select array_agg(a.attname::text order by a.attname) from pg_attribute a where a.attrelid = x.indrelid and a.attnum = any(x.indkey))
    in (select array_agg(n order by n) from unnest(array['tenant_id', $2]) n union all select array[$2])`;
const dependents = `select pg_describe_object(d.classid, d.objid, d.objsubid) as what, d.deptype::text as kind, d.classid::regclass::text as class,
    coalesce(k.contype::text, case when x.indisunique then 'u' end, '') as constraint
  from pg_depend d
  left join pg_constraint k on d.classid = 'pg_constraint'::regclass and k.oid = d.objid
  left join pg_index x on d.classid = 'pg_class'::regclass and x.indexrelid = d.objid
  where d.refclassid = 'pg_class'::regclass and d.refobjid = $1 and d.refobjsubid = $2
    and not exists (select from pg_trigger t where d.classid = 'pg_trigger'::regclass and t.oid = d.objid and t.tgname like 'zz\\_column\\_%')
    and not exists (select from pg_class c where d.classid = 'pg_class'::regclass and c.oid = d.objid and c.relname like 'column\\_%\\_waiting')`;
const triggers = `select tgname as name from pg_trigger where tgrelid = $1 and not tgisinternal and tgname not like 'zz\\_column\\_%'
  and (tgtype & 17) = 17`;

/** Reads what the catalog says and what stands in the way; changes nothing. */
export async function inspectColumn(
  admin: Administrator,
  target: ColumnTarget,
  layout: StoredLayout | null,
): Promise<ColumnReport> {
  const [table] = await admin.query<TableFacts>(tableFacts, [target.schema, target.table]);
  const none = { columnType: '', rowIdType: '', notNull: false, rows: 0, bytes: 0 };
  if (table === undefined)
    return { ...none, remarks: [block('start', `table ${target.schema}.${target.table} does not exist`)] };
  const columns = new Map(
    (await admin.query<ColumnFacts>(columnFacts, [table.oid])).map((one) => [one.name, one]),
  );
  const plain = columns.get(target.plainColumn);
  const rowId = columns.get(target.rowIdColumn);
  if (plain === undefined || rowId === undefined)
    return {
      ...none,
      remarks: [
        block(
          'start',
          `column "${plain === undefined ? target.plainColumn : target.rowIdColumn}" does not exist`,
        ),
      ],
    };
  const isUnique = (await admin.query(uniqueKey, [table.oid, target.rowIdColumn])).length > 0;
  return {
    columnType: plain.type,
    rowIdType: rowId.type,
    notNull: plain.notNull,
    rows: Number(table.rows),
    bytes: Number(table.bytes),
    remarks: [
      ...tableRemarks(table, target, columns),
      ...(isUnique
        ? []
        : [
            block(
              'start',
              `no unique key of (tenant_id, ${target.rowIdColumn}), so a row id may be several rows`,
            ),
          ]),
      ...columnRemarks(target, plain, columns, layout),
      ...(await dependentRemarks(admin, table.oid, plain.number)),
    ],
  };
}

const block = (blocks: Remark['blocks'], message: string): Remark => ({ blocks, message });

function tableRemarks(
  table: TableFacts,
  target: ColumnTarget,
  columns: ReadonlyMap<string, ColumnFacts>,
): readonly Remark[] {
  const remarks: Remark[] = [];
  if (table.kind !== 'r' || table.inherits)
    remarks.push(
      block('start', 'partitioned and inheriting tables are not supported; migrate to a new table instead'),
    );
  if (table.owner !== 'gatehouse_owner')
    remarks.push(block('start', `the table belongs to ${table.owner}, not to gatehouse_owner`));
  if (!table.writable) remarks.push(block('start', 'gatehouse_app needs the rights to select and update'));
  if (columns.get('tenant_id')?.type !== 'uuid')
    remarks.push(block('start', 'the table has no tenant_id of type uuid'));
  const subject = target.plan.fields[0]?.scope === 'subject' ? target.subjectColumn : null;
  if (subject !== null && !columns.has(subject))
    remarks.push(block('start', `column "${subject}" of the person does not exist`));
  return remarks;
}

function columnRemarks(
  target: ColumnTarget,
  plain: ColumnFacts,
  columns: ReadonlyMap<string, ColumnFacts>,
  layout: StoredLayout | null,
): readonly Remark[] {
  const [field] = target.plan.fields;
  const remarks: Remark[] = [];
  if (field === undefined || !isSupported(plain.type, field.type))
    remarks.push(
      block(
        'start',
        `a column of type ${plain.type} cannot be sealed as ${field?.type ?? 'nothing'}; change the column or the data map`,
      ),
    );
  if (plain.generated)
    remarks.push(block('start', `"${plain.name}" is generated from other columns; encrypt those`));
  const own = [field?.column ?? '', ...(field?.indexes ?? []).map(({ column }) => column)];
  for (const name of own)
    if (layout === null && columns.has(name))
      remarks.push(block('start', `column "${name}" exists already; name another one in the data map`));
  return remarks;
}

type Dependent = {
  readonly what: string;
  readonly kind: string;
  readonly class: string;
  readonly constraint: string;
};

async function dependentRemarks(
  admin: Administrator,
  table: number,
  column: number,
): Promise<readonly Remark[]> {
  const found = await admin.query<Dependent>(dependents, [table, column]);
  const others = await admin.query<{ name: string }>(triggers, [table]);
  return [
    ...found.map(({ what, kind, constraint }) => {
      if ('pufx'.includes(constraint) && constraint !== '')
        return block(
          'drop',
          `${what} rests on the column: its guarantee would end silently; move it to an index column or remove it first`,
        );
      return kind === 'n'
        ? block('drop', `${what} uses the column; change it before the plaintext is dropped`)
        : block('nothing', `${what} goes with the column`);
    }),
    ...others.map(({ name }) => block('nothing', `trigger ${name} fires for every row that is backfilled`)),
  ];
}

/** Whether an index of ours is there and valid. */
export async function hasValidIndex(
  admin: Administrator,
  schema: string,
  name: string,
): Promise<'valid' | 'invalid' | 'none'> {
  const rows = await admin.query<{ valid: boolean }>(
    `select x.indisvalid as valid from pg_index x join pg_class c on c.oid = x.indexrelid join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relname = $2`,
    [schema, name],
  );
  const [row] = rows;
  if (row === undefined) return 'none';
  return row.valid ? 'valid' : 'invalid';
}

/** Every index that a migration makes: its name and what it is on. */
export function indexesOf(
  layout: StoredLayout,
  quote: (name: string) => string,
): readonly { readonly name: string; readonly on: string }[] {
  const names = namesOf(layout);
  const waiting = `(tenant_id, ${quote(layout.rowIdColumn)}) where ${quote(layout.plainColumn)} is not null and ${quote(layout.ciphertextColumn)} is null`;
  return [
    { name: names.waitingIndex, on: waiting },
    ...layout.indexColumns.map((column, at) => ({
      name: names.indexOf(at),
      on: `(tenant_id, ${quote(column)})`,
    })),
  ];
}
