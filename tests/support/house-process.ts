import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { access, chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../db/index.ts';

const root = join(import.meta.dirname, '..', '..');

/** A house of its own: a child process with an own data folder and port. */
export type House = {
  readonly url: string;
  /** The file that `start` writes for scripts. */
  readonly bootstrapFile: string;
  readonly logFile: string;
  /** Milliseconds from the start of the process to `/health/ready`. */
  readonly readyAfterMilliseconds: number;
  /** SIGTERM; resolves when it has ended and its files are gone. @returns problems, none when it went well */
  readonly stop: () => Promise<readonly string[]>;
};

/** How it is started. */
export type HouseOptions = {
  /** Default: `cli/main.ts start` by this very Node. */
  readonly command?: readonly [string, ...string[]];
  readonly environment?: Readonly<Record<string, string>>;
  readonly logFile: string;
  readonly readyWithinMilliseconds?: number;
};

const stopWithinMilliseconds = 5_000;

/** Starts `gatehouse start` on embedded parts and waits until it is ready. @throws Error with its last lines when it does not get there */
export async function startHouse(options: HouseOptions): Promise<House> {
  const dataFolder = await mkdtemp(join(tmpdir(), 'gatehouse-house-'));
  await chmod(dataFolder, 0o711); // the database server's own user must be able to pass
  const port = await freePort();
  const [program, ...args] = options.command ?? [process.execPath, join(root, 'cli', 'main.ts'), 'start'];
  const startedAt = Date.now();
  const child = spawn(program, args, {
    cwd: root,
    env: {
      ...ownEnvironment(),
      ...options.environment,
      GATEHOUSE_DATA_DIR: dataFolder,
      GATEHOUSE_PORT: String(port),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lastLines = keepOutput(child, options.logFile);
  const url = `http://localhost:${port}`;
  const bootstrapFile = join(dataFolder, 'bootstrap.json');
  try {
    await untilReady(child, url, bootstrapFile, options.readyWithinMilliseconds ?? 90_000);
  } catch (cause) {
    await stop(child, dataFolder);
    throw new Error(`the house did not start: ${(cause as Error).message}\n${lastLines().join('\n')}`, {
      cause,
    }); // untilReady throws Errors only
  }
  const readyAfterMilliseconds = Date.now() - startedAt;
  return {
    url,
    bootstrapFile,
    logFile: options.logFile,
    readyAfterMilliseconds,
    stop: () => stop(child, dataFolder),
  };
}

/** Settings of the surrounding shell must not change what is tested. */
function ownEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('GATEHOUSE_') && name !== 'NODE_OPTIONS',
  );
  return Object.fromEntries(kept);
}

function keepOutput(child: ChildProcess, logFile: string): () => readonly string[] {
  const file = createWriteStream(logFile, { flags: 'a' });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.pipe(file, { end: false });
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      lines.push(...chunk.split('\n').filter((line) => line !== ''));
      lines.splice(0, Math.max(0, lines.length - 30));
    });
  }
  child.once('close', () => file.end());
  return () => lines;
}

async function untilReady(
  child: ChildProcess,
  url: string,
  bootstrapFile: string,
  milliseconds: number,
): Promise<void> {
  const deadline = Date.now() + milliseconds;
  while (Date.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`it ended with ${child.signalCode ?? `exit code ${child.exitCode}`}`);
    }
    if (await isReady(url, bootstrapFile)) return;
    await new Promise((wake) => setTimeout(wake, 100));
  }
  throw new Error(`not ready after ${milliseconds / 1000} s`);
}

async function isReady(url: string, bootstrapFile: string): Promise<boolean> {
  try {
    await access(bootstrapFile);
    const answer = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(2_000) });
    await answer.arrayBuffer();
    return answer.status === 200;
  } catch {
    return false; // not yet listening
  }
}

async function stop(child: ChildProcess, dataFolder: string): Promise<readonly string[]> {
  const problems: string[] = [];
  const running = child.exitCode === null && child.signalCode === null;
  if (running) {
    const ended = new Promise<void>((done) => child.once('close', () => done()));
    const hard = setTimeout(() => {
      problems.push(`the house did not end within ${stopWithinMilliseconds / 1000} s of SIGTERM`);
      child.kill('SIGKILL');
    }, stopWithinMilliseconds);
    child.kill('SIGTERM');
    await ended;
    clearTimeout(hard);
    // npm ends with 143 when it was told to end; the house itself ends with 0.
    if (
      problems.length === 0 &&
      child.exitCode !== 0 &&
      child.exitCode !== 143 &&
      child.signalCode !== 'SIGTERM'
    ) {
      problems.push(`the house ended with ${child.signalCode ?? `exit code ${child.exitCode}`} on SIGTERM`);
    }
  } else if (child.exitCode !== 0) {
    problems.push(`the house had ended by itself with ${child.signalCode ?? `exit code ${child.exitCode}`}`);
  }
  await rm(dataFolder, { recursive: true, force: true });
  return problems;
}
