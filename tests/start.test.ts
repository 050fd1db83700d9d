import { spawn, type ChildProcess } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { freePort } from '../db/index.ts';
import { readBootstrap, type Bootstrap } from '../server/index.ts';

const main = join(import.meta.dirname, '..', 'cli', 'main.ts');
const stopWithinMilliseconds = 5_000;

type Started = {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly ended: Promise<number | null>;
};

function start(environment: Readonly<Record<string, string>>): Started {
  const child = spawn(process.execPath, [main, 'start'], {
    env: {
      PATH: process.env['PATH'] ?? '',
      GATEHOUSE_LOG_LEVEL: 'warn',
      GATEHOUSE_DEMO_CONTACTS: '20',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  return { child, output: () => output, ended: new Promise((done) => child.once('close', done)) };
}

async function untilUp(started: Started): Promise<void> {
  const deadline = Date.now() + 90_000;
  while (!started.output().includes('Gatehouse is up')) {
    if (started.child.exitCode !== null || Date.now() > deadline)
      throw new Error(`did not start:\n${started.output()}`);
    await new Promise((wake) => setTimeout(wake, 50));
  }
}

async function stop(
  started: Started,
): Promise<{ readonly code: number | null; readonly tookMilliseconds: number }> {
  const before = Date.now();
  started.child.kill('SIGTERM');
  return { code: await started.ended, tookMilliseconds: Date.now() - before };
}

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-start-'));
  await chmod(folder, 0o711);
  return folder;
}

describe('npm start', () => {
  let folder: string;
  let port: string;
  let environment: Record<string, string>;
  let first: Started;
  let bootstrap: Bootstrap;
  beforeAll(async () => {
    folder = await newFolder();
    port = String(await freePort());
    environment = { GATEHOUSE_DATA_DIR: folder, GATEHOUSE_PORT: port };
    first = start(environment);
    await untilUp(first);
    bootstrap = (await readBootstrap(environment)) as Bootstrap; // just written
  }, 120_000);
  afterAll(async () => {
    if (first.child.exitCode === null) await stop(first);
    await rm(folder, { recursive: true, force: true });
  });

  test('is ready, binds loopback and prints the links of both tenants', async () => {
    expect((await fetch(`${bootstrap.url}/health/ready`)).status).toBe(200);
    for (const link of ['/sign-in?tenant=acme', '/portal/acme', '/sign-in?tenant=globex', '/portal/globex'])
      expect(first.output()).toContain(link);
  });

  test('writes bootstrap.json for scripts, for the owner only', async () => {
    expect((await stat(join(folder, 'bootstrap.json'))).mode & 0o777).toBe(0o600);
    expect(bootstrap.tenants.map((tenant) => tenant.slug)).toEqual(['acme', 'globex']);
    for (const tenant of bootstrap.tenants) {
      expect(tenant.users.map((user) => user.email.split('@')[0])).toEqual([
        'marketer',
        'admin',
        'dpo',
        'deputy',
        'auditor',
        'engineer',
      ]);
      expect(tenant.serviceAccounts).toHaveLength(5);
      expect(tenant.vkey).toMatch(/^[^+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+$/);
    }
  });

  test('prints no password and no TOTP secret', () => {
    const secrets = bootstrap.tenants.flatMap((tenant) => [
      ...tenant.users.flatMap((user) => [user.password, user.totpSecret]),
      ...tenant.serviceAccounts.map((account) => account.clientSecret),
    ]);
    for (const secret of secrets) expect(first.output()).not.toContain(secret);
  });

  test('refuses a second start on the same folder and one on the same port, with the remedy', async () => {
    const sameFolder = start({ ...environment, GATEHOUSE_PORT: String(await freePort()) });
    expect(await sameFolder.ended).toBe(1);
    expect(sameFolder.output()).toMatch(/ERR_ALREADY_RUNNING.*GATEHOUSE_DATA_DIR/);
    const other = await newFolder();
    const samePort = start({ GATEHOUSE_DATA_DIR: other, GATEHOUSE_PORT: port });
    expect(await samePort.ended).toBe(1);
    expect(samePort.output()).toMatch(/ERR_PORT_IN_USE.*GATEHOUSE_PORT/);
    await rm(other, { recursive: true });
  });

  test('ends within five seconds of SIGTERM, and the next start has everything as before', async () => {
    const before = await logSize(bootstrap);
    const stopped = await stop(first);
    expect(stopped.code).toBe(0);
    expect(stopped.tookMilliseconds).toBeLessThan(stopWithinMilliseconds);
    first = start(environment);
    await untilUp(first);
    const again = (await readBootstrap(environment)) as Bootstrap; // just written
    expect(again.tenants).toEqual(bootstrap.tenants);
    expect(await logSize(again)).toBeGreaterThanOrEqual(before);
  }, 120_000);

  test('comes back after SIGKILL, which leaves the database server behind', async () => {
    first.child.kill('SIGKILL');
    await first.ended;
    first = start(environment);
    await untilUp(first);
    expect((await fetch(`${bootstrap.url}/health/ready`)).status).toBe(200);
  }, 120_000);
});

async function logSize(bootstrap: Bootstrap): Promise<number> {
  const note = await (await fetch(`${bootstrap.url}/log/${bootstrap.tenants[0]?.logId}/checkpoint`)).text();
  return Number(note.split('\n')[1]);
}

describe('a start that cannot work says why', () => {
  test('a broken configuration names the setting', async () => {
    const started = start({ GATEHOUSE_PORT: 'many', GATEHOUSE_DATA_DIR: '/nowhere' });
    expect(await started.ended).toBe(1);
    expect(started.output()).toMatch(/ERR_CONFIG_INVALID.*GATEHOUSE_PORT/);
  });

  test('a damaged data folder is named, with what to do', async () => {
    const folder = await newFolder();
    const { mkdir } = await import('node:fs/promises');
    await mkdir(join(folder, 'postgres'), { mode: 0o700 });
    await writeFile(join(folder, 'postgres', 'PG_VERSION'), '18\n');
    const started = start({ GATEHOUSE_DATA_DIR: folder, GATEHOUSE_PORT: String(await freePort()) });
    expect(await started.ended).toBe(1);
    expect(started.output()).toMatch(/ERR_DB_EMBEDDED.*may be damaged/s);
    expect(await readFile(join(folder, 'lock'), 'utf8').catch(() => 'released')).toBe('released');
    await rm(folder, { recursive: true, force: true });
  });

  test('a port that somebody else has is refused before anything is made', async () => {
    const squatter = createServer();
    await new Promise<void>((up) => squatter.listen(0, '127.0.0.1', up));
    const address = squatter.address();
    const folder = await newFolder();
    const started = start({
      GATEHOUSE_DATA_DIR: folder,
      GATEHOUSE_PORT: String(typeof address === 'object' ? address?.port : 0),
    });
    expect(await started.ended).toBe(1);
    expect(started.output()).toContain('ERR_PORT_IN_USE');
    expect(await stat(join(folder, 'postgres')).catch(() => null)).toBeNull();
    await new Promise((down) => squatter.close(down));
    await rm(folder, { recursive: true, force: true });
  });
});
