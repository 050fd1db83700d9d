import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../../db/index.ts';
import { cacheFolder } from './cache-folder.ts';
import { testFolderPrefix } from './leftovers.ts';
import { startServer, type ServerProcess } from './server-process.ts';

const version = 'v1.8.0';
/** The first build takes minutes; what was compiled until then is kept by Go, and the next run goes on from there. */
const buildMilliseconds = 240_000;

/** Where the gateway is, or why it cannot be had. */
export type GatewayProgram = { readonly program: string } | { readonly missing: string };

/** An S3 gateway that enforces object lock, built by Go and kept in the cache folder. */
export async function provideObjectStore(): Promise<GatewayProgram> {
  const program = join(cacheFolder(), `versitygw-${version}`);
  if (existsSync(program)) return { program };
  if (spawnSync('go', ['version']).status !== 0) return { missing: 'the Go tool chain is not installed' };
  const folder = await mkdtemp(join(tmpdir(), `${testFolderPrefix}gateway-`));
  try {
    console.error(`building versitygw ${version} (minutes, once)`);
    await promisify(execFile)('go', ['install', `github.com/versity/versitygw/cmd/versitygw@${version}`], {
      env: { ...process.env, GOBIN: folder },
      timeout: buildMilliseconds,
    });
    await mkdir(cacheFolder(), { recursive: true });
    await promisify(execFile)('cp', [join(folder, 'versitygw'), `${program}.${process.pid}`]);
    await rename(`${program}.${process.pid}`, program);
    return { program };
  } catch (error) {
    const [, reason = 'it was stopped'] = (error as Error).message.split('\n'); // execFile throws Errors
    return { missing: `the object-lock gateway versitygw was not built in time: ${reason}` };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A gateway over a folder. */
export type ObjectStore = {
  readonly url: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly start: () => Promise<void>;
  readonly stop: (signal?: NodeJS.Signals) => Promise<void>;
  readonly remove: () => Promise<void>;
};

/** @param program - what {@link provideObjectStore} gave */
export async function createObjectStore(program: string): Promise<ObjectStore> {
  const home = await mkdtemp(join(tmpdir(), `${testFolderPrefix}objects-`));
  const [data, versions] = [join(home, 'data'), join(home, 'versions')];
  await mkdir(data);
  await mkdir(versions);
  const port = await freePort();
  const [accessKeyId, secretAccessKey] = ['an-access-key', 'a-secret-key-for-tests'];
  let running: ServerProcess | null = null;
  const stop = async (signal: NodeJS.Signals = 'SIGKILL'): Promise<void> => {
    await running?.stop(signal);
    running = null;
  };
  return {
    url: `http://127.0.0.1:${port}`,
    accessKeyId,
    secretAccessKey,
    start: async () => {
      running ??= await startServer({
        program,
        args: ['--quiet', '--port', `127.0.0.1:${port}`, 'posix', '--versioning-dir', versions, data],
        environment: { ROOT_ACCESS_KEY: accessKeyId, ROOT_SECRET_KEY: secretAccessKey },
        port,
      });
    },
    stop,
    remove: async () => {
      await stop();
      await rm(home, { recursive: true, force: true });
    },
  };
}
