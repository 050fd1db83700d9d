import { spawn } from 'node:child_process';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../kernel/index.ts';
import { fingerprint } from './console-files.ts';
import { serverError } from './errors.ts';

const root = join(import.meta.dirname, '..');
const consoleFolder = join(root, 'console');
const distFolder = join(consoleFolder, 'dist');
const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
/** Builds that stay, so that a house which serves an older one keeps its files. */
const keptBuilds = 5;

/**
 * Builds the console when its sources were never built as they are now. Each build has a folder of its own, named by the
 * fingerprint of the sources.
 *
 * @returns the folder to serve
 * @throws ERR_CONSOLE_BUILD
 */
export async function ensureConsole(logger: Logger): Promise<string> {
  const folder = join(distFolder, (await fingerprint(await sourceFiles())).slice(0, 16));
  if (await isThere(join(folder, 'index.html'))) return folder;
  if (!(await isThere(vite))) return shippedBuild();
  logger.info('building the console, once');
  const draft = join(distFolder, `.building-${process.pid}`);
  await runVite(draft);
  await rename(draft, folder).catch(async (error: unknown) => {
    await rm(draft, { recursive: true, force: true });
    if (!(await isThere(join(folder, 'index.html')))) throw error; // else another start was faster
  });
  await prune();
  return folder;
}

const isThere = async (path: string): Promise<boolean> => (await stat(path).catch(() => null)) !== null;

async function sourceFiles(): Promise<string[]> {
  const entries = await readdir(consoleFolder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !file.startsWith(distFolder) && !file.includes('node_modules'));
}

/** Builds, oldest first. */
async function builds(): Promise<string[]> {
  const entries = await readdir(distFolder, { withFileTypes: true }).catch(() => []); // never built
  const folders = entries.filter((entry) => entry.isDirectory() && /^[0-9a-f]{16}$/.test(entry.name));
  const dated = await Promise.all(
    folders.map(async ({ name }) => ({
      path: join(distFolder, name),
      at: (await stat(join(distFolder, name))).mtimeMs,
    })),
  );
  return dated.toSorted((a, b) => a.at - b.at).map(({ path }) => path);
}

/** An image ships the console built and leaves out the tools. */
async function shippedBuild(): Promise<string> {
  const newest = (await builds()).at(-1);
  if (newest !== undefined) return newest;
  throw serverError(
    'ERR_CONSOLE_BUILD',
    'the console is not built and its build tools are not installed; run "npm ci" first',
  );
}

async function prune(): Promise<void> {
  for (const old of (await builds()).slice(0, -keptBuilds)) await rm(old, { recursive: true, force: true });
}

async function runVite(outFolder: string): Promise<void> {
  const child = spawn(
    process.execPath,
    [vite, 'build', 'console', '--outDir', outFolder, '--emptyOutDir', '--logLevel', 'warn'],
    {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const output: string[] = [];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => void output.push(chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => void output.push(chunk));
  const code = await new Promise<number | null>((done) => child.once('close', done));
  if (code === 0) return;
  await rm(outFolder, { recursive: true, force: true });
  throw serverError('ERR_CONSOLE_BUILD', `the console could not be built:\n${output.join('').slice(-4_000)}`);
}
