import { spawn } from 'node:child_process';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../kernel/index.ts';
import { fingerprint } from './console-files.ts';
import { serverError } from './errors.ts';

const root = join(import.meta.dirname, '..');
const consoleFolder = join(root, 'console');
const distFolder = join(consoleFolder, 'dist');

/**
 * Builds the console when it was never built or its sources changed since.
 *
 * @returns the folder to serve
 * @throws ERR_CONSOLE_BUILD
 */
export async function ensureConsole(logger: Logger): Promise<string> {
  const stampFile = join(distFolder, '.stamp');
  const wanted = await fingerprint(await sourceFiles(consoleFolder));
  const present = await readFile(stampFile, 'utf8').catch(() => null); // never built
  if (present === wanted) return distFolder;
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
  if ((await stat(vite).catch(() => null)) === null) {
    if (present !== null) return distFolder; // shipped already built, without the tools
    throw serverError(
      'ERR_CONSOLE_BUILD',
      'the console is not built and its build tools are not installed; run "npm ci" first',
    );
  }
  logger.info('building the console, once');
  await runVite(vite);
  await writeFile(stampFile, wanted);
  return distFolder;
}

async function sourceFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !file.startsWith(distFolder) && !file.includes('node_modules'));
}

async function runVite(vite: string): Promise<void> {
  const child = spawn(process.execPath, [vite, 'build', 'console', '--logLevel', 'warn'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output: string[] = [];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => void output.push(chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => void output.push(chunk));
  const code = await new Promise<number | null>((done) => child.once('close', done));
  if (code !== 0)
    throw serverError(
      'ERR_CONSOLE_BUILD',
      `the console could not be built:\n${output.join('').slice(-4_000)}`,
    );
}
