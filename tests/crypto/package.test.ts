import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createCrypto, createLocalProvider } from '../../crypto/index.ts';
import {
  parseSubjectId,
  Secret,
  silentLogger,
  systemClock,
  systemRandomBytes,
  uuidv7,
  type TenantId,
} from '../../kernel/index.ts';
import { canaries } from '../support/canaries.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const example = join(root, 'examples/field-encryption');
const passphrase = new Secret('a passphrase for tests only');

let db: TestDatabase;
let folder: string;
let tenantId: TenantId;
let packages: readonly string[];
beforeAll(async () => {
  db = await createTestDatabase();
  tenantId = await db.createTenant();
  folder = await mkdtemp(join(tmpdir(), 'gatehouse-package-'));
  await mkdir(join(folder, 'data/secrets'), { recursive: true, mode: 0o700 });
  const file = join(folder, 'data/secrets/root-key');
  await createLocalProvider({ file, passphrase, randomBytes: systemRandomBytes, costLog2: 14 });
  await run(process.execPath, ['sdk/build-package.ts', join(folder, 'package')], { cwd: root });
  const manifest = JSON.parse(await readFile(join(folder, 'package/package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  }; // just written
  packages = Object.keys(manifest.dependencies);
}, 120_000);
afterAll(async () => {
  await db.close();
  await rm(folder, { recursive: true });
});

/** A project somewhere else, as `npm install` leaves it: what it depends on stands in its node_modules. */
async function makeProject(name: string, install: (target: string) => Promise<void>): Promise<string> {
  const project = join(folder, name);
  await cp(example, project, { recursive: true, filter: (path) => !path.includes('node_modules') });
  await mkdir(join(project, 'node_modules'), { recursive: true });
  await install(join(project, 'node_modules/gatehouse'));
  for (const dependency of new Set([...packages, 'pg'])) {
    const place = join(project, 'node_modules', dependency);
    await mkdir(dirname(place), { recursive: true }); // a scoped package stands in a folder of its scope
    await symlink(join(root, 'node_modules', dependency), place);
  }
  return project;
}

const environment = (): NodeJS.ProcessEnv => ({
  PATH: process.env['PATH'],
  SHOP_DATABASE_URL: db.adminUrl,
  SHOP_TENANT: tenantId,
  GATEHOUSE_DATABASE_URL: db.database.urls.app,
  GATEHOUSE_DATA_DIR: join(folder, 'data'),
  GATEHOUSE_ROOT_KEY_PASSPHRASE: passphrase.reveal(),
});

async function call(
  project: string,
  command: string,
  argument: string,
  extra: NodeJS.ProcessEnv = {},
): Promise<never> {
  const program = [join(project, 'main.mjs'), command, argument];
  const { stdout, stderr } = await run(process.execPath, program, { env: { ...environment(), ...extra } });
  expect(stderr).toBe('');
  return JSON.parse(stdout) as never; // each test says what it expects
}

describe.each([
  ['linked by "file:", TypeScript and all', (target: string) => symlink(root, target)],
  [
    'installed as JavaScript from build:package',
    (target: string) => cp(join(folder, 'package'), target, { recursive: true }),
  ],
])('a program of its own with gatehouse/crypto %s', (kind, install) => {
  const email = `${kind.slice(0, 6)}.${canaries.email}`;
  let project: string;
  let added: { id: string; subject_id: string };
  beforeAll(async () => {
    project = await makeProject(kind.slice(0, 6), install);
    added = await call(project, 'add', JSON.stringify({ email, name: canaries.plaintext, vat_id: 'PL 123' }));
  }, 120_000);

  test('stores nothing readable and finds and opens it again', async () => {
    const { rows } = await db.admin('select * from shop.customer where id = $1', [added.id]);
    expect(JSON.stringify(rows)).not.toContain(canaries.plaintext);
    expect([rows[0].email[0], rows[0].email[1], rows[0].vat_id[1], rows[0].email_bidx.length]).toEqual([
      1, 0, 4, 16,
    ]);
    expect(await call(project, 'find', ` ${email.toUpperCase()}`)).toEqual([
      { id: added.id, subject_id: added.subject_id, email, name: canaries.plaintext, vat_id: 'PL 123' },
    ]);
  }, 60_000);

  test('sees a tombstone once the house has erased the person; what is under the tenant’s key stays', async () => {
    const root = await createLocalProvider({
      file: join(folder, 'data/secrets/root-key'),
      passphrase,
      randomBytes: systemRandomBytes,
    });
    const none = async (): Promise<void> => undefined;
    const crypto = createCrypto({
      database: db.database,
      root,
      audit: () => ({ append: none, record: none }),
      clock: systemClock,
      randomBytes: systemRandomBytes,
      newId: () => uuidv7(Date.now(), systemRandomBytes),
      logger: silentLogger,
    });
    const why = {
      requestId: 'request-1',
      reason: 'gdpr.17.1.a',
      actor: { kind: 'system', id: 'x', displayName: 'x' },
    } as const;
    await db.database.withTenant(tenantId, (tx) => crypto.shred(tx, [parseSubjectId(added.subject_id)], why));
    await crypto.stop();
    expect(await call(project, 'show', added.id)).toEqual([
      expect.objectContaining({ email: { tombstone: true, requestId: 'request-1' }, vat_id: 'PL 123' }),
    ]);
  }, 60_000);

  test.each([
    ['the root key file is not there', { GATEHOUSE_DATA_DIR: '/nowhere' }, 'GATEHOUSE_DATA_DIR'],
    ['the passphrase is wrong', { GATEHOUSE_ROOT_KEY_PASSPHRASE: canaries.password }, 'ERR_CRYPTO_UNSEAL'],
    ['the tenant is no UUID', { SHOP_TENANT: 'acme' }, 'ERR_INVALID_ID'],
  ])(
    'says so when %s, without a secret',
    async (_, extra, says) => {
      const failure = await call(project, 'show', added.id, extra).then(
        () => '',
        (error: { stderr?: string }) => String(error.stderr),
      );
      expect(failure).toContain(says);
      expect(failure).not.toContain(canaries.password);
    },
    60_000,
  );
});
