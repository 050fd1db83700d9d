import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { buildGoProgram, type GoProgram } from './go-program.ts';

/** The transit backend of Vault behind its HTTP API, in memory. */
export type TransitServer = { readonly url: string; readonly stop: () => Promise<void> };
/** Where the program is, or why it cannot be had. */
type TransitProgram = GoProgram;

/** Builds `tests/peers/transit`. */
export function provideTransit(): Promise<TransitProgram> {
  return buildGoProgram('transit');
}

/** Starts it on a free port of loopback; it ends with its standard input. */
export async function startTransit(program: string, flags: readonly string[]): Promise<TransitServer> {
  const child = spawn(program, flags, { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = new Promise<void>((done) => child.once('exit', () => done()));
  const lines = createInterface({ input: child.stdout });
  const [port] = await Promise.race([
    new Promise<string[]>((done) => lines.once('line', (line) => done([line]))),
    exited.then(() => {
      throw new Error('the transit server ended before it listened');
    }),
  ]);
  return {
    url: `${flags.includes('-cert') ? 'https' : 'http'}://127.0.0.1:${port ?? ''}`,
    stop: async () => {
      child.stdin.end();
      await exited;
    },
  };
}
