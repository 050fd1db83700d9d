import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { z } from 'zod';
import {
  createAudit,
  createTreeWriter,
  formatEntryBundle,
  leafHash,
  nodeHash,
  noteKeyTypes,
  parseEntryBundle,
  signCheckpoint,
  verifyLog,
  type Audit,
  type FullTile,
} from '../audit/index.ts';
import { createCopyWriter } from '../audit/copy-writer.ts';
import { createLeaf } from '../audit/leaf.ts';
import { createCrypto, createLocalProvider, cryptoEvents } from '../crypto/index.ts';
import {
  createDatabase,
  deriveConnectionUrls,
  migrate,
  roleSecrets,
  startEmbeddedPostgres,
  statement,
  type Database,
} from '../db/index.ts';
import {
  defineEvent,
  parsePrincipalId,
  parseTenantId,
  Secret,
  silentLogger,
  systemClock,
  systemRandomBytes,
  uuidv7,
  type AuditEvent,
  type Principal,
  type TenantId,
} from '../kernel/index.ts';
import { migrationSources } from '../server/migration-sources.ts';
import type { BenchRow } from './row.ts';

// Measures: events per second that producers get acknowledged (durable, in a signed checkpoint), each producer waiting for
// its event before the next; beside it the same loop with the same rows, columns and indexes through the same binary COPY,
// without hash, tree, tile, checkpoint and signature, one round trip a batch as ours. Both run in turns on one embedded PostgreSQL with fsync on.
// Limits: producers, writer and both loops share one process; the table grows during the run, for both alike.

const sliceMilliseconds = Number(process.env['GATEHOUSE_BENCH_SLICE_MS'] ?? 2_000);
const rounds = 3;
const newId = (): string => uuidv7(Date.now(), systemRandomBytes);

const probed = defineEvent({
  action: 'contacts.contact_read',
  version: 1,
  category: 'data',
  summary: 'A contact was read.',
  detail: z.strictObject({ fields: z.array(z.string().max(50)).max(50), purpose: z.string().max(50) }),
  ocsf: { classUid: 6005, activityId: 1 },
});

type Rate = { readonly perSecond: number; readonly p50: number; readonly p99: number };
type House = {
  readonly audit: Audit;
  readonly database: Database;
  readonly tenant: TenantId;
  readonly plain: (event: AuditEvent) => Promise<void>;
  readonly close: () => Promise<void>;
};

/** Frozen, as identity gives them. */
function principal(tenantId: TenantId, sessionId: string): Principal {
  return Object.freeze({
    kind: 'user' as const,
    tenantId,
    id: parsePrincipalId(newId()),
    displayName: 'Bench Person',
    email: 'bench@example.com',
    roles: [],
    attributes: {},
    assurance: { level: 2 as const, authenticatedAt: null, methods: ['pwd', 'otp'] },
    sessionId,
  });
}

function eventOf(tenantId: TenantId, actor: Principal): AuditEvent<typeof probed.detail> {
  return {
    definition: probed,
    tenantId,
    outcome: 'success',
    actor,
    targets: [{ type: 'contacts.contact', id: newId() }],
    detail: { fields: ['email', 'phone', 'region', 'lifecycle'], purpose: 'support' },
    decision: { engine: 'casl', revision: 'r42', rule: 'marketer.region', obligations: ['mask:email'] },
    call: {
      requestId: newId(),
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      origin: { ip: '192.0.2.10', userAgent: 'Mozilla/5.0 (bench)', service: 'gateway' },
    },
  };
}

async function openHouse(): Promise<House> {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-audit-bench-'));
  await chmod(folder, 0o711);
  const server = await startEmbeddedPostgres({
    dataFolder: join(folder, 'postgres'),
    secretsFolder: join(folder, 'secrets'),
    logger: silentLogger,
    settings: ['shared_buffers=512MB', 'max_wal_size=4GB'],
  });
  const url = await server.createDatabase('bench');
  const urls = deriveConnectionUrls(url);
  await migrate(
    url,
    migrationSources.filter(({ room }) => ['db', 'crypto', 'audit'].includes(room)),
    roleSecrets(urls),
  );
  const admin = new pg.Client({ connectionString: url });
  await admin.connect();
  const tenant = parseTenantId(newId());
  await admin.query(`insert into db.tenant (id, slug, name) values ('${tenant}', 'bench', 'Bench')`);
  await admin.query(
    'create table audit.bench_plain (like audit.entry including all); grant insert, select on audit.bench_plain to gatehouse_sequencer',
  );
  await admin.end();
  const database = createDatabase({ urls, logger: silentLogger });
  const root = await createLocalProvider({
    file: join(folder, 'root'),
    passphrase: new Secret('a passphrase for benches'),
    randomBytes: systemRandomBytes,
    costLog2: 14,
  });
  const common = {
    database,
    clock: systemClock,
    newId,
    randomBytes: systemRandomBytes,
    logger: silentLogger,
  };
  const crypto = createCrypto({ ...common, root, recordProviderCalls: false, audit: () => audit });
  const audit: Audit = createAudit({
    ...common,
    crypto,
    originPrefix: 'bench.example/log',
    definitions: [probed, ...cryptoEvents],
  });
  await audit.ensureLog(tenant);
  const close = async (): Promise<void> => {
    await audit.stop();
    await crypto.stop();
    await database.close();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
  return { audit, database, tenant, plain: createPlainWriter(database), close };
}

const copyPlain = statement(
  'bench.copy_plain',
  'copy audit.bench_plain (tenant_id, seq, id, occurred_at, received_at, action, outcome, actor_id, targets, idempotency_key, leaf_hash, body) from stdin (format binary)',
);

/** The reference: bodies, rows and group commit of ours; no hash, no tree, no signature, no head. */
function createPlainWriter(database: Database): (event: AuditEvent) => Promise<void> {
  const noHash = Buffer.alloc(32);
  let queue = { rows: createCopyWriter(), done: [] as (() => void)[] };
  let seq = 0;
  let running = false;
  const run = async (): Promise<void> => {
    const pipeline = await database.sequencerPipeline();
    while (queue.done.length > 0) {
      const batch = queue;
      queue = { rows: createCopyWriter(), done: [] };
      await pipeline.run([{ kind: 'copy', statement: copyPlain, rows: batch.rows.finish() }]);
      for (const resolve of batch.done) resolve(); // they run once the next batch is on its way
    }
    running = false;
    pipeline.release();
  };
  return (event) =>
    new Promise((resolve) => {
      const commitments = { actor: '0'.repeat(64), origin: '0'.repeat(64) };
      const leaf = createLeaf(
        event,
        {
          id: newId(),
          receivedAt: new Date(),
          detail: { kind: 'inline', json: JSON.stringify(event.detail) },
          commitments,
        },
        () => noHash,
      );
      const { rows } = queue;
      rows.row(12);
      rows.uuid(event.tenantId);
      rows.bigint(seq++);
      rows.uuid(leaf.id);
      rows.timestamp(leaf.occurredAt);
      rows.timestamp(leaf.receivedAt);
      rows.text(leaf.action);
      rows.text(leaf.outcome);
      rows.text(leaf.actorId);
      rows.text(leaf.targets);
      rows.text(null);
      rows.bytes(noHash);
      rows.bytes(leaf.body);
      queue.done.push(resolve);
      if (running) return;
      running = true;
      void run();
    });
}

/** So many producers, each waiting for its acknowledgement before its next event. */
async function drive(
  producers: number,
  write: (event: AuditEvent) => Promise<void>,
  make: (producer: number) => AuditEvent,
): Promise<Rate> {
  const latencies: number[] = [];
  const start = performance.now();
  const end = start + sliceMilliseconds;
  const produce = async (producer: number): Promise<void> => {
    for (let at = performance.now(); at < end;) {
      await write(make(producer));
      const now = performance.now();
      latencies.push(now - at);
      at = now;
    }
  };
  await Promise.all(Array.from({ length: producers }, (_, producer) => produce(producer)));
  const seconds = (performance.now() - start) / 1_000;
  latencies.sort((a, b) => a - b);
  const at = (part: number): number =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * part))] ?? 0;
  return { perSecond: latencies.length / seconds, p50: at(0.5), p99: at(0.99) };
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

async function benchAppend(house: House, producers: number): Promise<readonly BenchRow[]> {
  const actors = Array.from({ length: 50 }, () => principal(house.tenant, newId()));
  const make = (producer: number): AuditEvent =>
    eventOf(house.tenant, actors[producer % actors.length] as Principal); // in range
  const { plain } = house;
  await drive(producers, house.audit.record, make); // warm
  await drive(producers, plain, make);
  const [ours, bare]: [Rate[], Rate[]] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    ours.push(await drive(producers, house.audit.record, make));
    bare.push(await drive(producers, plain, make));
  }
  const rate = median(ours.map(({ perSecond }) => perSecond));
  const reference = median(bare.map(({ perSecond }) => perSecond));
  const [p50, p99] = [median(ours.map((one) => one.p50)), median(ours.map((one) => one.p99))];
  const ratio = rate / reference;
  return [
    {
      work: `append, ${producers} producers`,
      unit: 'events/s',
      ours: rate,
      bare: reference,
      peers: {},
      ratio,
      goal: '>= 0.95 of the same COPY without hash, tree, signature',
      holds: ratio >= 0.95,
    },
    {
      work: `acknowledgement p50, ${producers} producers`,
      unit: 'ms',
      ours: p50,
      bare: median(bare.map((one) => one.p50)),
      peers: {},
      ratio: null,
      goal: '',
      holds: null,
    },
    {
      work: `acknowledgement p99, ${producers} producers`,
      unit: 'ms',
      ours: p99,
      bare: median(bare.map((one) => one.p99)),
      peers: {},
      ratio: null,
      goal: '< 40 ms at 1,000 producers',
      holds: producers < 1_000 ? null : p99 < 40,
    },
  ];
}

async function benchSealed(house: House): Promise<BenchRow> {
  const people = Array.from({ length: 50 }, () => principal(house.tenant, newId()));
  for (const actor of people) await house.audit.record(eventOf(house.tenant, actor));
  const make = (producer: number): AuditEvent =>
    eventOf(house.tenant, { ...(people[producer % people.length] as Principal), sessionId: newId() }); // in range
  const rate = await drive(256, house.audit.record, make);
  return {
    work: 'append, new sealed groups each time, 256 producers',
    unit: 'events/s',
    ours: rate.perSecond,
    bare: null,
    peers: {},
    ratio: null,
    goal: '>= 35,000/s',
    holds: rate.perSecond >= 35_000,
  };
}

async function benchIdle(house: House): Promise<BenchRow> {
  const actor = principal(house.tenant, newId());
  const rate = await drive(1, house.audit.record, () => eventOf(house.tenant, actor));
  return {
    work: 'acknowledgement p99, one producer',
    unit: 'ms',
    ours: rate.p99,
    bare: null,
    peers: {},
    ratio: null,
    goal: '< 3 ms',
    holds: rate.p99 < 3,
  };
}

async function benchSearch(house: House): Promise<BenchRow> {
  const times: number[] = [];
  for (let round = 0; round < 60; round += 1) {
    const start = performance.now();
    await house.database.withTenant(
      house.tenant,
      (tx) => house.audit.search(tx, { action: 'contacts.*', outcome: 'success', limit: 50 }),
      { readOnly: true },
    );
    times.push(performance.now() - start);
  }
  const p95 = times.toSorted((a, b) => a - b)[57] ?? 0;
  const size = (await house.database.withTenant(house.tenant, house.audit.head))?.size ?? 0;
  return {
    work: `filtered page of ${Math.round(size / 1_000)} thousand events, p95`,
    unit: 'ms',
    ours: p95,
    bare: null,
    peers: {},
    ratio: null,
    goal: '< 20 ms of ten million',
    holds: p95 < 20,
  };
}

/** Bundles and tiles in memory, as from a disk cache; the bare primitive is the hashes that RFC 6962 asks for. */
async function benchVerify(): Promise<BenchRow> {
  const tenant = parseTenantId(newId());
  const actor = principal(tenant, newId());
  const commitments = { actor: 'a'.repeat(64), origin: 'b'.repeat(64) };
  const entries = Array.from(
    { length: 100_096 },
    () =>
      createLeaf(eventOf(tenant, actor), {
        id: newId(),
        receivedAt: new Date(),
        detail: { kind: 'inline', json: '{"purpose":"support"}' },
        commitments,
      }).body,
  );
  const bundles: Buffer[] = [];
  for (let at = 0; at < entries.length; at += 256)
    bundles.push(formatEntryBundle(entries.slice(at, at + 256)));
  const tree = createTreeWriter();
  const tiles = new Map<string, FullTile>();
  for (const entry of entries)
    tree.append(leafHash(entry), (tile) => tiles.set(`${tile.level}/${tile.index}`, tile));
  const verifier = {
    name: 'bench.example/log',
    type: noteKeyTypes.ed25519,
    keyId: Buffer.alloc(4),
    verify: () => true,
  };
  const head = signCheckpoint(
    { origin: verifier.name, size: entries.length, root: tree.root() },
    { ...verifier, sign: () => Buffer.alloc(64) },
  );
  const source = {
    verifiers: [verifier],
    head,
    entries: async function* () {
      for (const [index, bundle] of bundles.entries())
        for (const [at, body] of parseEntryBundle(bundle).entries()) yield { seq: index * 256 + at, body };
    },
    tile: async (level: number, index: number) => tiles.get(`${level}/${index}`) ?? null,
    checkpoints: async function* () {},
  };
  const perSecond = async (work: () => Promise<void>): Promise<number> => {
    const start = performance.now();
    await work();
    return entries.length / ((performance.now() - start) / 1_000);
  };
  const [ours, bare]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds + 1; round += 1) {
    ours.push(
      await perSecond(async () => {
        const report = await verifyLog(source);
        if (report.findings.length > 0) throw new Error(report.findings[0]?.message);
      }),
    );
    bare.push(
      await perSecond(
        async () => void entries.reduce((node, entry) => nodeHash(node, leafHash(entry)), Buffer.alloc(32)),
      ),
    );
  }
  const [rate, reference] = [median(ours.slice(1)), median(bare.slice(1))];
  return {
    work: 'offline verification',
    unit: 'events/s',
    ours: rate,
    bare: reference,
    peers: {},
    ratio: rate / reference,
    goal: '>= 200,000/s',
    holds: rate >= 200_000,
  };
}

/** The log, in ratios to plain PostgreSQL. */
export async function bench(): Promise<readonly BenchRow[]> {
  const house = await openHouse();
  try {
    return [
      ...(await benchAppend(house, 256)),
      ...(await benchAppend(house, 1_024)),
      await benchSealed(house),
      await benchIdle(house),
      await benchSearch(house),
      await benchVerify(),
    ];
  } finally {
    await house.close();
  }
}
