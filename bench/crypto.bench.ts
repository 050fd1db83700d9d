import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  randomBytes,
  randomUUID,
} from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createCrypto,
  createLocalProvider,
  type Crypto,
  type EncryptionPlan,
  type FieldContext,
} from '../crypto/index.ts';
import {
  createDatabase,
  deriveConnectionUrls,
  migrate,
  roleSecrets,
  startEmbeddedPostgres,
  type Database,
  type Tx,
} from '../db/index.ts';
import {
  parseSubjectId,
  parseTenantId,
  platformTenantId,
  Secret,
  silentLogger,
  systemClock,
  systemRandomBytes,
  uuidv7,
} from '../kernel/index.ts';
import { migrationSources } from '../server/migration-sources.ts';
import { fileRows } from './crypto-files.ts';
import { measure, round, type Work } from './crypto-measure.ts';
import { makePeers } from './crypto-peers.ts';
import type { BenchRow } from './row.ts';

/*
 * Measures CPU microseconds per operation through the public API inside one open transaction with the key cached. Limits: one core's worth of one process; the database
 * is left out except where the row says "with SQL". The machine is
 * usually shared: read the ratios.
 */
const context: FieldContext = {
  service: 'contacts',
  collection: 'contact',
  field: 'email',
  rowId: randomUUID(),
  purpose: 'subject',
};
const field = (
  name: string,
  indexes: EncryptionPlan['fields'][number]['indexes'] = [],
  column = name,
): EncryptionPlan['fields'][number] => ({
  field: name,
  column,
  type: 'text',
  scope: 'subject',
  indexes,
});
const emailIndexes = [
  { name: 'exact', kind: 'exact', normaliser: 'email', column: 'email_bidx', bits: 128 },
  { name: 'domain', kind: 'domain', normaliser: 'email', column: 'email_domain_bidx', bits: 24 },
] as const;
const phoneIndexes = [
  { name: 'exact', kind: 'exact', normaliser: 'phone', column: 'phone_bidx', bits: 128 },
] as const;
const base = { service: 'contacts', collection: 'contact', rowIdField: 'id', subjectField: 'subject_id' };
const contactPlan: EncryptionPlan = {
  ...base,
  fields: [
    field('email', emailIndexes),
    field('phone', phoneIndexes),
    field('first_name'),
    field('last_name'),
    field('city'),
  ],
};
const makeContacts = (count: number): Record<string, unknown>[] =>
  Array.from({ length: count }, (_, index) => ({
    id: randomUUID(),
    subject_id: randomUUID(),
    email: `person.${index}@example.com`,
    phone: `+48 600 ${100_000 + index}`,
    first_name: 'Katarzyna',
    last_name: 'Wiśniewska',
    city: 'Bydgoszcz',
    region: 'eu',
  }));

/** Ratios of this room's goals. */
export async function bench(): Promise<readonly BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-bench-crypto-'));
  await chmod(folder, 0o711);
  const server = await startEmbeddedPostgres({
    dataFolder: join(folder, 'postgres'),
    secretsFolder: join(folder, 'secrets'),
    logger: silentLogger,
    settings: ['fsync=off'],
  });
  try {
    const url = await server.createDatabase('bench');
    await migrate(url, migrationSources, roleSecrets(deriveConnectionUrls(url)));
    const database = createDatabase({ urls: deriveConnectionUrls(url), logger: silentLogger });
    const rootCalls = { count: 0 };
    const crypto = await makeCrypto(database, folder, rootCalls);
    const rows = await measureAll(database, crypto, rootCalls);
    await crypto.stop();
    await database.close();
    return rows;
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

type RootCalls = { count: number };

async function makeCrypto(database: Database, folder: string, rootCalls: RootCalls): Promise<Crypto> {
  const passphrase = new Secret('a passphrase for a bench only');
  const root = await createLocalProvider({
    file: join(folder, 'root'),
    passphrase,
    randomBytes: systemRandomBytes,
    costLog2: 14,
  });
  const none = async (): Promise<void> => undefined;
  return createCrypto({
    database,
    root: {
      ...root,
      wrap: (...input) => ((rootCalls.count += 1), root.wrap(...input)),
      unwrap: (...input) => ((rootCalls.count += 1), root.unwrap(...input)),
    },
    audit: () => ({ append: none, record: none }),
    clock: systemClock,
    randomBytes: systemRandomBytes,
    newId: () => uuidv7(Date.now(), systemRandomBytes),
    logger: silentLogger,
  });
}

async function measureAll(
  database: Database,
  crypto: Crypto,
  rootCalls: RootCalls,
): Promise<readonly BenchRow[]> {
  const tenantId = parseTenantId(platformTenantId);
  await crypto.warm(tenantId);
  const inTransaction = <T>(work: (tx: Tx) => Promise<T>): Promise<T> =>
    database.withTenant(tenantId, work, { statementTimeoutMilliseconds: 600_000 });
  return [
    ...(await inTransaction((tx) => fieldRows(tx, crypto))),
    ...(await inTransaction((tx) => rowRows(tx, crypto))),
    ...(await inTransaction((tx) => indexRows(tx, crypto))),
    ...(await inTransaction((tx) => fileRows(tx, crypto, { kind: 'tenant', purpose: 'files' }, context))),
    await inTransaction((tx) => millionRow(tx, crypto, rootCalls)),
    ...(await bulkRows(inTransaction, crypto)),
    await rewrapRow(tenantId, crypto),
  ];
}

async function fieldRows(tx: Tx, crypto: Crypto): Promise<readonly BenchRow[]> {
  const plaintext = randomBytes(256);
  const scope = { kind: 'subject', subjectId: parseSubjectId(randomUUID()) } as const;
  const sealed = await crypto.seal(tx, scope, context, plaintext);
  const bare = bareCipher(plaintext);
  const peers = await makePeers(plaintext);
  const others = Object.entries(peers);
  const result = await measure({
    seal: () => crypto.seal(tx, scope, context, plaintext),
    bareSeal: bare.seal,
    open: () => crypto.open(tx, context, sealed),
    bareOpen: bare.open,
  });
  // Apart, because what they leave to the garbage collector would be paid by everybody.
  const theirs = await measure<string>(
    Object.fromEntries(
      others.flatMap(([name, { seal, open }]) => [
        [`${name}/seal`, seal],
        [`${name}/open`, open],
      ]),
    ),
  );
  const peerValues = (verb: string): Record<string, number> =>
    Object.fromEntries(others.map(([name]) => [name, theirs[`${name}/${verb}`] ?? 0]));
  const sealGoal = 'bare createCipheriv with a KeyObject';
  const openGoal = 'bare createDecipheriv with a KeyObject';
  return [
    row('seal field of 256 bytes', 'us', result.seal, result.bareSeal, 1.5, peerValues('seal'), sealGoal),
    row('open field of 256 bytes', 'us', result.open, result.bareOpen, 1.6, peerValues('open'), openGoal),
  ];
}

function bareCipher(plaintext: Buffer): { readonly seal: Work; readonly open: Work } {
  const key = createSecretKey(randomBytes(32));
  const associatedData = randomBytes(100);
  const nonces = randomBytes(12 * 1_024);
  let at = 0;
  const nextNonce = (): Buffer => nonces.subarray((at = (at + 12) % 12_276), at + 12);
  const seal = (nonce: Buffer): readonly Buffer[] => {
    const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 });
    cipher.setAAD(associatedData);
    return [cipher.update(plaintext), cipher.final(), cipher.getAuthTag()];
  };
  const nonce = randomBytes(12);
  const [sealed = Buffer.alloc(0), , tag = Buffer.alloc(0)] = seal(nonce);
  const open = (): Buffer => {
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 });
    decipher.setAAD(associatedData);
    decipher.setAuthTag(tag);
    const opened = decipher.update(sealed);
    decipher.final();
    return opened;
  };
  return { seal: () => seal(nextNonce()), open };
}

async function rowRows(tx: Tx, crypto: Crypto): Promise<readonly BenchRow[]> {
  const scope = { kind: 'subject', subjectId: parseSubjectId(randomUUID()) } as const;
  const names = ['email', 'phone', 'first_name', 'last_name', 'city'];
  const values = new Map(names.map((name) => [name, randomBytes(24)]));
  const one = randomBytes(24);
  const packed = await crypto.sealRow(tx, scope, context, values);
  const single = await crypto.seal(tx, scope, context, one);
  const result = await measure({
    sealRow: () => crypto.sealRow(tx, scope, context, values),
    sealField: () => crypto.seal(tx, scope, context, one),
    openRow: () => crypto.openRow(tx, context, packed),
    openField: () => crypto.open(tx, context, single),
  });
  return [
    row('seal packed row of 5 fields', 'us', result.sealRow, result.sealField, 2, {}, 'sealing one field'),
    row('open packed row of 5 fields', 'us', result.openRow, result.openField, 2, {}, 'opening one field'),
  ];
}

async function indexRows(tx: Tx, crypto: Crypto): Promise<readonly BenchRow[]> {
  const key = createSecretKey(randomBytes(32));
  const value = 'katarzyna.wisniewska@example.com';
  const result = await measure({
    index: () => crypto.indexTerms(tx, contactPlan, 'email', 'exact', value),
    bare: () => createHmac('sha256', key).update(value, 'utf8').digest(),
  });
  return [
    row(
      'blind index of an e-mail address',
      'us',
      result.index,
      result.bare,
      1.25,
      {},
      'bare createHmac with a KeyObject',
    ),
  ];
}

/** Counts calls, from the tenant's first key on: `warm` above already made the one. */
async function millionRow(tx: Tx, crypto: Crypto, rootCalls: RootCalls): Promise<BenchRow> {
  const plaintext = randomBytes(32);
  const scopes = Array.from({ length: 1_000 }, () => ({
    kind: 'subject' as const,
    subjectId: parseSubjectId(randomUUID()),
  }));
  for (const scope of scopes)
    for (let index = 0; index < 1_000; index += 1) await crypto.seal(tx, scope, context, plaintext);
  return {
    work: 'calls to the root for 1,000,000 fields of one tenant, 1,000 people',
    unit: 'calls',
    ours: rootCalls.count,
    bare: null,
    peers: {},
    ratio: null,
    goal: 'exactly 1',
    holds: rootCalls.count === 1,
  };
}

async function bulkRows(
  inTransaction: <T>(work: (tx: Tx) => Promise<T>) => Promise<T>,
  crypto: Crypto,
): Promise<readonly BenchRow[]> {
  const batch = 5_000;
  const rates: { readonly cpu: number; readonly wall: number }[] = [];
  let sealed: Record<string, unknown>[] = [];
  for (let turn = 0; turn < 5; turn += 1) {
    const contacts = makeContacts(batch);
    const before = process.cpuUsage();
    const startedAt = performance.now();
    sealed = await inTransaction((tx) => crypto.sealRows(tx, contactPlan, contacts));
    const used = process.cpuUsage(before);
    rates.push({
      cpu: (batch / (used.user + used.system)) * 1e6,
      wall: (batch / (performance.now() - startedAt)) * 1e3,
    });
  }
  const opening = await inTransaction(async (tx) => {
    const before = process.cpuUsage();
    await crypto.openRows(tx, contactPlan, sealed, ['email', 'phone', 'first_name', 'last_name', 'city']);
    const used = process.cpuUsage(before);
    return (batch / (used.user + used.system)) * 1e6;
  });
  const best = (name: 'cpu' | 'wall'): number => Math.round(Math.max(...rates.map((rate) => rate[name])));
  const goal = '>= 20,000 rows per CPU second, new key a person, 5 fields, 3 indexes';
  return [
    {
      ...rate('seal new contacts in bulk, CPU of this process', best('cpu'), 20_000, goal),
      bare: await bareRowRate(),
    },
    rate(
      'seal new contacts in bulk with SQL, wall',
      best('wall'),
      null,
      'for the record: keys inserted in PostgreSQL',
    ),
    rate(
      'open contacts in bulk, CPU of this process',
      Math.round(opening),
      null,
      'for the record: cached keys, 5 fields',
    ),
  ];
}

/** The node primitives of one such row and nothing else: 6 ciphers, 3 HMAC-SHA-256, 2 HMAC-SHA-512, 2 new KeyObjects. */
async function bareRowRate(): Promise<number> {
  const cipher = bareCipher(randomBytes(24));
  const key = createSecretKey(randomBytes(32));
  const { work } = await measure({
    work: () => {
      for (let index = 0; index < 6; index += 1) cipher.seal();
      for (let index = 0; index < 3; index += 1)
        createHmac('sha256', key).update('katarzyna@example.com', 'utf8').digest();
      const material = createSecretKey(randomBytes(32));
      createSecretKey(createHmac('sha512', material).update('label').digest().subarray(0, 32));
      return createHmac('sha512', material).update('label').digest();
    },
  });
  return Math.round(1e6 / work);
}

async function rewrapRow(tenantId: ReturnType<typeof parseTenantId>, crypto: Crypto): Promise<BenchRow> {
  globalThis.gc?.();
  const before = process.cpuUsage();
  const progress = await crypto.rotate(tenantId, {
    actor: { kind: 'system', id: 'bench', displayName: 'bench' },
    batchSize: 10_000,
  });
  const used = process.cpuUsage(before);
  const perSecond = Math.round((progress.rewrapped / (used.user + used.system)) * 1e6);
  return rate(
    'rewrap data keys, CPU of this process',
    perSecond,
    60_000,
    '>= 60,000 keys per CPU second, SQL client work included',
  );
}

function rate(work: string, ours: number, least: number | null, goal: string): BenchRow {
  const ratio = least === null ? null : round(ours / least);
  return {
    work,
    unit: 'rows/s',
    ours,
    bare: null,
    peers: {},
    ratio,
    goal,
    holds: least === null ? null : ours >= least,
  };
}

function row(
  work: string,
  unit: string,
  ours: number,
  bare: number,
  most: number,
  peers: BenchRow['peers'],
  against: string,
): BenchRow {
  const ratio = round(ours / bare);
  return { work, unit, ours, bare, peers, ratio, goal: `<= ${most} of ${against}`, holds: ratio <= most };
}
