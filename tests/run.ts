import { mkdtemp, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sourceFiles } from './support/imports.ts';
import { lanes, type Lane, type Prepared } from './support/lanes.ts';
import { removeLeftovers } from './support/leftovers.ts';
import { judge, type JestReport, type Verdict } from './support/results.ts';
import { runJest } from './support/run-jest.ts';
import { scanLogs } from './support/scan-logs.ts';
import { vectorsFolder } from './support/vectors.ts';

/**
 * `npm test [lane] [jest arguments]`. The last line is `N passed, N failed`; the exit code is 0 only when nothing
 * failed. A lane whose parts are not to be had prints `SKIPPED: <lane>: <reason>` and fails nothing.
 */
async function main(args: readonly string[]): Promise<number> {
  const lane = lanes.find(({ name }) => name === args[0]);
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-run-'));
  try {
    const rest = lane === undefined ? args : args.slice(1);
    const verdict = await runLane(lane ?? defaultLane(), rest, folder);
    print(verdict);
    return verdict.failed === 0 ? 0 : 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function defaultLane(): Lane {
  const [first] = lanes;
  if (first === undefined) throw new Error('no lanes are declared');
  return first;
}

const root = join(import.meta.dirname, '..');
const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupted.abort());

async function runLane(lane: Lane, args: readonly string[], folder: string): Promise<Verdict> {
  if (!isNpmOnly(lane) && !sourceFiles(root).some((file) => file.endsWith(`.${lane.name}.test.ts`))) {
    return skipped(lane, 'no tests of this lane exist yet');
  }
  let prepared: Prepared | { readonly missing: string };
  try {
    prepared = await lane.prepare(folder);
  } catch (error) {
    return failure(`the lane ${lane.name} could not be prepared: ${(error as Error).message}`); // lanes throw Errors only
  }
  if ('missing' in prepared) return skipped(lane, prepared.missing);
  const problems: string[] = [];
  const outcome = await runJest({
    lane: lane.name,
    args,
    environment: prepared.environment,
    folder,
    timeoutMilliseconds: lane.timeoutMilliseconds,
    signal: interrupted.signal,
  });
  await removeLeftovers(); // of workers that were killed
  problems.push(...(await prepared.stop()));
  problems.push(...(await findLeaks([...outcome.files, ...prepared.logFiles])));
  if (interrupted.signal.aborted) problems.push('the run was interrupted');
  if (outcome.report === null) return failure(`jest wrote no report: ${outcome.ended}`, ...problems);
  if (outcome.report.testResults.length === 0)
    return failure(`no test matches ${args.join(' ')}`.trim(), ...problems);
  return summarise(lane, outcome.report, { filtered: args.length > 0, problems });
}

async function findLeaks(files: readonly string[]): Promise<readonly string[]> {
  const leaks = await scanLogs(files);
  return leaks.map(
    (leak) => `canary "${leak.canary}" was written in clear (${leak.form}) in line ${leak.line} of the log`,
  );
}

function summarise(lane: Lane, report: JestReport, facts: Parameters<typeof judge>[1]): Verdict {
  const verdict = judge(report, facts);
  if (lane.name !== 'default' || existsSync(vectorsFolder)) return verdict;
  const loud = `MISSING: ${vectorsFolder}: tests on published vectors did not run`;
  return { ...verdict, notes: [...verdict.notes, loud] };
}

function isNpmOnly(lane: Lane): boolean {
  return lane.name === 'default' || lane.name === 'unit';
}

function skipped(lane: Lane, reason: string): Verdict {
  return { passed: 0, failed: 0, notes: [`SKIPPED: ${lane.name}: ${reason}`], problems: [] };
}

function failure(...problems: string[]): Verdict {
  return { passed: 0, failed: problems.length, notes: [], problems };
}

function print(verdict: Verdict): void {
  for (const note of verdict.notes) console.log(note);
  for (const problem of verdict.problems) console.log(`FAILED: ${problem}`);
  console.log(`${verdict.passed} passed, ${verdict.failed} failed`);
}

process.exitCode = await main(process.argv.slice(2));
