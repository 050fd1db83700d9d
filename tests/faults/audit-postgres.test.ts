import { spawnSync } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { createAudit, verifyDatabase, verifyPlatform, type Audit } from '../../audit/index.ts';
import { createCrypto, createLocalProvider, type Crypto } from '../../crypto/index.ts';
import {
  createDatabase,
  deriveConnectionUrls,
  migrate,
  roleSecrets,
  startEmbeddedPostgres,
  type Database,
  type EmbeddedPostgres,
} from '../../db/index.ts';
import {
  parseTenantId,
  Secret,
  silentLogger,
  systemClock,
  systemRandomBytes,
  type TenantId,
} from '../../kernel/index.ts';
import { migrationSources } from '../../server/index.ts';
import { createEvent, createPrincipal, newId, probed } from '../audit/fixture.ts';
import { testUnless } from '../support/skip.ts';
import { startTcpRelay, type TcpRelay } from '../support/tcp-relay.ts';

/** Rounds of SIGKILL; more in a long run. */
const rounds = Number(process.env['GATEHOUSE_FAULT_ROUNDS'] ?? 4);

type Stage = {
  server: EmbeddedPostgres;
  readonly relay: TcpRelay;
  readonly database: Database;
  readonly audit: Audit;
  readonly crypto: Crypto;
  readonly tenant: TenantId;
  readonly admin: <Row>(text: string, values?: readonly unknown[]) => Promise<readonly Row[]>;
  readonly restart: () => Promise<void>;
  readonly close: () => Promise<void>;
};

/** A server of its own behind a relay, so that it may come back on another port. */
async function createStage(dataFolder: string, folder: string): Promise<Stage> {
  const start = () =>
    startEmbeddedPostgres({
      dataFolder,
      secretsFolder: join(folder, 'secrets'),
      logger: silentLogger,
      settings: ['shared_buffers=16MB', 'max_wal_size=64MB', 'min_wal_size=32MB'],
    });
  let server = await start();
  const relay = await startTcpRelay(server.port);
  const direct = await server.createDatabase('faults');
  await migrate(
    direct,
    migrationSources.filter(({ room }) => ['db', 'crypto', 'datamap', 'audit'].includes(room)),
    roleSecrets(deriveConnectionUrls(direct)),
  );
  const admin = async <Row>(text: string, values: readonly unknown[] = []) => {
    const url = new URL(direct);
    url.port = String(server.port);
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    try {
      return (await client.query(text, [...values])).rows as Row[];
    } finally {
      await client.end();
    }
  };
  const tenant = parseTenantId(newId());
  await admin('insert into db.tenant (id, slug, name) values ($1, $2, $2)', [tenant, 'faults']);
  const url = new URL(direct);
  url.port = String(relay.port);
  const database = createDatabase({ urls: deriveConnectionUrls(url.href), logger: silentLogger });
  const root = await createLocalProvider({
    file: join(folder, 'root'),
    passphrase: new Secret('a passphrase for tests only'),
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
  const crypto = createCrypto({ ...common, root, audit: () => audit });
  const audit: Audit = createAudit({
    ...common,
    crypto,
    originPrefix: 'gatehouse.test/log',
    definitions: [probed],
  });
  const stage: Stage = {
    server,
    relay,
    database,
    audit,
    crypto,
    tenant,
    admin,
    restart: async () => {
      server = await start();
      stage.server = server;
      relay.setTarget(server.port);
    },
    close: async () => {
      await audit.stop();
      await crypto.stop();
      await database.close();
      await relay.close();
      await server.stop();
    },
  };
  await audit.start();
  return stage;
}

/** Ends the server and all its processes at once, as a power cut does to them. */
async function killServer({ pid }: EmbeddedPostgres): Promise<void> {
  const family = [pid];
  for (const name of await readdir('/proc')) {
    const stat = /^\d+$/.test(name) ? await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '') : '';
    if (/^\d+ \(.*\) \S (\d+)/.exec(stat)?.[1] === String(pid)) family.push(Number(name));
  }
  for (const one of family) {
    try {
      process.kill(one, 'SIGKILL');
    } catch {
      // it ended with its parent
    }
  }
  while (family.some(isAlive)) await new Promise((wake) => setTimeout(wake, 10));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !spawnSync('ps', ['-o', 'stat=', '-p', String(pid)])
      .stdout.toString()
      .startsWith('Z');
  } catch {
    return false;
  }
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gatehouse-pgfault-'));
  await chmod(folder, 0o711);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function checkLog({ admin, tenant, database }: Stage, acknowledged: readonly string[]): Promise<void> {
  const rows = await admin<{ targets: string }>(
    `select targets from audit.entry where tenant_id = $1 and targets like 'probe/%'`,
    [tenant],
  );
  const found = rows.map(({ targets }) => targets.slice('probe/'.length));
  expect(new Set(found).size).toBe(found.length);
  const there = new Set(found);
  expect(acknowledged.filter((key) => !there.has(key))).toEqual([]);
  expect(await database.withTenant(tenant, (tx) => verifyDatabase(tx, tenant))).toMatchObject({
    findings: [],
  });
  expect(await database.withSystem(verifyPlatform)).toMatchObject({ findings: [] });
}

test(
  'SIGKILL of PostgreSQL under load, again and again: nothing acknowledged is lost, no gap, no duplicate',
  async () => {
    const stage = await createStage(join(folder, 'killed'), folder);
    const { audit, tenant } = stage;
    const acknowledged: string[] = [];
    let running = true;
    const produce = async (name: string): Promise<void> => {
      const actor = createPrincipal(tenant);
      for (let n = 0; running; n += 1) {
        const key = `${name}-${n}`;
        await audit.record(createEvent(tenant, { actor, targets: [{ type: 'probe', id: key }] })).then(
          () => acknowledged.push(key),
          () => undefined, // not certain: it may stand there or not, but once
        );
        if (n % 10 === 0) await audit.platform.advance().catch(() => undefined);
      }
    };
    const producers = Array.from({ length: 16 }, (_, at) => produce(`p${at}`));
    for (let round = 0; round < rounds; round += 1) {
      const reached = acknowledged.length + 100 + Math.floor(Math.random() * 300);
      while (acknowledged.length < reached) await new Promise((wake) => setTimeout(wake, 5));
      await killServer(stage.server);
      await stage.restart();
    }
    running = false;
    await Promise.all(producers);
    await audit.flush();
    expect(acknowledged.length).toBeGreaterThan(rounds * 100);
    await checkLog(stage, acknowledged);
    await stage.close();
  },
  60_000 + rounds * 10_000,
);

const small = join(tmpdir(), `gatehouse-small-${process.pid}`);
const mount = (): boolean =>
  spawnSync('mkdir', ['-p', '-m', '711', small]).status === 0 &&
  spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=140m,mode=711', 'tmpfs', small]).status === 0;
const unmount = (): void => {
  spawnSync('umount', [small]);
  spawnSync('rmdir', [small]);
};
const mountable = mount();
unmount();
afterAll(unmount);

testUnless(
  mountable ? null : 'mounting a small file system needs root',
  'a full disk fails closed, is told by health, and the log goes on when there is room again',
  async () => {
    expect(mount()).toBe(true);
    const stage = await createStage(join(small, 'data'), folder);
    const { audit, tenant } = stage;
    const actor = createPrincipal(tenant);
    const acknowledged: string[] = [];
    const record = async (key: string): Promise<boolean> =>
      audit
        .record(
          createEvent(tenant, {
            actor,
            targets: [{ type: 'probe', id: key }],
            detail: { count: 1, note: 'x'.repeat(9_000) },
          }),
        )
        .then(
          () => acknowledged.push(key) > 0,
          () => false,
        );
    expect(await record('before')).toBe(true);
    await audit.platform.advance();
    await writeFile(join(small, 'ballast'), Buffer.alloc(8 * 1024 * 1024));
    let failed = 0;
    for (let batch = 0; failed === 0 && batch < 400; batch += 1) {
      const results = await Promise.all(
        Array.from({ length: 100 }, (_, at) => record(`full-${batch}-${at}`)),
      );
      failed = results.filter((held) => !held).length;
    }
    expect(failed).toBeGreaterThan(0);
    expect(audit.health().ok).toBe(false);
    await rm(join(small, 'ballast'));
    if (!isAlive(stage.server.pid)) await stage.restart(); // a server that cannot write its log ends itself
    for (let attempt = 0; !(await record(`after-${attempt}`)); attempt += 1)
      if (attempt > 20) throw new Error('the log did not go on');
    await audit.flush();
    expect(audit.health().ok).toBe(true);
    await checkLog(stage, acknowledged);
    await stage.close();
  },
  180_000,
);
