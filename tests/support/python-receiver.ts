import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../../db/index.ts';
import { cacheFolder } from './cache-folder.ts';
import { testFolderPrefix } from './leftovers.ts';
import { startServer, type ServerProcess } from './server-process.ts';

const run = promisify(execFile);
const packages = ['opentelemetry-proto==1.45.2', 'standardwebhooks==1.1.0'] as const;
const script = join(import.meta.dirname, '..', 'peers', 'python', 'receiver.py');

/** Where the interpreter is, or why it cannot be had. */
export type PythonProgram = { readonly program: string } | { readonly missing: string };

/** OpenTelemetry's protobuf definitions and the library of Standard Webhooks in a virtual environment of the cache folder. */
export async function providePythonReceiver(): Promise<PythonProgram> {
  const home = join(cacheFolder(), `receivers-${packages.map((one) => one.split('==')[1]).join('-')}`);
  const program = join(home, 'bin', 'python');
  const complete = join(home, 'complete');
  if (existsSync(complete)) return { program };
  if (spawnSync('python3', ['-c', 'import ensurepip, venv']).status !== 0)
    return { missing: 'no Python 3 with venv; install python3-venv' };
  try {
    await rm(home, { recursive: true, force: true });
    await mkdir(cacheFolder(), { recursive: true });
    await run('python3', ['-m', 'venv', home], { timeout: 120_000 });
    await run(program, ['-m', 'pip', '-q', 'install', ...packages], { timeout: 300_000 });
    await mkdir(`${complete}.new`, { recursive: true });
    await rename(`${complete}.new`, complete);
    return { program };
  } catch (error) {
    return {
      missing: `the receivers could not be installed: ${(error as Error).message.split('\n')[0] ?? ''}`,
    }; // execFile throws Errors
  }
}

/** An HTTP receiver in another language. */
export type PythonReceiver = {
  readonly url: string;
  readonly start: () => Promise<void>;
  readonly stop: (signal?: NodeJS.Signals) => Promise<void>;
  readonly kept: <Kept>() => Promise<readonly Kept[]>;
  readonly remove: () => Promise<void>;
};

/** @param signingSecret - of the webhook, `whsec_` and base64 */
export async function createPythonReceiver(program: string, signingSecret: string): Promise<PythonReceiver> {
  const home = await mkdtemp(join(tmpdir(), `${testFolderPrefix}receiver-`));
  const file = join(home, 'kept.jsonl');
  const port = await freePort();
  let running: ServerProcess | null = null;
  const stop = async (signal: NodeJS.Signals = 'SIGKILL'): Promise<void> => {
    await running?.stop(signal);
    running = null;
  };
  return {
    url: `http://127.0.0.1:${port}`,
    start: async () => {
      running ??= await startServer({ program, args: [script, String(port), file, signingSecret], port });
    },
    stop,
    kept: async <Kept>() => {
      const text = existsSync(file) ? await readFile(file, 'utf8') : '';
      // A receiver that was killed may leave half a line, which it has not confirmed.
      return text.split('\n').flatMap((line) => (line.endsWith('}') ? [JSON.parse(line) as Kept] : []));
    },
    remove: async () => {
      await stop();
      await rm(home, { recursive: true, force: true });
    },
  };
}
