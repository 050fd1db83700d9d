import { spawn, type ChildProcess } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');

/** `gatehouse audit witness` in a process of its own. */
export type WitnessProcess = {
  readonly url: string;
  readonly vkeys: readonly string[];
  /** @param signal - SIGKILL ends it as a power cut would */
  readonly stop: (signal?: NodeJS.Signals) => Promise<number | null>;
};

/** Logs it watches, and where it keeps what it saw. */
export type WitnessOptions = {
  readonly folder: string;
  readonly logs: readonly (readonly string[])[];
  readonly name?: string;
  /** Default: any free one. */
  readonly port?: number;
};

/** Writes the config file. @returns its path */
export async function writeWitnessConfig({
  folder,
  logs,
  name = 'witness.example/w1',
  port = 0,
}: WitnessOptions): Promise<string> {
  const path = join(folder, 'witness.json');
  const config = { name, port, dataFolder: 'data', logs: logs.map((vkeys) => ({ vkeys })) };
  await writeFile(path, JSON.stringify(config));
  return path;
}

/** Starts one and waits until it listens. @throws Error with its last words when it does not get there */
export async function startWitness(options: WitnessOptions): Promise<WitnessProcess> {
  const config = await writeWitnessConfig(options);
  const child = spawn(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      join(root, 'cli', 'main.ts'),
      'audit',
      'witness',
      '--config',
      config,
      '--json',
    ],
    { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const first = await firstLine(child);
  const { url, vkeys } = JSON.parse(first) as { url: string; vkeys: readonly string[] }; // our own command
  return {
    url,
    vkeys,
    stop: async (signal = 'SIGTERM') => {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      const ended = new Promise<number | null>((done) => child.once('close', (code) => done(code)));
      child.kill(signal);
      return ended;
    },
  };
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((done, fail) => {
    let out = '';
    let errors = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (errors += text));
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      out += text;
      const end = out.indexOf('\n');
      if (end >= 0) done(out.slice(0, end));
    });
    child.once('close', (code) => fail(new Error(`the witness ended with ${code}: ${errors}`)));
  });
}
