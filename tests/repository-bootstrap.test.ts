import { spawn } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

/** Stands for npm: writes down how it was called and puts there what `npm ci` would, slowly. */
const fakeNpm = `
import { appendFileSync, mkdirSync, symlinkSync, existsSync } from 'node:fs';
import { basename } from 'node:path';
const folder = basename(process.cwd());
appendFileSync(process.env.FAKE_NPM_LOG, JSON.stringify({ folder, args: process.argv.slice(2), node: process.execPath }) + '\\n');
console.log('npm talks on standard output');
if (process.env.FAKE_NPM_FAILS) process.exit(9);
await new Promise((wake) => setTimeout(wake, 400));
const platform = \`node-\${process.platform}-\${process.arch}\`;
mkdirSync('node_modules', { recursive: true });
if (folder === 'node24' && !existsSync(\`node_modules/\${platform}\`)) {
  mkdirSync(\`node_modules/\${platform}/bin\`, { recursive: true });
  symlinkSync(process.execPath, \`node_modules/\${platform}/bin/node\`);
}
`;
const target = `
const [what] = process.argv.slice(2);
if (what === 'wait') process.on('SIGTERM', () => process.exit(5));
const npm = Object.keys(process.env).filter((name) => name.startsWith('npm_')).toSorted();
console.log(JSON.stringify({ args: process.argv.slice(2), npm }));
if (what === 'exit') process.exit(7);
if (what === 'die') process.kill(process.pid, 'SIGKILL');
if (what === 'wait') setInterval(() => undefined, 1000);
`;

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'gatehouse bootstrap ')); // a space, as people's folders have
  await mkdir(join(root, 'bin', 'node24'), { recursive: true });
  await copyFile(join(import.meta.dirname, '..', 'bin', 'bootstrap.mjs'), join(root, 'bin', 'bootstrap.mjs'));
  await writeFile(join(root, 'package-lock.json'), '{}');
  await writeFile(join(root, 'bin', 'node24', 'package-lock.json'), '{}');
  await writeFile(join(root, 'npm-cli.js'), fakeNpm);
  await writeFile(join(root, 'package.json'), '{"type":"module"}');
  await writeFile(join(root, 'target.mjs'), target);
});
afterEach(() => rm(root, { recursive: true, force: true }));

type Outcome = {
  readonly code: number | null;
  readonly signal: string | null;
  readonly out: string;
  readonly error: string;
};

function start(
  args: readonly string[],
  extra: Readonly<Record<string, string>> = {},
): { ended: Promise<Outcome>; kill: (signal: NodeJS.Signals) => void; spoke: Promise<void> } {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('npm_') && name !== 'NODE_OPTIONS',
  );
  const environment = {
    ...Object.fromEntries(inherited),
    npm_execpath: join(root, 'npm-cli.js'),
    FAKE_NPM_LOG: join(root, 'npm.log'),
    ...extra,
  };
  const child = spawn(process.execPath, [join(root, 'bin', 'bootstrap.mjs'), 'target.mjs', ...args], {
    cwd: root,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, error] = ['', ''];
  const spoke = new Promise<void>((resolve) =>
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => ((out += chunk), resolve())),
  );
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (error += chunk));
  const ended = new Promise<Outcome>((resolve) =>
    child.once('close', (code, signal) => resolve({ code, signal, out, error })),
  );
  return { ended, spoke, kill: (signal) => void child.kill(signal) };
}

const run = (args: readonly string[], extra: Readonly<Record<string, string>> = {}): Promise<Outcome> =>
  start(args, extra).ended;

async function npmCalls(): Promise<readonly { folder: string; args: readonly string[]; node: string }[]> {
  const log = join(root, 'npm.log');
  if (!existsSync(log)) return [];
  return (await readFile(log, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { folder: string; args: readonly string[]; node: string }); // written by the fake
}

const isPackaged = process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch);
const described = isPackaged ? describe : describe.skip;
described(`the bootstrap${isPackaged ? '' : ' [skipped: no Node 24 is packaged for this platform]'}`, () => {
  test('installs Node 24 alone first, everything else by it, then runs the target with clean output', async () => {
    const { code, out, error } = await run(['--json', 'a b']);
    expect({ code, args: (JSON.parse(out) as { args: unknown }).args }).toEqual({
      code: 0,
      args: ['--json', 'a b'],
    });
    expect(error).toContain('npm talks on standard output');
    const calls = await npmCalls();
    expect(calls.map(({ folder }) => folder)).toEqual([
      'node24',
      expect.stringContaining('gatehouse bootstrap'),
    ]);
    expect(calls.every(({ args }) => args[0] === 'ci')).toBe(true);
  });

  test('installs nothing the second time, and only what changed when a lock changes', async () => {
    await run([]);
    await run([]);
    expect(await npmCalls()).toHaveLength(2);
    await writeFile(join(root, 'package-lock.json'), '{"changed":true}');
    await run([]);
    expect((await npmCalls()).map(({ folder }) => folder === 'node24')).toEqual([true, false, false]);
  });

  test('installs again when node_modules was deleted', async () => {
    await run([]);
    await rm(join(root, 'node_modules'), { recursive: true });
    expect((await run([])).code).toBe(0);
    expect(await npmCalls()).toHaveLength(3);
  });

  test('of several starts at once one installs and all run', async () => {
    const all = await Promise.all([run([]), run([]), run([])]);
    expect(all.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(await npmCalls()).toHaveLength(2);
    expect(existsSync(join(root, 'bin', 'node24', '.bootstrap-lock'))).toBe(false);
  });

  test('takes over the lock of a start that was killed, one of several only', async () => {
    await mkdir(join(root, 'bin', 'node24', '.bootstrap-lock'));
    await writeFile(join(root, 'bin', 'node24', '.bootstrap-lock', 'owner'), '4194304'); // beyond the highest pid
    const all = await Promise.all([run([]), run([])]);
    expect(all.map(({ code }) => code)).toEqual([0, 0]);
    expect(await npmCalls()).toHaveLength(2);
  });

  test('says why when npm fails, and tries again the next time', async () => {
    const failed = await run([], { FAKE_NPM_FAILS: 'yes' });
    expect(failed.code).toBe(1);
    expect(failed.error).toContain('npm ci failed');
    expect(failed.out).toBe('');
    expect((await run([])).code).toBe(0);
  });

  test('ends as the target ended: exit code, or 128 + signal', async () => {
    expect((await run(['exit'])).code).toBe(7);
    expect((await run(['die'])).code).toBe(137);
  });

  test('passes SIGTERM on and waits for the target', async () => {
    const waiting = start(['wait']);
    await waiting.spoke;
    waiting.kill('SIGTERM');
    expect((await waiting.ended).code).toBe(5);
  });

  test('SIGTERM during the installation ends it, and the next start begins anew', async () => {
    const installing = start([]);
    for (let attempt = 0; attempt < 100 && (await npmCalls()).length === 0; attempt += 1)
      await new Promise((wake) => setTimeout(wake, 20));
    installing.kill('SIGTERM');
    expect((await installing.ended).code).toBe(143);
    expect((await run([])).code).toBe(0);
  });

  test('drops what the outer npm put into the environment, but for registry, cache and proxies', async () => {
    const { out } = await run([], {
      npm_config_registry: 'x',
      npm_config_cache: 'x',
      npm_config_https_proxy: 'x',
      npm_package_name: 'x',
      npm_config_omit: 'dev',
    });
    expect((JSON.parse(out) as { npm: unknown }).npm).toEqual([
      'npm_config_cache',
      'npm_config_https_proxy',
      'npm_config_registry',
    ]);
  });
});
