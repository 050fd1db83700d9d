import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { auditEvents, createAudit } from '../audit/index.ts';
import { createCrypto, createLocalProvider, cryptoEvents } from '../crypto/index.ts';
import {
  createDatabase,
  deriveConnectionUrls,
  migrate,
  roleSecrets,
  startEmbeddedPostgres,
  type Tx,
} from '../db/index.ts';
import {
  parsePrincipalId,
  parseTenantId,
  Secret,
  silentLogger,
  systemClock,
  systemRandomBytes,
  uuidv7,
  type AuditSink,
  type Principal,
} from '../kernel/index.ts';
import { createPolicy, policyEvents } from '../policy/index.ts';
import { createHttpServer } from '../server/http.ts';
import { createMetrics } from '../server/metrics.ts';
import { migrationSources } from '../server/migration-sources.ts';
import type { BenchRow } from './row.ts';

/*
 * Decisions per second over HTTP. Ours: the house's HTTP adapter in a thread of its own, AuthZEN, each evaluation durable
 * in the log and inside a signed checkpoint before its answer, embedded PostgreSQL with fsync. Cerbos 0.55: its HTTP API,
 * policies on disk, audit off. The same rule, the same load generator (raw keep-alive sockets in this process), turns of
 * a few seconds each, the same machine. Limits: authentication is a look-up of one bearer token (identity is not part of
 * it); the load generator and PostgreSQL share the machine's cores with both; read the ratios.
 */
const turnMilliseconds = 4_000;
const batchSize = 50;
const newId = (): string => uuidv7(Date.now(), systemRandomBytes);

/** Runs both, in turns. */
export async function bench(): Promise<readonly BenchRow[]> {
  const ours = await startOurs();
  const cerbos = await startCerbos();
  try {
    const rows: BenchRow[] = [];
    for (const [connections, goal, times] of [
      [64, '>= 3x Cerbos', 3],
      [8, '>= 1.5x Cerbos', 1.5],
    ] as const) {
      const work = `one decision a call, recorded, ${connections} connections`;
      rows.push(await compare({ work, goal, times, connections, decisions: 1 }, ours.port, cerbos.port));
    }
    rows.push(
      await compare(
        {
          work: `batches of ${batchSize}, recorded, 8 connections`,
          goal: '>= 4x Cerbos',
          times: 4,
          connections: 8,
          decisions: batchSize,
        },
        ours.port,
        cerbos.port,
      ),
    );
    return rows;
  } finally {
    await cerbos.stop();
    await ours.stop();
  }
}

type Comparison = {
  readonly work: string;
  readonly goal: string;
  readonly times: number;
  readonly connections: number;
  readonly decisions: number;
};

async function compare(
  { work, goal, times, connections, decisions }: Comparison,
  ourPort: number,
  cerbosPort: number,
): Promise<BenchRow> {
  const mine =
    decisions === 1 ? post('/access/v1/evaluation', question(0)) : post('/access/v1/evaluations', batch());
  const theirs = post('/api/check/resources', cerbosQuestion(decisions));
  const measured: { ours: number[]; cerbos: number[] } = { ours: [], cerbos: [] };
  for (let turn = 0; turn < 3; turn += 1) {
    const us = await load(ourPort, mine, connections);
    const them = await load(cerbosPort, theirs, connections);
    if (turn === 0) continue; // warm up
    measured.ours.push(us * decisions);
    measured.cerbos.push(them * decisions);
  }
  const ours = Math.round(Math.max(...measured.ours));
  const peer = Math.round(Math.max(...measured.cerbos));
  return {
    work,
    unit: 'decisions/s',
    ours,
    bare: null,
    peers: { 'cerbos 0.55': peer },
    ratio: ours / peer,
    goal,
    holds: ours >= times * peer,
  };
}

const todo = (index: number) => ({
  type: 'todo',
  id: `todo-${index}`,
  properties: { ownerID: 'morty@the-citadel.com' },
});
const question = (index: number) => ({
  subject: { type: 'user', id: 'morty' },
  action: { name: 'can_update_todo' },
  resource: todo(index),
});
const batch = () => ({
  subject: { type: 'user', id: 'morty' },
  action: { name: 'can_update_todo' },
  evaluations: Array.from({ length: batchSize }, (_, index) => ({ resource: todo(index) })),
});
const cerbosQuestion = (count: number) => ({
  requestId: 'bench',
  principal: { id: 'morty', roles: ['editor'], attr: { email: 'morty@the-citadel.com' } },
  resources: Array.from({ length: count }, (_, index) => ({
    actions: ['can_update_todo'],
    resource: { kind: 'todo', id: `todo-${index}`, attr: { ownerID: 'morty@the-citadel.com' } },
  })),
});

function post(path: string, body: unknown): Buffer {
  const text = JSON.stringify(body);
  return Buffer.from(
    `POST ${path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer bench\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
}

/** Keeps every connection busy with one request at a time. @returns calls per second */
async function load(port: number, request: Buffer, connections: number): Promise<number> {
  const until = performance.now() + turnMilliseconds;
  const startedAt = performance.now();
  const counts = await Promise.all(Array.from({ length: connections }, () => drive(port, request, until)));
  return (counts.reduce((sum, count) => sum + count, 0) * 1_000) / (performance.now() - startedAt);
}

async function drive(port: number, request: Buffer, until: number): Promise<number> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true);
  await once(socket, 'connect');
  let count = 0;
  while (performance.now() < until) {
    socket.write(request);
    await response(socket);
    count += 1;
  }
  socket.destroy();
  return count;
}

/** Reads one answer; anything but 200 ends the bench. */
function response(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    const onData = (chunk: Buffer): void => {
      text += chunk.toString('latin1');
      const head = text.indexOf('\r\n\r\n');
      if (head < 0) return;
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? -1);
      const whole = length >= 0 ? text.length - head - 4 >= length : text.endsWith('0\r\n\r\n');
      if (!whole) return;
      socket.off('data', onData).off('error', reject);
      if (text.startsWith('HTTP/1.1 200') && /"decision": ?true|EFFECT_ALLOW/.test(text)) resolve();
      else reject(new Error(`unexpected answer: ${text.slice(0, 600)}`));
    };
    socket.on('data', onData).once('error', reject);
  });
}

type Running = { readonly port: number; readonly stop: () => Promise<void> };

async function startOurs(): Promise<Running> {
  const worker = new Worker(new URL(import.meta.url));
  const port = await new Promise<number>((resolve, reject) => {
    worker.once('message', resolve).once('error', reject);
  });
  return {
    port,
    stop: async () => {
      worker.postMessage('stop');
      await once(worker, 'exit');
    },
  };
}

async function serve(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-bench-'));
  await chmod(folder, 0o711);
  const server = await startEmbeddedPostgres({
    dataFolder: join(folder, 'postgres'),
    secretsFolder: join(folder, 'secrets'),
    logger: silentLogger,
  });
  const urls = deriveConnectionUrls(await server.createDatabase('gatehouse'));
  await migrate(urls.admin ?? urls.app, migrationSources, roleSecrets(urls));
  const database = createDatabase({ urls, logger: silentLogger });
  const shared = {
    database,
    clock: systemClock,
    newId,
    randomBytes: systemRandomBytes,
    logger: silentLogger,
  };
  const root = await createLocalProvider({
    file: join(folder, 'root-key'),
    passphrase: new Secret('a passphrase for the bench'),
    randomBytes: systemRandomBytes,
  });
  const crypto = createCrypto({ ...shared, root, audit: (): AuditSink<Tx> => audit });
  const audit = createAudit({
    ...shared,
    crypto,
    originPrefix: 'bench.example/log',
    definitions: [...policyEvents, ...cryptoEvents, ...auditEvents],
  });
  const policy = createPolicy({ ...shared, audit, fieldCatalog: () => null });
  const tenantId = parseTenantId(newId());
  await database.withSystem((tx) =>
    tx.run({
      sql: `insert into db.tenant (id, slug, name) values ($1, 'bench', 'bench')`,
      parameters: [tenantId],
    }),
  );
  await audit.start();
  await audit.ensureLog(tenantId);
  await database.withTenant(tenantId, async (tx) => {
    const by = { actor: { kind: 'system', id: 'bench', displayName: 'bench' } } as const;
    await policy.installRole(tx, 'pep', [{ action: 'policy.evaluate', subject: 'policy' }]);
    await policy.administration.putResourceType(tx, 'todo', [{ name: 'ownerID', type: 'text' }], by);
    const rules = [
      {
        action: 'can_update_todo',
        subject: 'todo',
        conditions: { ownerID: '${principal.attributes.email}' },
      },
    ];
    await policy.administration.putRole(tx, 'editor', { description: '', rules, builtIn: false }, by);
    await policy.administration.putSubject(
      tx,
      { type: 'user', id: 'morty', properties: { email: 'morty@the-citadel.com' }, roles: ['editor'] },
      by,
    );
  });
  const principal: Principal = Object.freeze({
    kind: 'service_account' as const,
    tenantId,
    id: parsePrincipalId(newId()),
    displayName: 'bench',
    email: null,
    roles: Object.freeze(['pep']),
    attributes: Object.freeze({}),
    assurance: { level: 1 as const, authenticatedAt: null, methods: [] },
    sessionId: null,
  }); // frozen, as identity gives it
  const http = await createHttpServer({
    routes: policy.routes,
    authorize: {
      authenticate: async ({ headers }) =>
        headers['authorization'] === 'Bearer bench' ? { principal } : null,
      decide: policy.decide,
      audit: audit as AuditSink, // it looks at no transaction
      now: systemClock.now,
    },
    logger: silentLogger,
    newId,
    metrics: createMetrics(),
    publicUrl: 'https://bench.example',
    trustProxy: false,
    extend: async () => undefined,
  });
  await http.listen({ port: 0, host: '127.0.0.1' });
  parentPort?.postMessage((http.server.address() as AddressInfo).port); // it listens on TCP
  parentPort?.once('message', () => void stop());
  const stop = async (): Promise<void> => {
    await http.close();
    await audit.stop();
    await crypto.stop();
    await database.close();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
    process.exit(0); // ends this thread only
  };
}

const cerbosPolicy = `apiVersion: api.cerbos.dev/v1
resourcePolicy:
  resource: todo
  version: default
  rules:
    - actions: [can_update_todo]
      effect: EFFECT_ALLOW
      roles: [editor]
      condition:
        match:
          expr: request.resource.attr.ownerID == request.principal.attr.email
`;

async function startCerbos(): Promise<Running> {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-cerbos-'));
  await mkdir(join(folder, 'policies'));
  await writeFile(join(folder, 'policies', 'todo.yaml'), cerbosPolicy);
  const [port, grpcPort] = [await freePort(), await freePort()];
  const settings = `server:\n  httpListenAddr: "127.0.0.1:${port}"\n  grpcListenAddr: "127.0.0.1:${grpcPort}"\nstorage:\n  driver: disk\n  disk:\n    directory: ${join(folder, 'policies')}\ntelemetry:\n  disabled: true\naudit:\n  enabled: false\n`;
  await writeFile(join(folder, 'config.yaml'), settings);
  const binary = createRequire(import.meta.url).resolve('@cerbos/cerbos-linux-x64/cerbos-linux-x64');
  const child = spawn(binary, ['server', `--config=${join(folder, 'config.yaml')}`, '--log-level=error'], {
    stdio: 'ignore',
  });
  for (let attempt = 0; ; attempt += 1) {
    const ready = await fetch(`http://127.0.0.1:${port}/_cerbos/health`).then(
      (answer) => answer.ok,
      () => false,
    );
    if (ready) break;
    if (attempt === 100) throw new Error('Cerbos did not start');
    await new Promise((wake) => setTimeout(wake, 100));
  }
  return {
    port,
    stop: async () => {
      const ended = once(child, 'exit');
      child.kill();
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo; // it listens on TCP
  probe.close();
  await once(probe, 'close');
  return port;
}

if (!isMainThread) await serve();
