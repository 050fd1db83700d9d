import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startServer, type ServerProcess } from './server-process.ts';
import { missingOpenssl, type TestCertificate } from './test-certificates.ts';

const program = '/usr/sbin/rsyslogd';
const drivers = [
  '/usr/lib/x86_64-linux-gnu/rsyslog',
  '/usr/lib/aarch64-linux-gnu/rsyslog',
  '/usr/lib/rsyslog',
  '/usr/lib64/rsyslog',
];

/** Why rsyslog with TLS cannot be had, or null. */
export function missingRsyslog(): string | null {
  if (!existsSync(program)) return 'rsyslog is not installed; install the package "rsyslog"';
  if (!drivers.some((folder) => existsSync(join(folder, 'lmnsd_gtls.so'))))
    return 'rsyslog has no TLS; install the package "rsyslog-gnutls"';
  return missingOpenssl();
}

/** A message as a syslog receiver wrote it down. */
export type SyslogLine = {
  readonly pri: string;
  readonly hostname: string;
  readonly appName: string;
  readonly msgId: string;
  readonly structured: string;
  readonly msg: string;
};

/** A syslog receiver over TLS that lets known clients in only. */
export type SyslogServer = {
  readonly start: () => Promise<void>;
  readonly stop: (signal?: NodeJS.Signals) => Promise<void>;
  readonly lines: () => Promise<readonly SyslogLine[]>;
  readonly remove: () => Promise<void>;
};

/** Where it stands and what it shows. */
export type SyslogPlace = {
  /** Of its own. */
  readonly folder: string;
  readonly port: number;
  readonly authority: TestCertificate;
  readonly certificate: TestCertificate;
};

/** rsyslog in the foreground with its own configuration, work folder and pid file. */
export async function createRsyslog({
  folder,
  port,
  authority,
  certificate,
}: SyslogPlace): Promise<SyslogServer> {
  const [configuration, output] = [join(folder, 'rsyslog.conf'), join(folder, 'messages.jsonl')];
  await mkdir(join(folder, 'work'), { recursive: true });
  await writeFile(
    configuration,
    `global(
  workDirectory="${join(folder, 'work')}"
  maxMessageSize="1100k"
  parser.escapeControlCharactersOnReceive="off"
  defaultNetstreamDriver="gtls"
  defaultNetstreamDriverCAFile="${authority.certFile}"
  defaultNetstreamDriverCertFile="${certificate.certFile}"
  defaultNetstreamDriverKeyFile="${certificate.keyFile}"
)
module(load="imtcp" maxFrameSize="1100000" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="x509/certvalid")
input(type="imtcp" port="${port}" address="127.0.0.1")
template(name="line" type="list" option.jsonf="on") {
  property(outname="pri" name="pri" format="jsonf")
  property(outname="hostname" name="hostname" format="jsonf")
  property(outname="appName" name="app-name" format="jsonf")
  property(outname="msgId" name="msgid" format="jsonf")
  property(outname="structured" name="structured-data" format="jsonf")
  property(outname="msg" name="msg" format="jsonf")
}
action(type="omfile" file="${output}" template="line")
`,
  );
  return serverOf(folder, output, () =>
    startServer({ program, args: ['-n', '-f', configuration, '-i', join(folder, 'pid')], port }),
  );
}

/** A receiver that writes one JSON object a line. */
export function serverOf(folder: string, output: string, launch: () => Promise<ServerProcess>): SyslogServer {
  let running: ServerProcess | null = null;
  const stop = async (signal?: NodeJS.Signals): Promise<void> => {
    await running?.stop(signal);
    running = null;
  };
  return {
    start: async () => {
      running ??= await launch();
    },
    stop,
    lines: async () => {
      const text = existsSync(output) ? await readFile(output, 'utf8') : '';
      return text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as SyslogLine); // as its template says
    },
    remove: async () => {
      await stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
