import { spawn, execFileSync } from 'node:child_process';
import { mkdtemp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BenchRow } from './row.ts';

/**
 * Runs `bench/*.bench.ts`, or those named: `npm run bench crypto`. Each runs in a process of its own, one after the
 * other. Limits: one machine, one run; compare ratios, not absolute figures.
 */
const folder = import.meta.dirname;
/** Takes an hour and 40 GB: runs when it is named. */
const onlyByName = new Set(['audit-growth']);
const childFlag = '--gatehouse-bench-child';

async function runAll(names: readonly string[]): Promise<number> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.bench.ts')).toSorted();
  const known = files.map((file) => file.replace(/\.bench\.ts$/, ''));
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    console.error(`no such bench: ${unknown.join(', ')}; there are: ${known.join(', ') || 'none yet'}`);
    return 2;
  }
  let failures = 0;
  for (const guard of known.filter((name) =>
    names.length === 0 ? !onlyByName.has(name) : names.includes(name),
  )) {
    if (!(await runOne(guard))) failures += 1;
  }
  return failures === 0 ? 0 : 1;
}

async function runOne(guard: string): Promise<boolean> {
  const scratch = await mkdtemp(join(tmpdir(), 'gatehouse-bench-'));
  const output = join(scratch, 'rows.json');
  try {
    const startedAt = new Date();
    const code = await runChild(join(folder, `${guard}.bench.ts`), output);
    if (code !== 0) {
      console.error(`${guard}: the bench failed with exit code ${code}`);
      return false;
    }
    const rows = JSON.parse(await readFile(output, 'utf8')) as readonly BenchRow[]; // written by our own child
    printTable(guard, rows);
    await save(guard, rows, startedAt);
    return true;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function runChild(file: string, output: string): Promise<number> {
  const child = spawn(
    process.execPath,
    ['--expose-gc', '--disable-warning=ExperimentalWarning', import.meta.filename, childFlag, file, output],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

async function runAsChild(file: string, output: string): Promise<void> {
  const module = (await import(pathToFileURL(file).href)) as { bench: () => Promise<readonly BenchRow[]> }; // the convention of bench files
  await writeFile(output, JSON.stringify(await module.bench()));
}

const columns = ['work', 'unit', 'ours', 'bare', 'peers', 'ratio', 'goal', 'holds'] as const;

function printTable(guard: string, rows: readonly BenchRow[]): void {
  const lines = [[...columns] as string[], ...rows.map(cells)];
  const widths = columns.map((_name, index) => Math.max(...lines.map((line) => (line[index] ?? '').length)));
  console.log(`\n${guard}`);
  for (const line of lines) {
    console.log(
      `  ${line
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
        .join('  ')
        .trimEnd()}`,
    );
  }
}

function cells(row: BenchRow): string[] {
  const peers = Object.entries(row.peers).map(([name, value]) => `${name} ${figure(value)}`);
  const verdict = row.holds === null ? '-' : row.holds ? 'yes' : 'NO';
  const ratio = row.ratio === null ? '-' : `${figure(row.ratio)}x`;
  return [
    row.work,
    row.unit,
    figure(row.ours),
    figure(row.bare),
    peers.join(', ') || '-',
    ratio,
    row.goal,
    verdict,
  ];
}

function figure(value: number | null): string {
  if (value === null) return '-';
  return value.toLocaleString('en-US', { maximumSignificantDigits: value >= 1000 ? 6 : 3 });
}

async function save(guard: string, rows: readonly BenchRow[], startedAt: Date): Promise<void> {
  const results = join(folder, 'results');
  await mkdir(results, { recursive: true });
  await writeFile(join(results, `${guard}.json`), `${JSON.stringify(rows, null, 2)}\n`);
  await writeFile(
    join(results, `${guard}.meta.json`),
    `${JSON.stringify(describeRun(startedAt), null, 2)}\n`,
  );
}

function describeRun(startedAt: Date): Record<string, unknown> {
  return {
    date: startedAt.toISOString(),
    commit: git('rev-parse', 'HEAD'),
    changedFiles: (git('status', '--porcelain') ?? '').split('\n').filter((line) => line !== '').length,
    node: process.version,
    machine: {
      platform: `${process.platform}-${process.arch}`,
      processors: cpus().length,
      model: cpus()[0]?.model ?? 'unknown',
      memoryGiB: Math.round(totalmem() / 2 ** 30),
    },
  };
}

function git(...args: string[]): string | null {
  try {
    return execFileSync('git', args, {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return null; // an unpacked archive has no history
  }
}

const args = process.argv.slice(2);
if (args[0] === childFlag) {
  await runAsChild(args[1] ?? '', args[2] ?? '');
  process.exit(0);
} else {
  process.exitCode = await runAll(args);
}
