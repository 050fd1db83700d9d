import { spawn, execFile, type ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, openSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../../db/index.ts';
import { provideKeycloak } from '../support/keycloak-distribution.ts';

const run = promisify(execFile);

/** A running Keycloak of our own. */
export type Keycloak = {
  /** Base without trailing slash; a realm is `<url>/realms/<name>`. */
  readonly url: string;
  /** Makes a realm from its representation. */
  readonly createRealm: (representation: object) => Promise<void>;
  /** Ends our process, waits for it, removes its data. */
  readonly stop: () => Promise<void>;
};

type Baked = { readonly home: string; readonly data: string; readonly adminPassword: string };

const cacheFolder = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'gatehouse');

/**
 * Starts a real Keycloak on free loopback ports: prepared once, then started from a copy of its first database.
 *
 * @throws an error that begins with `SKIPPED:` when Java, Maven or the distribution is not to be had
 */
export async function startKeycloak(): Promise<Keycloak> {
  const distribution = await provideKeycloak();
  if ('missing' in distribution) throw new Error(`SKIPPED: ${distribution.missing}`);
  const baked = await bake(distribution.home);
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-keycloak-'));
  await cp(baked.data, folder, { recursive: true });
  const server = await startServer(baked.home, folder, {});
  const stop = async (): Promise<void> => {
    await stopServer(server.process);
    await rm(folder, { recursive: true, force: true });
  };
  const createRealm = (representation: object): Promise<void> =>
    postRealm(server.url, baked.adminPassword, representation);
  return Object.freeze({ url: server.url, createRealm, stop });
}

/** Builds the optimised server once and keeps the database of its first start, which takes twice as long as the others. */
async function bake(home: string): Promise<Baked> {
  const stamp = createHash('sha256').update(home).digest('hex').slice(0, 12);
  const baked = join(cacheFolder, `${basename(home)}-baked-${stamp}`);
  const data = join(baked, 'data');
  const passwordFile = join(baked, 'admin-password');
  await mkdir(cacheFolder, { recursive: true });
  const unlock = await lock(`${baked}.lock`);
  try {
    if (!existsSync(passwordFile)) {
      const folder = await mkdtemp(`${baked}-`);
      const adminPassword = randomBytes(18).toString('base64url');
      await run(join(home, 'bin', 'kc.sh'), ['build', '--db=dev-file', '--health-enabled=true'], {
        timeout: 180_000,
      });
      await mkdir(join(folder, 'data'));
      const bootstrap = { KC_BOOTSTRAP_ADMIN_USERNAME: 'admin', KC_BOOTSTRAP_ADMIN_PASSWORD: adminPassword };
      const server = await startServer(home, join(folder, 'data'), bootstrap);
      await stopServer(server.process);
      await writeFile(join(folder, 'admin-password'), adminPassword, { mode: 0o600 });
      await rm(baked, { recursive: true, force: true });
      await rename(folder, baked);
    }
  } finally {
    await unlock();
  }
  return { home, data, adminPassword: await readFile(passwordFile, 'utf8') };
}

/** Two test files must not build the same server at once; a lock that somebody died with is taken after five minutes. */
async function lock(folder: string): Promise<() => Promise<void>> {
  for (;;) {
    try {
      await mkdir(folder);
      return () => rm(folder, { recursive: true, force: true });
    } catch (error) {
      if ((error as { code?: string }).code !== 'EEXIST') throw error; // a system error of node:fs
      const taken = await stat(folder).catch(() => null);
      if (taken !== null && Date.now() - taken.mtimeMs > 300_000)
        await rm(folder, { recursive: true, force: true });
      else await new Promise((wake) => setTimeout(wake, 250));
    }
  }
}

async function startServer(
  home: string,
  dataFolder: string,
  environment: Readonly<Record<string, string>>,
): Promise<{ url: string; process: ChildProcess }> {
  const [port, management] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  const log = openSync(join(dataFolder, 'keycloak.log'), 'a');
  const args = [
    'start', '--optimized', '--http-enabled=true', '--http-host=127.0.0.1', `--hostname=${url}`, `--http-port=${port}`,
    `--http-management-port=${management}`, '--cache=local',
    `--db-url=jdbc:h2:file:${join(dataFolder, 'keycloakdb')};NON_KEYWORDS=VALUE`,
  ]; // prettier-ignore
  // kc.sh replaces itself by java, so the process we started is the server; no descriptor of ours goes with it.
  const child = spawn(join(home, 'bin', 'kc.sh'), args, {
    stdio: ['ignore', log, log],
    env: {
      ...process.env,
      KC_RUN_IN_CONTAINER: 'true',
      JAVA_OPTS_APPEND: '-XX:TieredStopAtLevel=1',
      JAVA_OPTS_KC_HEAP: '-Xms128m -Xmx512m',
      ...environment,
    },
  });
  try {
    await waitUntilReady(child, `http://127.0.0.1:${management}/health/ready`);
  } catch (error) {
    await stopServer(child);
    const text = await readFile(join(dataFolder, 'keycloak.log'), 'utf8').catch(() => '');
    throw new Error(`Keycloak did not become ready: ${text.slice(-2_000)}`, { cause: error });
  }
  return { url, process: child };
}

async function waitUntilReady(child: ChildProcess, healthUrl: string): Promise<void> {
  const deadline = Date.now() + 120_000;
  while (Date.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`it ended with code ${child.exitCode}`);
    const ready = await fetch(healthUrl).then((response) => response.ok, () => false); // prettier-ignore
    if (ready) return;
    await new Promise((wake) => setTimeout(wake, 250));
  }
  throw new Error('no answer within two minutes');
}

/** Ends this very process and waits until it is gone. */
async function stopServer(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((exited) => child.once('exit', () => exited()));
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 20_000);
  await gone;
  clearTimeout(late);
}

async function postRealm(url: string, adminPassword: string, representation: object): Promise<void> {
  const credentials = new URLSearchParams({
    grant_type: 'password',
    client_id: 'admin-cli',
    username: 'admin',
    password: adminPassword,
  });
  const signedIn = await fetch(`${url}/realms/master/protocol/openid-connect/token`, {
    method: 'POST',
    body: credentials,
  });
  const { access_token: token } = (await signedIn.json()) as { access_token?: string }; // RFC 6749 section 5.1
  const response = await fetch(`${url}/admin/realms`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token ?? ''}`, 'content-type': 'application/json' },
    body: JSON.stringify(representation),
  });
  if (response.status !== 201)
    throw new Error(`the realm was refused: ${response.status} ${await response.text()}`);
}
