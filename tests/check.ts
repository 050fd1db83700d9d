import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** `npm run check`: format, lint and types side by side, then the unit tests. Everything that is wrong is shown, not the first thing only. */
const root = join(import.meta.dirname, '..');
const script = (...path: string[]): string => join(root, 'node_modules', ...path);

type Check = { readonly name: string; readonly command: readonly string[] };
type Outcome = {
  readonly name: string;
  readonly passed: boolean;
  readonly output: string;
  readonly seconds: number;
};

const typescript = script('typescript', 'bin', 'tsc');
const consoleConfig = join('console', 'tsconfig.json');
const checks: readonly Check[] = [
  {
    name: 'format',
    command: [script('prettier', 'bin', 'prettier.cjs'), '--check', '--log-level=warn', '.'],
  },
  { name: 'lint', command: [script('oxlint', 'bin', 'oxlint'), '--quiet', '--format=stylish'] },
  { name: 'types', command: [typescript, '--noEmit', '--pretty'] },
  ...(existsSync(join(root, consoleConfig))
    ? [
        {
          name: 'types of the console',
          command: [typescript, '--noEmit', '--pretty', '--project', consoleConfig],
        },
      ]
    : []),
];
/** Cross-room tests, which take longer, belong to `npm test`. */
const unitTests: Check = { name: 'unit tests', command: [join(root, 'tests', 'run.ts'), 'unit'] };

function runCheck(check: Check): Promise<Outcome> {
  const startedAt = performance.now();
  const chunks: Buffer[] = [];
  const environment = process.stdout.isTTY ? { ...process.env, FORCE_COLOR: '1' } : process.env;
  const child = spawn(process.execPath, check.command, {
    cwd: root,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      const seconds = (performance.now() - startedAt) / 1000;
      resolve({
        name: check.name,
        passed: code === 0,
        output: Buffer.concat(chunks).toString('utf8'),
        seconds,
      });
    });
  });
}

function tell(outcome: Outcome): boolean {
  console.log(`${outcome.passed ? 'ok    ' : 'FAILED'} ${outcome.name} (${outcome.seconds.toFixed(1)} s)`);
  if (!outcome.passed) console.log(`${outcome.output.trimEnd()}\n`);
  return outcome.passed;
}

const outcomes = await Promise.all(checks.map(async (check) => tell(await runCheck(check))));
const tests = await runCheck(unitTests);
outcomes.push(tell(tests));
if (tests.passed) console.log(tests.output.trimEnd().split('\n').at(-1));
process.exitCode = outcomes.every(Boolean) ? 0 : 1;
