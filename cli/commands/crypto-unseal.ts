import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { reseal, type PresentSeal, type WantedSeal } from '../../crypto/index.ts';
import { GatehouseError, isGatehouseError, Secret, systemRandomBytes } from '../../kernel/index.ts';
import { openDataFolder, readConfig, rootKeyPassphrase } from '../../server/index.ts';
import { readBootstrap } from '../bootstrap-file.ts';
import { UsageError, type Command, type CommandInput } from '../command.ts';

type Progress = {
  readonly sealed: boolean;
  readonly given: number;
  readonly threshold: number;
  readonly repeated: boolean;
};

const unsealCommand: Command = {
  name: 'crypto unseal',
  summary: 'Give shares of the root key to a sealed house, or make a new house that is sealed by shares',
  usage:
    'gatehouse crypto unseal [--url URL] [--json] < shares, one a line   |   gatehouse crypto unseal --shares N --threshold M   (a new house; prints the shares once)',
  options: { url: { type: 'string' }, shares: { type: 'string' }, threshold: { type: 'string' } },
  run: async (input) => {
    if (input.values['shares'] !== undefined || input.values['threshold'] !== undefined)
      return sealAnew(input, { onlyNew: true });
    const url = await addressOf(input);
    let progress: Progress | null = null;
    for await (const share of sharesOf(input)) {
      progress = await giveShare(url, share);
      if (input.json) input.io.out(JSON.stringify(progress));
      else input.io.out(progressLine(progress));
      if (!progress.sealed) return 0;
    }
    if (progress === null) throw new UsageError('no share: write each share on a line of the standard input');
    return 1;
  },
};

function progressLine({ sealed, given, threshold, repeated }: Progress): string {
  if (!sealed) return 'the house is unsealed';
  return `${given} of ${threshold} shares are given${repeated ? '; this one had been given before' : ''}`;
}

async function addressOf({ values, io }: CommandInput): Promise<string> {
  const { environment } = io;
  const given = values['url'] ?? environment['GATEHOUSE_URL'] ?? (await readBootstrap(environment))?.url;
  if (typeof given === 'string') return given;
  const { host, port } = readConfig(environment);
  return `http://${host}:${port}`;
}

async function giveShare(url: string, share: string): Promise<Progress> {
  const response = await fetch(new URL('/v1/crypto/unseal', url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ share }),
  });
  type Answer = Progress & { readonly code?: string; readonly detail?: string };
  const answer = (await response.json().catch(() => ({}))) as Answer; // our own route
  if (response.ok) return answer;
  const message = answer.detail ?? `refused with ${response.status}`;
  throw new GatehouseError(answer.code ?? 'ERR_INTERNAL', message, { status: response.status });
}

/** From the standard input: shares stand in no list of processes and in no history of a shell. */
async function* sharesOf({ io }: CommandInput): AsyncGenerator<string> {
  const prompt = process.stdin.isTTY;
  if (prompt) io.error('share (one a line, an empty line ends):');
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line.trim() !== '') yield line.trim();
    else if (prompt) return;
  }
}

const resealCommand: Command = {
  name: 'crypto reseal',
  summary: 'Seal the root key file of a stopped house anew: by other shares, or by the passphrase again',
  usage:
    'gatehouse crypto reseal --shares N --threshold M | --passphrase   [--json]   (present shares: standard input, one a line; passphrase: GATEHOUSE_ROOT_KEY_PASSPHRASE)',
  options: {
    shares: { type: 'string' },
    threshold: { type: 'string' },
    passphrase: { type: 'boolean' },
  },
  run: (input) => sealAnew(input, { onlyNew: false }),
};

async function sealAnew(input: CommandInput, { onlyNew }: { readonly onlyNew: boolean }): Promise<0> {
  const config = readConfig(input.io.environment);
  await mkdir(config.dataFolder, { recursive: true, mode: 0o711 });
  const folder = await openDataFolder(config.dataFolder); // refused while a house runs on it
  try {
    const passphrase = await rootKeyPassphrase(config, folder);
    const to = wantedOf(input, passphrase);
    const now = onlyNew ? { passphrase: null, shares: [] } : await presentOf(input, passphrase);
    const shown: string[] = [];
    const done = await reseal(
      {
        file: join(folder.secretsPath, 'root-key'),
        randomBytes: systemRandomBytes,
        show: (shares) => showShares(input, shares, shown),
      },
      now,
      to,
    );
    if (input.json) input.io.out(JSON.stringify({ done, shares: shown }));
    else input.io.out(done === 'made' ? 'the root key file was made' : 'the root key file is sealed anew');
    return 0;
  } catch (error) {
    if (onlyNew && isGatehouseError(error) && error.code === 'ERR_CRYPTO_UNSEAL')
      throw new UsageError('there is a root key file already; use "gatehouse crypto reseal" to seal it anew');
    throw error;
  } finally {
    await folder.release();
  }
}

/** Printed before the file changes: a terminal that dies here has cost nothing. */
function showShares({ io, json }: CommandInput, shares: readonly Secret[], shown: string[]): void {
  for (const [at, share] of shares.entries()) {
    shown.push(share.reveal());
    if (!json) io.out(`share ${at + 1}: ${share.reveal()}`);
  }
  if (!json) io.out('give each share to another person; they are not shown again');
}

function wantedOf({ values }: CommandInput, passphrase: Secret | null): WantedSeal {
  if (values['passphrase'] === true) {
    if (passphrase === null) throw new UsageError('set GATEHOUSE_ROOT_KEY_PASSPHRASE to the new passphrase');
    return { kind: 'passphrase', passphrase };
  }
  const [shares, threshold] = [Number(values['shares']), Number(values['threshold'])];
  if (!Number.isInteger(shares) || !Number.isInteger(threshold))
    throw new UsageError('say how: --shares N --threshold M, or --passphrase');
  return { kind: 'shares', count: { shares, threshold } };
}

/** Shares are read only when they are piped in; a file under a passphrase needs none. */
async function presentOf(input: CommandInput, passphrase: Secret | null): Promise<PresentSeal> {
  const shares: Secret[] = [];
  if (!process.stdin.isTTY) for await (const share of sharesOf(input)) shares.push(new Secret(share));
  return { passphrase, shares };
}

/** `gatehouse crypto unseal|reseal`. */
export const unsealCommands: readonly Command[] = Object.freeze([unsealCommand, resealCommand]);
