import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDatabase, deriveConnectionUrls, freePort } from '../../db/index.ts';
import { Secret, silentLogger } from '../../kernel/index.ts';
import { compose, readConfig, seedDemo, type Bootstrap, type House } from '../../server/index.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';

/** A whole house on a database of its own, listening on loopback, with the demo tenants. */
export type TestHouse = {
  readonly url: string;
  readonly house: House;
  readonly db: TestDatabase;
  /** What commands that open the house themselves need: data folder, database, passphrase. */
  readonly environment: Readonly<Record<string, string>>;
  readonly tenants: Bootstrap['tenants'];
  /** Calls the API as a service account of a tenant. */
  readonly as: (slug: string, role: string) => Promise<Caller>;
  readonly close: () => Promise<void>;
};

/** Calls with one principal's token. */
export type Caller = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<Answer>;
/** What came back; `body` is parsed when it is JSON. */
// oxlint-disable-next-line typescript/no-explicit-any -- tests read answers of every shape
export type Answer = { readonly status: number; readonly headers: Headers; readonly body: any };

const passphrase = 'test passphrase of a test house';

/** @param options - contacts generated for each demo tenant; default 40 */
export async function startTestHouse(options: { readonly contacts?: number } = {}): Promise<TestHouse> {
  const db = await createTestDatabase();
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-house-'));
  const secretsPath = join(folder, 'secrets');
  await mkdir(secretsPath, { mode: 0o700 });
  const port = await freePort();
  const config = readConfig({
    GATEHOUSE_PORT: String(port),
    GATEHOUSE_DATA_DIR: folder,
    GATEHOUSE_DEMO_CONTACTS: String(options.contacts ?? 40),
    GATEHOUSE_LOG_LEVEL: 'silent',
  });
  const database = createDatabase({ urls: deriveConnectionUrls(db.adminUrl), logger: silentLogger });
  const house = await compose({
    config,
    secretsPath,
    database,
    logger: silentLogger,
    consoleFolder: null,
    passphrase: new Secret(passphrase),
  });
  await house.start();
  const tenants = await seedDemo(house, { secretsPath }, config);
  await house.http.listen({ host: '127.0.0.1', port });
  return {
    url: config.publicUrl,
    house,
    db,
    environment: {
      GATEHOUSE_DATA_DIR: folder,
      GATEHOUSE_DATABASE_URL: db.adminUrl,
      GATEHOUSE_ROOT_KEY_PASSPHRASE: passphrase,
      GATEHOUSE_URL: config.publicUrl,
    },
    tenants: [...tenants],
    as: (slug, role) => serviceCaller(config.publicUrl, tenants, slug, role),
    close: async () => {
      await house.http.close();
      await house.stop();
      await database.close();
      await db.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function serviceCaller(
  url: string,
  tenants: readonly Bootstrap['tenants'][number][],
  slug: string,
  role: string,
): Promise<Caller> {
  const account = tenants
    .find((tenant) => tenant.slug === slug)
    ?.serviceAccounts.find((one) => one.name === `svc-${role}`);
  if (account === undefined) throw new Error(`no service account svc-${role} in ${slug}`);
  const response = await fetch(`${url}/oidc/token`, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      authorization: `Basic ${Buffer.from(`${encodeURIComponent(account.clientId)}:${encodeURIComponent(account.clientSecret)}`).toString('base64')}`,
    },
    body: new URLSearchParams({ grant_type: 'client_credentials', resource: url }),
  });
  const { access_token: token } = (await response.json()) as { access_token?: string }; // RFC 6749 section 5.1
  if (token === undefined) throw new Error(`no token for svc-${role}: ${response.status}`);
  return (method, path, body, headers = {}) =>
    call(url, method, path, body, { authorization: `Bearer ${token}`, ...headers });
}

/** One HTTP call to a house. */
export async function call(
  url: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const response = await fetch(`${url}${path}`, {
    method,
    redirect: 'manual',
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = /json/.test(response.headers.get('content-type') ?? '');
  return {
    status: response.status,
    headers: response.headers,
    body: isJson && text !== '' ? JSON.parse(text) : text,
  };
}
