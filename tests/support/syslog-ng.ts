import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from './cache-folder.ts';
import { testFolderPrefix } from './leftovers.ts';
import { serverOf, type SyslogPlace, type SyslogServer } from './rsyslog.ts';
import { startServer } from './server-process.ts';
import { missingOpenssl } from './test-certificates.ts';

const run = promisify(execFile);

/** Where an unpacked syslog-ng is, or why it cannot be had. */
export type SyslogNg = { readonly home: string } | { readonly missing: string };

/** The package of the distribution, unpacked beside rsyslog, with which it cannot be installed. */
export async function provideSyslogNg(): Promise<SyslogNg> {
  const home = join(cacheFolder(), 'syslog-ng');
  const lacking = missingOpenssl();
  if (lacking !== null) return { missing: lacking };
  if (existsSync(home)) return { home };
  for (const program of ['apt-get', 'dpkg-deb'])
    if (spawnSync(program, ['--version']).status !== 0)
      return { missing: `syslog-ng is fetched as a Debian package, and there is no ${program}` };
  const folder = await mkdtemp(join(tmpdir(), `${testFolderPrefix}syslog-ng-`));
  try {
    await fetchPackages(folder, ['syslog-ng-core']);
    const [core] = await readdir(folder);
    const { stdout } = await run('dpkg-deb', ['-f', join(folder, core ?? ''), 'Depends']);
    const needed = stdout.split(',').map((one) => one.trim().split(/[ |(]/)[0] ?? '');
    const absent = needed.filter((name) => name !== '' && spawnSync('dpkg', ['-s', name]).status !== 0);
    if (absent.length > 0) await fetchPackages(folder, absent);
    const made = join(folder, 'root');
    for (const file of (await readdir(folder)).filter((name) => name.endsWith('.deb')))
      await run('dpkg-deb', ['-x', join(folder, file), made]);
    await mkdir(cacheFolder(), { recursive: true });
    await run('cp', ['-a', made, `${home}.${process.pid}`]);
    await rename(`${home}.${process.pid}`, home);
    return { home };
  } catch (error) {
    return { missing: `syslog-ng could not be fetched: ${(error as Error).message.split('\n')[1] ?? ''}` }; // execFile throws Errors
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function fetchPackages(folder: string, names: readonly string[]): Promise<void> {
  await run('apt-get', ['-q', 'download', ...names], { cwd: folder, timeout: 120_000 });
}

/** Folders under a root that hold libraries or modules. */
async function librariesOf(
  home: string,
): Promise<{ readonly modules: string; readonly version: string; readonly path: string }> {
  const folder = join(home, 'usr', 'lib', 'syslog-ng');
  const version = (await readdir(folder)).find((name) => /^\d+\.\d+$/.test(name));
  if (version === undefined) throw new Error('syslog-ng has no folder of modules');
  const machine = ['x86_64-linux-gnu', 'aarch64-linux-gnu'].flatMap((name) => [
    join(home, 'usr', 'lib', name),
    join(home, 'lib', name),
  ]);
  return { modules: join(folder, version), version, path: [folder, ...machine].join(':') };
}

/** syslog-ng in the foreground with its own configuration, control socket and pid file. */
export async function createSyslogNg(
  home: string,
  { folder, port, authority, certificate }: SyslogPlace,
): Promise<SyslogServer> {
  const [configuration, output] = [join(folder, 'syslog-ng.conf'), join(folder, 'messages.jsonl')];
  const { modules, version, path } = await librariesOf(home);
  await mkdir(folder, { recursive: true });
  await writeFile(
    configuration,
    `@version: ${version}
options { keep-hostname(yes); use-dns(no); stats-freq(0); log-msg-size(1100000); };
source tls_in {
  syslog(ip(127.0.0.1) port(${port}) transport("tls") max-connections(50) tls(
    key-file("${certificate.keyFile}") cert-file("${certificate.certFile}") ca-file("${authority.certFile}")
    peer-verify(required-trusted)));
};
destination lines {
  file("${output}" template("$(format-json pri=$PRI hostname=$HOST appName=$PROGRAM msgId=$MSGID structured=$SDATA msg=$MSG)\\n"));
};
log { source(tls_in); destination(lines); };
`,
  );
  const files = ['-p', join(folder, 'pid'), '-c', join(folder, 'control'), '-R', join(folder, 'persist')];
  return serverOf(folder, output, () =>
    startServer({
      program: join(home, 'usr', 'sbin', 'syslog-ng'),
      args: ['-F', '--no-caps', '-f', configuration, `--module-path=${modules}`, ...files],
      environment: { LD_LIBRARY_PATH: path },
      port,
    }),
  );
}
