// Brings Node 24 and the dependencies, then runs `node <target> <args>` with them. It has no dependencies itself and
// runs on any Node >= 20.19. Two phases: under Node 20 npm silently leaves out native packages whose `engines` exclude
// it, so the machine's npm installs Node 24 alone, and that Node 24 runs npm for everything else.
// Usage: node bin/bootstrap.mjs <script> [args...]
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { constants } from 'node:os';
import { basename, delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ownFile = fileURLToPath(import.meta.url);
const root = resolve(dirname(ownFile), '..');
const runtimeFolder = join(root, 'bin', 'node24');
const lockFolder = join(runtimeFolder, '.bootstrap-lock');
const lockWaitMilliseconds = 15 * 60_000;
const minimumNode = [20, 19];
const ownNodeSuffices = [24, 12];
const runtimePackages = { 'linux-x64': 'bin/node', 'linux-arm64': 'bin/node', 'win-x64': 'bin/node.exe' };

/** A failure that the reader can mend; printed without a stack. */
class BootstrapError extends Error {}

let running = null; // the child that signals are passed on to
let stoppedBy = null; // a signal that came while nothing could take it

/** Entry: installs what is missing, runs the target, ends as it ended. */
export async function bootstrap(target, args) {
  passSignalsOn();
  endWithNpm();
  try {
    if (!isAtLeast(minimumNode))
      fail(`Node ${process.version} is too old; install Node >= ${minimumNode.join('.')}`);
    if (target === undefined) fail('no script named; usage: node bin/bootstrap.mjs <script> [args...]');
    const node = await ensureInstalled();
    process.exitCode = await run(node, [resolve(root, target), ...args], {
      env: environment(node),
      stdio: 'inherit',
    });
  } catch (error) {
    if (!(error instanceof BootstrapError)) throw error;
    console.error(`gatehouse: ${error.message}`);
    process.exitCode = stoppedBy === null ? 1 : 128 + constants.signals[stoppedBy];
  }
}

function fail(message) {
  throw new BootstrapError(message);
}

function isAtLeast([major, minor]) {
  const [ownMajor, ownMinor] = process.versions.node.split('.').map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

/** Installs in two phases unless the stamps say that it was done for these very locks. Returns the Node to run with. */
async function ensureInstalled() {
  if (!isInstalled()) await underLock(install);
  return findNode();
}

function isInstalled() {
  return isStamped(root) && (runtimeBinary() === null || isStamped(runtimeFolder)) && findNode() !== null;
}

async function install() {
  if (isInstalled()) return; // another start did it while this one waited
  const npm = findNpm();
  if (runtimeBinary() !== null && !(isStamped(runtimeFolder) && existsSync(runtimeBinary()))) {
    say('installing Node 24 (once)');
    await runNpm(npm, process.execPath, runtimeFolder);
    stamp(runtimeFolder);
  }
  const node = findNode();
  if (node === null) {
    fail(
      `no Node 24 is packaged for ${platform()}; install Node >= ${ownNodeSuffices.join('.')} and run this again with it`,
    );
  }
  if (isStamped(root)) return;
  say('installing dependencies (once; under a minute on a good line)');
  await runNpm(npm, node, root);
  stamp(root);
}

function platform() {
  return `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
}

/** Where the packaged Node 24 of this platform stands once installed; null where none is packaged. */
function runtimeBinary() {
  const file = runtimePackages[platform()];
  return file === undefined || isMusl()
    ? null
    : join(runtimeFolder, 'node_modules', `node-${platform()}`, file);
}

/** The packaged binaries need glibc. */
function isMusl() {
  if (process.platform !== 'linux') return false;
  return (
    existsSync(`/lib/ld-musl-${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}.so.1`) &&
    !existsSync('/lib64/ld-linux-x86-64.so.2') &&
    !existsSync('/lib/ld-linux-aarch64.so.1')
  );
}

function findNode() {
  const packaged = runtimeBinary();
  if (packaged !== null && existsSync(packaged)) return packaged;
  return packaged === null && isAtLeast(ownNodeSuffices) ? process.execPath : null;
}

// --- stamps -------------------------------------------------------------------------------------------------------

/** Inside node_modules, so that whoever deletes that folder deletes the stamp with it. */
function stampFile(folder) {
  return join(folder, 'node_modules', '.bootstrap-stamp.json');
}

function stampText(folder) {
  const lock = createHash('sha256')
    .update(readFileSync(join(folder, 'package-lock.json')))
    .digest('hex');
  return `${JSON.stringify({ lock, platform: platform() })}\n`;
}

function isStamped(folder) {
  try {
    return readFileSync(stampFile(folder), 'utf8') === stampText(folder);
  } catch {
    return false; // never installed, or half installed
  }
}

/** Says that the lock of this folder is installed. */
export function stamp(folder) {
  writeFileSync(stampFile(folder), stampText(folder));
}

// --- npm ----------------------------------------------------------------------------------------------------------

async function runNpm(npm, node, folder) {
  const args = ['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'];
  const env = environment(node);
  delete env.NODE_ENV; // production would leave out what tests need
  const stdio = ['ignore', process.stderr, 'inherit']; // standard output belongs to the target
  const code = await run(node, [npm, ...args], { cwd: folder, env, stdio });
  if (code !== 0) {
    fail(
      `npm ci failed in ${folder} (exit ${code}); its own lines above say why. Is the npm registry reachable? Run the same command again to retry`,
    );
  }
}

/** The machine's npm-cli.js: the npm that called us, the one on PATH, or the one beside this Node. */
function findNpm() {
  const isCli = (file) => basename(file) === 'npm-cli.js' && existsSync(file);
  const folders = (process.env.PATH ?? process.env.Path ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '');
  const beside = dirname(process.execPath);
  const candidates = [
    process.env.npm_execpath ?? '',
    ...folders.flatMap((folder) => [
      realFile(join(folder, 'npm')),
      join(folder, 'node_modules/npm/bin/npm-cli.js'),
    ]),
    join(beside, '../lib/node_modules/npm/bin/npm-cli.js'),
    join(beside, 'node_modules/npm/bin/npm-cli.js'),
  ];
  return (
    candidates.find(isCli) ??
    fail('npm was not found; install it beside Node, or run this through "npm start"')
  );
}

function realFile(file) {
  try {
    return realpathSync(file);
  } catch {
    return ''; // not in this folder
  }
}

const keptNpmSetting =
  /^npm_config_(.*registry|cache|(https?_|no)?proxy|https-proxy|cafile|strict_ssl|userconfig)$/i;

/** The environment without what the outer npm added, with Node 24 first on PATH. */
function environment(node) {
  const env = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (!/^npm_/i.test(name) || keptNpmSetting.test(name)) env[name] = value;
  }
  const pathName = Object.keys(env).find((name) => name.toUpperCase() === 'PATH') ?? 'PATH';
  env[pathName] = [dirname(node), ...(env[pathName] ? [env[pathName]] : [])].join(delimiter);
  return env;
}

// --- one start at a time ------------------------------------------------------------------------------------------

async function underLock(work) {
  await takeLock();
  try {
    await work();
  } finally {
    releaseLock();
  }
}

async function takeLock() {
  const deadline = Date.now() + lockWaitMilliseconds;
  for (let told = false; ; told = true) {
    if (createLock() || takeOverStaleLock()) return;
    if (stoppedBy !== null) fail(`stopped by ${stoppedBy}`);
    if (Date.now() > deadline)
      fail(`another start has been installing for too long; end it, or delete ${lockFolder}`);
    if (!told) say('another start is installing; waiting for it');
    await new Promise((wake) => setTimeout(wake, 200));
  }
}

function createLock() {
  try {
    mkdirSync(lockFolder);
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
  writeFileSync(join(lockFolder, 'owner'), String(process.pid));
  return true;
}

/** A dead owner's lock passes to the one start that can make the folder named after that owner. */
function takeOverStaleLock() {
  const owner = lockOwner();
  if (owner === null || isAlive(owner)) return false;
  try {
    mkdirSync(join(lockFolder, `after-${owner}`));
  } catch {
    return false; // another start was faster, or the lock is gone
  }
  if (lockOwner() !== owner) return false; // released and taken again meanwhile
  writeFileSync(join(lockFolder, `owner-${process.pid}`), String(process.pid));
  renameSync(join(lockFolder, `owner-${process.pid}`), join(lockFolder, 'owner'));
  return true;
}

/** The pid; 0 where an owner died before it could write one; null when there is nothing to say yet. */
function lockOwner() {
  try {
    return Number(readFileSync(join(lockFolder, 'owner'), 'utf8'));
  } catch {
    try {
      return Date.now() - statSync(lockFolder).mtimeMs > 5_000 ? 0 : null;
    } catch {
      return null; // released just now
    }
  }
}

function isAlive(pid) {
  if (pid === 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM'; // somebody else's process, alive
  }
}

function releaseLock() {
  const away = `${lockFolder}-${process.pid}`;
  try {
    renameSync(lockFolder, away); // in one step, so that nobody meets half a lock
    rmSync(away, { recursive: true, force: true });
  } catch {
    // Somebody deleted it by hand.
  }
}

// --- children and signals -----------------------------------------------------------------------------------------

function passSignalsOn() {
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT']) {
    process.on(signal, () => {
      stoppedBy ??= signal;
      // A terminal gives Ctrl-C to the whole group, the child included; twice would mean "at once".
      if (signal !== 'SIGINT' || process.stdin.isTTY !== true) running?.kill(signal);
    });
  }
}

/** npm ends its shell on SIGTERM, and the shell passes nothing on: when it is gone, so is the reason to run. */
function endWithNpm() {
  if (process.env.npm_lifecycle_event === undefined) return;
  const shell = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === shell) return;
    clearInterval(watch);
    stoppedBy ??= 'SIGTERM';
    running?.kill('SIGTERM');
  }, 200);
  watch.unref();
}

/** The exit code; 128 + n when a signal ended it. */
function run(command, args, options) {
  if (stoppedBy !== null) fail(`stopped by ${stoppedBy}`);
  return new Promise((done, reject) => {
    running = spawn(command, args, options);
    running.once('error', (error) =>
      reject(new BootstrapError(`"${command}" could not be started: ${error.message}`)),
    );
    running.once('exit', (code, signal) => {
      running = null;
      done(signal === null ? code : 128 + constants.signals[signal]);
    });
  });
}

function say(message) {
  console.error(`gatehouse: ${message}`);
}

const isMain = process.argv[1] !== undefined && realFile(process.argv[1]) === realFile(ownFile);
if (isMain) await bootstrap(process.argv[2], process.argv.slice(3));
