import { setTimeout as pause } from 'node:timers/promises';
import type { Administrator } from '../../db/index.ts';
import { cryptoError } from '../errors.ts';
import type { ColumnTarget } from './column-target.ts';
import { hasValidIndex, indexesOf, inspectColumn } from './inspect.ts';
import { subjectColumnOf } from './migration-work.ts';
import { findLayout, type StoredLayout } from './store.ts';
import { followingTrigger, namesOf, refusingTrigger, tableOf } from './trigger-sql.ts';

/** Milliseconds that a change of the schema waits for its lock before it lets everybody pass and tries again. */
const lockMilliseconds = 1_000;
const maxLockAttempts = 60;

/** A change of the schema in one transaction; gives way to a busy table and comes again. @throws ERR_CRYPTO_COLUMN */
async function changed<T>(admin: Administrator, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await admin.transaction(lockMilliseconds, work);
    } catch (error) {
      const busy = ['55P03', '40P01'].includes(String((error as { code?: unknown }).code)); // pg's errors carry SQLSTATE as code
      if (!busy) throw error;
      if (attempt === maxLockAttempts)
        throw cryptoError(
          'ERR_CRYPTO_COLUMN',
          'the table was locked all the time; end its long transactions and call again',
          {
            cause: error,
          },
        );
      await pause(200);
    }
  }
}

const run = async (admin: Administrator, statements: readonly string[]): Promise<void> => {
  for (const text of statements) await admin.query(text);
};

/** The layout of a target's column, if there is one. */
export async function readLayout(
  admin: Administrator,
  { schema, table, plainColumn }: Pick<ColumnTarget, 'schema' | 'table' | 'plainColumn'>,
): Promise<StoredLayout | null> {
  return (await admin.query<StoredLayout>(findLayout.text, [schema, table, plainColumn]))[0] ?? null;
}

/**
 * Adds ciphertext and index columns, the trigger and the indexes. Killed anywhere it is carried on by the next call.
 *
 * @throws ERR_CRYPTO_COLUMN naming everything that stands in the way
 */
export async function prepareColumn(
  admin: Administrator,
  target: ColumnTarget,
  newId: () => string,
): Promise<StoredLayout> {
  const known = await readLayout(admin, target);
  if (known !== null && known.state !== 'preparing') return known;
  const layout = known ?? (await addColumns(admin, target, newId()));
  const { quote } = admin;
  for (const { name, on } of indexesOf(layout, quote)) {
    const there = await hasValidIndex(admin, layout.schema, name);
    if (there === 'invalid')
      await admin.query(`drop index concurrently ${quote(layout.schema)}.${quote(name)}`);
    if (there !== 'valid')
      await admin.query(`create index concurrently ${quote(name)} on ${tableOf(layout, quote)} ${on}`);
  }
  await setState(admin, layout, 'prepared');
  return { ...layout, state: 'prepared' };
}

async function addColumns(admin: Administrator, target: ColumnTarget, id: string): Promise<StoredLayout> {
  const report = await inspectColumn(admin, target, null);
  const blocked = report.remarks.filter(({ blocks }) => blocks === 'start').map(({ message }) => message);
  if (blocked.length > 0)
    throw cryptoError('ERR_CRYPTO_COLUMN', `the column cannot be migrated: ${blocked.join('; ')}`);
  const [field] = target.plan.fields;
  const layout: StoredLayout = {
    id,
    schema: target.schema,
    table: target.table,
    plainColumn: target.plainColumn,
    ciphertextColumn: field?.column ?? '',
    indexColumns: (field?.indexes ?? []).map(({ column }) => column),
    rowIdColumn: target.rowIdColumn,
    subjectColumn: subjectColumnOf(target),
    columnType: report.columnType,
    rowIdType: report.rowIdType,
    notNull: report.notNull,
    state: 'preparing',
  };
  const { quote } = admin;
  const table = tableOf(layout, quote);
  const added = [layout.ciphertextColumn, ...layout.indexColumns];
  await changed(admin, async () => {
    await run(admin, [
      `alter table ${table} ${added.map((column) => `add column ${quote(column)} bytea`).join(', ')}`,
    ]);
    await run(admin, commentsOf(layout, quote));
    await run(admin, followingTrigger(layout, quote));
    await insertLayout(admin, layout);
  });
  return layout;
}

function commentsOf(layout: StoredLayout, quote: (name: string) => string): readonly string[] {
  const table = tableOf(layout, quote);
  const plain = layout.plainColumn.replaceAll("'", "''");
  return [
    `comment on column ${table}.${quote(layout.ciphertextColumn)} is 'CT1 ciphertext of ${plain}'`,
    ...layout.indexColumns.map(
      (column) => `comment on column ${table}.${quote(column)} is 'Blind index of ${plain}'`,
    ),
  ];
}

async function insertLayout(admin: Administrator, layout: StoredLayout): Promise<void> {
  await admin.query(
    `insert into crypto.column_layout (id, schema_name, table_name, plain_column, ciphertext_column, index_columns, row_id_column,
       subject_column, column_type, row_id_type, not_null, state) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
    [
      layout.id,
      layout.schema,
      layout.table,
      layout.plainColumn,
      layout.ciphertextColumn,
      [...layout.indexColumns],
      layout.rowIdColumn,
      layout.subjectColumn,
      layout.columnType,
      layout.rowIdType,
      layout.notNull,
      layout.state,
    ],
  );
}

async function setState(
  admin: Administrator,
  { id }: StoredLayout,
  state: StoredLayout['state'],
): Promise<void> {
  await admin.query('update crypto.column_layout set state = $2, changed_at = now() where id = $1', [
    id,
    state,
  ]);
}

/**
 * Takes away everything that {@link prepareColumn} added; the caller has brought every tenant back to plaintext before.
 *
 * @throws ERR_CRYPTO_COLUMN once the plaintext is being dropped
 */
export async function undoColumn(admin: Administrator, layout: StoredLayout): Promise<void> {
  if (layout.state === 'dropping' || layout.state === 'dropped')
    throw cryptoError(
      'ERR_CRYPTO_COLUMN',
      'the plaintext is being dropped or gone; there is no way back but the ciphertext',
    );
  const { quote } = admin;
  const table = tableOf(layout, quote);
  const { trigger, procedure } = namesOf(layout);
  const added = [layout.ciphertextColumn, ...layout.indexColumns];
  // What rests on the columns goes with them: their indexes, and the one of rows that wait.
  await changed(admin, async () => {
    await forgetMigrations(admin, layout);
    await run(admin, [
      `drop trigger if exists ${quote(trigger)} on ${table}`,
      `drop function if exists crypto.${quote(procedure)}()`,
      `alter table ${table} ${added.map((column) => `drop column if exists ${quote(column)}`).join(', ')}`,
    ]);
    await admin.query('delete from crypto.column_layout where id = $1', [layout.id]);
  });
}

/** Sees past the tenant wall for one statement, inside a transaction that nobody else sees. */
async function acrossTenants<T>(admin: Administrator, table: string, read: () => Promise<T>): Promise<T> {
  await admin.query(`alter table ${table} no force row level security`);
  const result = await read();
  await admin.query(`alter table ${table} force row level security`);
  return result;
}

/** What every tenant did on this table stands in its trail; the rows themselves go with the layout. */
async function forgetMigrations(admin: Administrator, layout: StoredLayout): Promise<void> {
  const moving = await acrossTenants(admin, 'crypto.column_migration', async () => {
    await admin.query(`delete from crypto.column_migration where layout_id = $1 and state = 'reverted'`, [
      layout.id,
    ]);
    return admin.query('select 1 from crypto.column_migration where layout_id = $1 limit 20', [layout.id]);
  });
  if (moving.length > 0)
    throw cryptoError(
      'ERR_CRYPTO_COLUMN',
      `${moving.length} tenants or more have not gone back to plaintext; run revert again`,
    );
}

/**
 * The point of no return: from now on plaintext is neither written nor accepted. Refused while a row of any tenant still
 * waits, seen under a lock that keeps every writer out for the moment of the look.
 *
 * @returns false when rows wait; seal them and call again
 */
export async function beginDrop(admin: Administrator, layout: StoredLayout): Promise<boolean> {
  if (layout.state !== 'prepared') return true;
  const { quote } = admin;
  const table = tableOf(layout, quote);
  return changed(admin, async () => {
    await admin.query(`lock table ${table} in access exclusive mode`);
    const waiting = await acrossTenants(admin, table, () =>
      admin.query(
        `select 1 from ${table} where ${quote(layout.plainColumn)} is not null and ${quote(layout.ciphertextColumn)} is null limit 1`,
      ),
    );
    if (waiting.length > 0) return false;
    await requireAllApproved(admin, layout);
    await run(admin, refusingTrigger(layout, quote));
    if (layout.notNull)
      await run(admin, [
        `alter table ${table} alter column ${quote(layout.plainColumn)} drop not null,
           add constraint ${quote(namesOf(layout).check)} check (${quote(layout.ciphertextColumn)} is not null) not valid`,
      ]);
    await setState(admin, layout, 'dropping');
    return true;
  });
}

async function requireAllApproved(admin: Administrator, layout: StoredLayout): Promise<void> {
  const table = tableOf(layout, admin.quote);
  const behind = await acrossTenants(admin, table, () =>
    acrossTenants(admin, 'crypto.column_migration', () =>
      admin.query<{ slug: string }>(
        `select n.slug from db.tenant n left join crypto.column_migration m on m.tenant_id = n.id and m.layout_id = $1
         where (m.state is null or m.state <> 'cut_over' or m.drop_approved_at is null or m.differing > 0)
           and exists (select from ${table} t where t.tenant_id = n.id) order by n.slug limit 20`,
        [layout.id],
      ),
    ),
  );
  if (behind.length > 0)
    throw cryptoError(
      'ERR_CRYPTO_COLUMN',
      `these tenants are not cut over or two people have not approved: ${behind.map(({ slug }) => slug).join(', ')}`,
    );
}

/** Drops the plaintext column, its trigger and the index of rows that wait. */
export async function finishDrop(admin: Administrator, layout: StoredLayout): Promise<void> {
  const { quote } = admin;
  const table = tableOf(layout, quote);
  const { trigger, procedure, check } = namesOf(layout);
  const ciphertext = quote(layout.ciphertextColumn);
  // Looked through without keeping writers out, so that SET NOT NULL need not look.
  if (layout.notNull) await admin.query(`alter table ${table} validate constraint ${quote(check)}`);
  await changed(admin, async () => {
    await run(admin, [
      `drop trigger if exists ${quote(trigger)} on ${table}`,
      `drop function if exists crypto.${quote(procedure)}()`,
      ...(layout.notNull
        ? [`alter table ${table} alter column ${ciphertext} set not null, drop constraint ${quote(check)}`]
        : []),
      `alter table ${table} drop column ${quote(layout.plainColumn)}`,
    ]);
    await setState(admin, layout, 'dropped');
  });
}
