import { spawn, type ChildProcess } from 'node:child_process';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

/** A server of a test on a port of loopback. */
export type ServerProcess = {
  /** @param signal - default SIGTERM @returns when it has ended */
  readonly stop: (signal?: NodeJS.Signals) => Promise<void>;
};

/** How a server is started. */
export type ServerStart = {
  readonly program: string;
  readonly args: readonly string[];
  /** It listens there when it is ready. */
  readonly port: number;
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Longest time until it listens; default 30,000. */
  readonly timeoutMilliseconds?: number;
};

const keptCharacters = 4_000;

/** Starts it and waits until it takes connections. @throws with its last words when it ends or never listens */
export async function startServer(start: ServerStart): Promise<ServerProcess> {
  const child = spawn(start.program, start.args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...start.environment },
    ...(start.cwd === undefined ? {} : { cwd: start.cwd }),
  });
  const end = (): void => void child.kill('SIGKILL');
  process.once('exit', end);
  let words = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (part: Buffer) => (words = (words + part.toString('utf8')).slice(-keptCharacters)));
  const exited = new Promise<void>((done) => {
    child.once('exit', () => done());
    child.once('error', () => done());
  }).finally(() => process.removeListener('exit', end));
  const deadline = performance.now() + (start.timeoutMilliseconds ?? 30_000);
  while (!(await isListening(start.port))) {
    if (hasEnded(child) || performance.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`${start.program} does not listen: ${words}`);
    }
    await wait(100);
  }
  return {
    stop: async (signal = 'SIGTERM') => {
      if (!hasEnded(child)) child.kill(signal);
      await exited;
    },
  };
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const { promise, resolve } = Promise.withResolvers<boolean>();
  socket.once('connect', () => resolve(true));
  socket.once('error', () => resolve(false));
  return promise.finally(() => socket.destroy());
}
