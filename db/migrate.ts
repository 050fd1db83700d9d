import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { databaseError } from './errors.ts';
import { padHmacKey, type TenantSettingKey } from './tenant-setting.ts';

/** A room whose `migrations/` folder is applied, in the order given: lower floors first. */
export type MigrationSource = { readonly room: string; readonly folder: string };

/** One applied or pending step. */
export type Migration = {
  readonly room: string;
  readonly number: number;
  readonly name: string;
  readonly text: string;
  readonly sha256: string;
};

/** Passwords of the two login roles and the key that signs tenant settings. */
export type RoleSecrets = {
  readonly appPassword: string;
  readonly sequencerPassword: string;
  readonly tenantSettingKey: TenantSettingKey;
};

/** Advisory lock that keeps two migrating processes apart; any constant will do. */
const migrationLock = 7_201_984_001;

/** Reads `NNNN-name.sql` files of every source in order. */
export async function loadMigrations(sources: readonly MigrationSource[]): Promise<readonly Migration[]> {
  const all: Migration[] = [];
  for (const { room, folder } of sources) {
    const files = (await readdir(folder)).filter((file) => file.endsWith('.sql')).toSorted();
    for (const file of files) {
      const match = /^(\d{4})-([a-z0-9-]+)\.sql$/.exec(file);
      if (match === null)
        throw databaseError(
          'ERR_DB_MIGRATION_FAILED',
          `migration file "${file}" of ${room} is not named NNNN-name.sql`,
        );
      const text = await readFile(join(folder, file), 'utf8');
      const sha256 = createHash('sha256').update(text).digest('hex');
      all.push({ room, number: Number(match[1]), name: match[2] ?? '', text, sha256 });
    }
  }
  return all;
}

/**
 * Brings a database up to date: roles, schemas, then every migration not yet applied, each in its own transaction.
 *
 * @param adminUrl - a role that may create roles and schemas
 * @returns the migrations applied now
 * @throws ERR_DB_MIGRATION_CHANGED, ERR_DB_MIGRATION_FAILED, ERR_DB_UNREACHABLE
 */
export async function migrate(
  adminUrl: string,
  sources: readonly MigrationSource[],
  secrets: RoleSecrets,
): Promise<readonly Migration[]> {
  const migrations = await loadMigrations(sources);
  const client = new pg.Client({ connectionString: adminUrl, application_name: 'gatehouse-migrate' });
  try {
    await client.connect();
  } catch (cause) {
    throw databaseError(
      'ERR_DB_UNREACHABLE',
      'the database cannot be reached for migration; check GATEHOUSE_DATABASE_URL',
      { cause },
    );
  }
  try {
    await client.query('select pg_advisory_lock($1)', [migrationLock]);
    await prepareRoles(client, secrets);
    await prepareSchemas(client, sources);
    const applied = await applyPending(client, migrations);
    await storeSigningKey(client, secrets.tenantSettingKey);
    return applied;
  } finally {
    await client.end();
  }
}

async function prepareRoles(client: pg.Client, secrets: RoleSecrets): Promise<void> {
  const role = async (name: string, options: string): Promise<void> => {
    const { rowCount } = await client.query('select 1 from pg_roles where rolname = $1', [name]);
    await client.query(`${rowCount === 0 ? 'create' : 'alter'} role ${name} ${options}`);
  };
  const quoted = (password: string): string => client.escapeLiteral(password);
  await role('gatehouse_owner', 'nologin nosuperuser nocreatedb nocreaterole nobypassrls');
  await role(
    'gatehouse_app',
    `login nosuperuser nocreatedb nocreaterole nobypassrls password ${quoted(secrets.appPassword)}`,
  );
  // COPY is refused on tables with row-level security, so the log's writer bypasses it; its grants are a handful of audit tables.
  await role(
    'gatehouse_sequencer',
    `login nosuperuser nocreatedb nocreaterole bypassrls password ${quoted(secrets.sequencerPassword)}`,
  );
  await client.query('grant gatehouse_owner to current_user');
  await client.query('revoke all on schema public from public');
  const { rows } = await client.query<{ name: string }>('select quote_ident(current_database()) as name');
  const database = rows[0]?.name ?? '';
  await client.query(`revoke all on database ${database} from public`);
  await client.query(`grant connect on database ${database} to gatehouse_app, gatehouse_sequencer`);
  await client.query(`grant create on database ${database} to gatehouse_owner`);
}

async function prepareSchemas(client: pg.Client, sources: readonly MigrationSource[]): Promise<void> {
  for (const { room } of sources) {
    await client.query(
      `create schema if not exists ${client.escapeIdentifier(room)} authorization gatehouse_owner`,
    );
  }
  await client.query(`create table if not exists db.migration (
    room text not null, number integer not null, name text not null, sha256 text not null,
    applied_at timestamptz not null default now(), primary key (room, number))`);
  await client.query('alter table db.migration owner to gatehouse_owner');
  await client.query(
    `comment on table db.migration is 'Platform: schema changes that were applied, with the hash of their text'`,
  );
}

async function applyPending(
  client: pg.Client,
  migrations: readonly Migration[],
): Promise<readonly Migration[]> {
  const { rows } = await client.query<{ room: string; number: number; sha256: string }>(
    'select room, number, sha256 from db.migration',
  );
  const known = new Map(rows.map((row) => [`${row.room}/${row.number}`, row.sha256]));
  const applied: Migration[] = [];
  for (const migration of migrations) {
    const before = known.get(`${migration.room}/${migration.number}`);
    if (before === undefined) {
      await applyOne(client, migration);
      applied.push(migration);
    } else if (before !== migration.sha256) {
      throw databaseError(
        'ERR_DB_MIGRATION_CHANGED',
        `migration ${migration.room}/${migration.number}-${migration.name} was changed after it was applied; restore its text and add a new one`,
      );
    }
  }
  return applied;
}

async function applyOne(client: pg.Client, migration: Migration): Promise<void> {
  try {
    await client.query('begin');
    if (migration.room !== 'db') await client.query('set local role gatehouse_owner');
    await client.query(migration.text);
    await client.query('reset role');
    await client.query('insert into db.migration (room, number, name, sha256) values ($1, $2, $3, $4)', [
      migration.room,
      migration.number,
      migration.name,
      migration.sha256,
    ]);
    await client.query('commit');
  } catch (cause) {
    await client.query('rollback');
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw databaseError(
      'ERR_DB_MIGRATION_FAILED',
      `migration ${migration.room}/${migration.number}-${migration.name} failed: ${reason}`,
      { cause },
    );
  }
}

async function storeSigningKey(client: pg.Client, key: TenantSettingKey): Promise<void> {
  const { inner, outer } = padHmacKey(key);
  await client.query(
    `insert into db.signing_key (inner_key, outer_key) values ($1, $2)
     on conflict (only_row) do update set inner_key = excluded.inner_key, outer_key = excluded.outer_key`,
    [inner, outer],
  );
}
