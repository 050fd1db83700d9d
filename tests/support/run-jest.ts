import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JestReport } from './results.ts';

const root = join(import.meta.dirname, '..', '..');

/** How jest is started. */
export type JestRun = {
  readonly lane: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** A folder of this run alone, for output, log and report. */
  readonly folder: string;
  readonly timeoutMilliseconds: number;
  readonly signal: AbortSignal;
};

/** What came of it; `report` is null when jest died before it could write one. */
export type JestOutcome = {
  readonly report: JestReport | null;
  readonly files: readonly string[];
  readonly ended: string;
};

/** Runs jest in a process of its own; what it prints goes to the terminal and into a file that is searched afterwards. */
export async function runJest(run: JestRun): Promise<JestOutcome> {
  const reportFile = join(run.folder, 'report.json');
  const outputFile = join(run.folder, 'output.txt');
  const logFile = join(run.folder, 'log.jsonl');
  const child = spawn(
    process.execPath,
    [
      '--experimental-vm-modules',
      '--disable-warning=ExperimentalWarning',
      join(root, 'node_modules', 'jest', 'bin', 'jest.js'),
      '--json',
      `--outputFile=${reportFile}`,
      '--passWithNoTests',
      ...run.args,
    ],
    { cwd: root, env: jestEnvironment(run, logFile), stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const output = createWriteStream(outputFile);
  // With --json jest prints its report on standard output as well: nobody needs it twice.
  child.stdout.pipe(output, { end: false });
  child.stderr.pipe(output, { end: false });
  child.stderr.pipe(process.stderr, { end: false });
  const ended = await waitFor(child, run);
  await new Promise<void>((done) => output.end(done));
  return { report: await readReport(reportFile), files: [logFile, outputFile], ended };
}

function jestEnvironment(run: JestRun, logFile: string): NodeJS.ProcessEnv {
  const colour = process.stderr.isTTY ? { FORCE_COLOR: '1' } : {};
  return {
    ...process.env,
    ...colour,
    ...run.environment,
    NODE_ENV: 'test',
    GATEHOUSE_TEST_LANE: run.lane,
    GATEHOUSE_TEST_LOG: logFile,
  };
}

async function waitFor(child: ReturnType<typeof spawn>, run: JestRun): Promise<string> {
  const minutes = run.timeoutMilliseconds / 60_000;
  let reason: string | null = null;
  const stop = (why: string): void => {
    reason = why;
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), 10_000).unref();
  };
  const timer = setTimeout(() => stop(`it ran longer than ${minutes} minutes`), run.timeoutMilliseconds);
  run.signal.addEventListener('abort', () => stop('it was interrupted'));
  const [code, signal] = await new Promise<[number | null, string | null]>((done, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode, exitSignal) => done([exitCode, exitSignal]));
  });
  clearTimeout(timer);
  return reason ?? (signal === null ? `exit code ${code}` : `signal ${signal}`);
}

async function readReport(file: string): Promise<JestReport | null> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as JestReport; // jest's own documented shape
  } catch {
    return null; // jest ended before it wrote one
  }
}
