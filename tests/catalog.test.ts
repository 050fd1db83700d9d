import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import {
  catalogRules,
  checkCatalog,
  deriveConnectionUrls,
  migrate,
  requireSafeCatalog,
  roleSecrets,
  startEmbeddedPostgres,
  type EmbeddedPostgres,
} from '../db/index.ts';
import { silentLogger } from '../kernel/index.ts';
import { createTestDatabase } from './support/database.ts';
import { ownerFile, testFolderPrefix } from './support/leftovers.ts';

/** SQL that breaks one rule, SQL that mends it where the fault outlives its database, and the object to be named. */
type Fault = { readonly plant: string; readonly object: string; readonly undo?: string };

const faults: Readonly<Record<string, readonly Fault[]>> = {
  'a tenant table enables and forces row-level security': [
    { plant: 'alter table probe.person disable row level security', object: 'probe.person' },
    { plant: 'alter table probe.person no force row level security', object: 'probe.person' },
  ],
  'a tenant table has tenant_id uuid not null': [
    {
      plant: `create table probe.lost (id uuid primary key); comment on table probe.lost is 'x'`,
      object: 'probe.lost',
    },
    {
      plant: `create table probe.lost (tenant_id text not null, id uuid, primary key (tenant_id, id)); comment on table probe.lost is 'x'`,
      object: 'probe.lost',
    },
  ],
  'a tenant table has the restrictive tenant policy': [
    { plant: 'drop policy tenant_wall on probe.person', object: 'probe.person' },
    { plant: 'alter policy tenant_wall on probe.person using (true)', object: 'probe.person' },
    { plant: 'alter policy tenant_wall on probe.person with check (true)', object: 'probe.person' },
    { plant: 'alter policy tenant_wall on probe.person to gatehouse_app', object: 'probe.person' },
  ],
  'keys and indexes of a tenant table begin with tenant_id': [
    { plant: 'create index person_name on probe.person (name)', object: 'probe.person_name' },
    {
      plant: 'create index person_lower on probe.person (lower(name), tenant_id)',
      object: 'probe.person_lower',
    },
    { plant: 'alter table probe.person add constraint person_id unique (id)', object: 'probe.person_id' },
  ],
  'a foreign key is covered by an index and begins with tenant_id': [
    { plant: 'drop index probe.letter_person', object: 'probe.letter_person_fk' },
    {
      plant: `alter table probe.person add constraint person_id unique (id);
        alter table probe.letter add constraint lone_fk foreign key (person_id) references probe.person (id);
        create index lone_index on probe.letter (person_id)`,
      object: 'probe.lone_fk',
    },
  ],
  'a table and its columns are documented': [
    { plant: 'comment on table probe.person is null', object: 'probe.person' },
    {
      plant: `create view probe.bare with (security_invoker = true) as select 1 as one`,
      object: 'probe.bare',
    },
  ],
  'a view runs with the rights of who asks': [
    {
      plant: `create view probe.loud as select * from probe.person; comment on view probe.loud is 'x'`,
      object: 'probe.loud',
    },
    {
      plant: `create materialized view probe.copy as select * from probe.person; comment on materialized view probe.copy is 'x'`,
      object: 'probe.copy',
    },
  ],
  'a security definer function pins its search path': [
    {
      plant: `create function probe.danger() returns int language sql security definer return 1; revoke all on function probe.danger() from public`,
      object: 'probe.danger',
    },
  ],
  'objects belong to the owner role': [
    {
      plant: `reset role; create table probe.foreigner (id int); comment on table probe.foreigner is 'Platform: x'`,
      object: 'probe.foreigner',
    },
  ],
  'login roles are not powerful': [
    {
      plant: 'reset role; alter role gatehouse_app superuser',
      object: 'gatehouse_app',
      undo: 'alter role gatehouse_app nosuperuser',
    },
    {
      plant: 'reset role; alter role gatehouse_app bypassrls',
      object: 'gatehouse_app',
      undo: 'alter role gatehouse_app nobypassrls',
    },
    {
      plant: 'reset role; alter role gatehouse_sequencer createdb',
      object: 'gatehouse_sequencer',
      undo: 'alter role gatehouse_sequencer nocreatedb',
    },
    {
      plant: 'reset role; alter role gatehouse_owner login',
      object: 'gatehouse_owner',
      undo: 'alter role gatehouse_owner nologin',
    },
  ],
  'login roles are members of nothing': [
    {
      plant: 'reset role; grant gatehouse_owner to gatehouse_app',
      object: 'gatehouse_app',
      undo: 'revoke gatehouse_owner from gatehouse_app',
    },
  ],
  'the application has no DDL and no way around': [
    { plant: 'grant truncate on probe.person to gatehouse_app', object: 'probe.person TRUNCATE' },
    { plant: 'grant trigger on probe.person to gatehouse_app', object: 'probe.person TRIGGER' },
  ],
  'the log is append-only for the application': [
    { plant: 'grant update on audit.entry to gatehouse_app', object: 'audit.entry UPDATE' },
    { plant: 'grant delete on audit.entry to gatehouse_sequencer', object: 'audit.entry DELETE' },
    { plant: 'grant update (seq) on audit.entry to gatehouse_app', object: 'audit.entry.seq UPDATE' },
  ],
  'the log writer reaches audit tables only': [
    { plant: 'grant select on probe.person to gatehouse_sequencer', object: 'probe.person SELECT' },
    { plant: 'grant update on db.tenant to gatehouse_sequencer', object: 'db.tenant UPDATE' },
    {
      plant: 'grant select (name) on probe.person to gatehouse_sequencer',
      object: 'probe.person.name SELECT',
    },
  ],
  'nothing is granted to everybody': [
    { plant: 'grant select on probe.person to public', object: 'probe.person SELECT' },
    { plant: 'grant select (name) on probe.person to public', object: 'probe.person.name SELECT' },
  ],
};

/** A small database in good order, in a cluster of its own: roles belong to all databases of a cluster. */
const sample = `
  set role gatehouse_owner;
  create table probe.person (tenant_id uuid not null, id uuid not null, name text, primary key (tenant_id, id));
  comment on table probe.person is 'A person';
  create table probe.letter (tenant_id uuid not null, id uuid not null, person_id uuid not null, primary key (tenant_id, id),
    constraint letter_person_fk foreign key (tenant_id, person_id) references probe.person (tenant_id, id));
  comment on table probe.letter is 'A letter to a person';
  create index letter_person on probe.letter (tenant_id, person_id);
  create table audit.entry (tenant_id uuid not null, seq bigint not null, primary key (tenant_id, seq));
  comment on table audit.entry is 'An entry. Append-only';
  call db.protect_tenant_table('probe.person');
  call db.protect_tenant_table('probe.letter');
  call db.protect_tenant_table('audit.entry');
  reset role`;

let folder: string;
let server: EmbeddedPostgres;
let template: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), testFolderPrefix));
  await chmod(folder, 0o711);
  await writeFile(join(folder, ownerFile), String(process.pid));
  server = await startEmbeddedPostgres({
    dataFolder: join(folder, 'postgres'),
    secretsFolder: join(folder, 'secrets'),
    logger: silentLogger,
    settings: ['fsync=off'],
  });
  template = await server.createDatabase('sample');
  const sources = [{ room: 'db', folder: join(import.meta.dirname, '..', 'db', 'migrations') }];
  await migrate(template, sources, roleSecrets(deriveConnectionUrls(template)));
  await runSql(
    template,
    `create schema probe authorization gatehouse_owner; create schema audit authorization gatehouse_owner`,
  );
  await runSql(template, sample);
}, 60_000);
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

async function runSql(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}

async function copySample(name: string): Promise<string> {
  await runSql(server.adminUrl, `create database ${name} template sample`);
  const url = new URL(server.adminUrl);
  url.pathname = `/${name}`;
  return url.href;
}

describe('the catalog self-check', () => {
  test('finds nothing in a database in good order', async () => {
    expect(await checkCatalog(template)).toEqual([]);
  });

  test('finds nothing in the migrated house', async () => {
    const house = await createTestDatabase();
    try {
      expect(await checkCatalog(house.adminUrl)).toEqual([]);
    } finally {
      await house.close();
    }
  });

  test('has a planted fault for each of its rules', () => {
    expect(Object.keys(faults).toSorted()).toEqual([...catalogRules].toSorted());
  });

  const cases = Object.entries(faults).flatMap(([rule, list]) =>
    list.map((fault, index) => ({ rule, index, ...fault })),
  );
  test.each(cases)('$rule: finds fault $index at $object', async ({ rule, plant, object, undo }) => {
    const url = await copySample(`fault_${Math.random().toString(36).slice(2)}`);
    try {
      await runSql(url, `set role gatehouse_owner; ${plant}`);
      expect(await checkCatalog(url)).toContainEqual({ rule, object, detail: expect.any(String) });
      await expect(requireSafeCatalog(url)).rejects.toMatchObject({ code: 'ERR_DB_UNSAFE' });
    } finally {
      if (undo !== undefined) await runSql(server.adminUrl, undo);
    }
    expect(await checkCatalog(template)).toEqual([]);
  });
});
