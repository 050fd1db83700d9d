import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { z } from 'zod';
import { createCosigner, type Cosigner } from '../cosignature.ts';
import { auditError } from '../errors.ts';
import { noteKeyTypes, privateKeyOf, seedBytes } from '../note-keys.ts';
import { parseVerifierKey, type NoteVerifier } from '../signed-note.ts';
import type { WatchedLogs } from './add-checkpoint.ts';

/** The config file of a witness. */
const configSchema = z.strictObject({
  /** The name in its signature lines: a schemeless URL without spaces and plus signs. */
  name: z
    .string()
    .min(1)
    .max(255)
    .regex(/^[^\s+]+$/),
  host: z.string().max(255).default('127.0.0.1'),
  port: z.int().min(0).max(65_535).default(8480),
  /** Where keys and checkpoints are kept; relative to the config file. */
  dataFolder: z.string().min(1).max(4_096),
  /** A log each: every verifier key under which it may sign. */
  logs: z
    .array(z.strictObject({ vkeys: z.array(z.string().max(4_096)).min(1).max(8) }))
    .min(1)
    .max(10_000),
});

/** A witness as its config file describes it. */
export type WitnessConfig = {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly dataFolder: string;
  readonly logs: WatchedLogs;
};

/** Reads the config file. @throws ERR_AUDIT_WITNESS_CONFIG naming what is wrong */
export async function readWitnessConfig(path: string): Promise<WitnessConfig> {
  const parsed = configSchema.safeParse(await readJson(path));
  if (!parsed.success)
    throw refuse(parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; '));
  const { logs, dataFolder, ...rest } = parsed.data;
  const folder = isAbsolute(dataFolder) ? dataFolder : join(dirname(path), dataFolder);
  return { ...rest, dataFolder: folder, logs: readLogs(logs) };
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw refuse(`${path} cannot be read as JSON`, cause);
  }
}

function readLogs(logs: readonly { readonly vkeys: readonly string[] }[]): WatchedLogs {
  const watched = new Map<string, readonly NoteVerifier[]>();
  for (const { vkeys } of logs) {
    const keys = vkeys.map((vkey) => {
      try {
        return parseVerifierKey(vkey);
      } catch (cause) {
        throw refuse(`"${vkey.slice(0, 60)}" is not a verifier key`, cause);
      }
    });
    const [first] = keys;
    if (first === undefined || keys.some(({ name }) => name !== first.name))
      throw refuse('the keys of one log must have one name, its origin');
    if (watched.has(first.name)) throw refuse(`the log ${first.name} stands there twice`);
    watched.set(first.name, keys);
  }
  return watched;
}

/**
 * The keys of a witness, made at the first call and kept in its data folder, readable to its owner alone. Each kind has
 * a seed of its own: what breaks one says nothing of the other.
 */
export async function openWitnessKeys(name: string, dataFolder: string): Promise<readonly Cosigner[]> {
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  const types = [noteKeyTypes.cosignatureV1, noteKeyTypes.subtreeV1] as const;
  const names = { [noteKeyTypes.cosignatureV1]: 'ed25519.seed', [noteKeyTypes.subtreeV1]: 'ml-dsa-44.seed' };
  const cosigners: Cosigner[] = [];
  for (const type of types) {
    const seed = await openSeed(join(dataFolder, names[type]));
    cosigners.push(createCosigner(name, privateKeyOf(type, seed)));
  }
  return cosigners;
}

async function openSeed(path: string): Promise<Buffer> {
  try {
    const file = await open(path, 'wx', 0o600);
    try {
      await file.writeFile(`${randomBytes(seedBytes).toString('hex')}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error; // what the file system throws
  }
  const hex = (await readFile(path, 'utf8')).trim();
  if (!/^[0-9a-f]{64}$/.test(hex)) throw refuse(`${path} is not a key of 64 hexadecimal digits`);
  return Buffer.from(hex, 'hex');
}

function refuse(why: string, cause?: unknown): Error {
  return auditError('ERR_AUDIT_WITNESS_CONFIG', `the witness cannot start: ${why}`, { cause });
}
