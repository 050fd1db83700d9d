import { stat } from 'node:fs/promises';
import { createSecretKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import type { RandomBytes, Secret, TenantId } from '../../kernel/index.ts';
import { toAeadKey, type AeadKey } from '../aead.ts';
import { keyBytes } from '../derive.ts';
import { cryptoError } from '../errors.ts';
import { withFileLock } from './file-lock.ts';
import {
  createSeal,
  openSealedFile,
  readSealedFile,
  removeLeftovers,
  writeSealedFile,
  type FileSeal,
} from './sealed-file.ts';

const key = z.string().length(44);
const epochName = z.string().max(60);
const destroyed = z.array(epochName).max(1_000_000);
/** The first format: every epoch's key came from one root, so that none could be destroyed for itself. */
const firstFormat = z.strictObject({ root: key, destroyed });
const secondFormat = z.strictObject({
  version: z.literal(2),
  /** One random key per tenant and epoch. */
  epochs: z.record(epochName, key),
  destroyed,
  /** Root of epochs made under the first format; null in files that began with the second. */
  firstRoot: key.nullable(),
});
type Content = z.output<typeof secondFormat>;

/** The keys of a sealed root file, kept true when another process rewrites it. */
export type RootFile = {
  /** The epoch's own key, or null when there is none. @throws ERR_CRYPTO_ROOT when it was destroyed */
  readonly find: (tenantId: TenantId, epoch: number) => Promise<AeadKey | null>;
  /** As `find`, made and on disk first when there is none. */
  readonly findOrCreate: (tenantId: TenantId, epoch: number) => Promise<AeadKey>;
  /** Removes the epoch's key from the file for good. */
  readonly destroy: (tenantId: TenantId, epoch: number) => Promise<void>;
  /** Root of the first format. */
  readonly firstRoot: () => KeyObject | null;
};

/** Where the file is and what opens it. */
export type RootFileOptions = {
  readonly file: string;
  readonly randomBytes: RandomBytes;
  readonly opener:
    | { readonly kind: 'passphrase'; readonly passphrase: Secret; readonly costLog2: number }
    | { readonly kind: 'seal'; readonly seal: FileSeal };
};

type State = {
  readonly seal: FileSeal;
  readonly version: string;
  readonly epochs: ReadonlyMap<string, AeadKey>;
  readonly destroyed: ReadonlySet<string>;
  readonly firstRoot: KeyObject | null;
};

const nameOf = (tenantId: TenantId, epoch: number): string => `${tenantId}/${epoch}`;

/** Opens the file, made when missing and brought to the second format when older. @throws ERR_CRYPTO_UNSEAL */
export async function openRootFile(options: RootFileOptions): Promise<RootFile> {
  let state = await openOrCreate(options);
  const refresh = async (): Promise<State> => {
    if ((await versionOf(options.file)) !== state.version) state = await reread(options, state.seal);
    return state;
  };
  const change = (edit: (content: Content) => void): Promise<State> =>
    withFileLock(options.file, options.randomBytes, async () => {
      const content = await readContent(options, state.seal);
      edit(content);
      await save(options, state.seal, content, false);
      state = await reread(options, state.seal);
      return state;
    });
  const findIn = (from: State, name: string): AeadKey | null => {
    if (from.destroyed.has(name))
      throw cryptoError('ERR_CRYPTO_ROOT', `epoch ${name.split('/')[1] ?? ''} of the tenant was destroyed`);
    return from.epochs.get(name) ?? null;
  };
  return Object.freeze({
    find: async (tenantId: TenantId, epoch: number) => findIn(await refresh(), nameOf(tenantId, epoch)),
    findOrCreate: async (tenantId: TenantId, epoch: number) => {
      const name = nameOf(tenantId, epoch);
      const known = findIn(await refresh(), name);
      if (known !== null) return known;
      const made = await change((content) => {
        if (!content.destroyed.includes(name))
          content.epochs[name] ??= options.randomBytes(keyBytes).toString('base64');
      });
      const fresh = findIn(made, name);
      if (fresh === null) throw damaged(options.file);
      return fresh;
    },
    destroy: async (tenantId: TenantId, epoch: number) => {
      const name = nameOf(tenantId, epoch);
      await change((content) => {
        delete content.epochs[name];
        if (!content.destroyed.includes(name)) content.destroyed.push(name);
      });
    },
    firstRoot: () => state.firstRoot,
  });
}

async function openOrCreate(options: RootFileOptions): Promise<State> {
  const { file, opener, randomBytes } = options;
  if (opener.kind === 'seal')
    return openExisting(options, opener.seal, await openSealedFile(file, opener.seal));
  const found = await readSealedFile(file, opener.passphrase);
  if (found !== null) return openExisting(options, found.seal, found.content);
  const seal = await createSeal(opener.passphrase, randomBytes, opener.costLog2);
  try {
    await createRootFile(file, seal, randomBytes);
  } catch (cause) {
    // Another process made it first: its file is the file.
    if ((cause as { code?: string }).code === 'EEXIST') return openOrCreate(options);
    const message = `the root key file "${file}" cannot be written; check the folder`;
    throw cryptoError('ERR_CRYPTO_UNSEAL', message, { cause });
  }
  return reread(options, seal);
}

/** An empty root file under a new seal. @throws EEXIST of node:fs when there is one */
export async function createRootFile(file: string, seal: FileSeal, randomBytes: RandomBytes): Promise<void> {
  const content: Content = { version: 2, epochs: {}, destroyed: [], firstRoot: null };
  await save({ file, randomBytes }, seal, content, true);
}

async function openExisting(options: RootFileOptions, seal: FileSeal, content: Buffer): Promise<State> {
  const { file, randomBytes } = options;
  const { migrated } = parseContent(file, content);
  if (migrated)
    await withFileLock(file, randomBytes, async () =>
      save(options, seal, await readContent(options, seal), false),
    );
  return reread(options, seal);
}

/** Seals the same keys anew: other shares, another passphrase. What opened the file before opens it no more. */
export async function resealRootFile(
  options: { readonly file: string; readonly randomBytes: RandomBytes },
  from: FileSeal,
  to: FileSeal,
): Promise<void> {
  await withFileLock(options.file, options.randomBytes, async () => {
    await save(options, to, await readContent(options, from), false);
    await readContent(options, to); // proves that it opens, before anybody forgets how it opened before
  });
}

async function reread(options: RootFileOptions, seal: FileSeal): Promise<State> {
  const version = await versionOf(options.file); // taken first: a change while reading is read again next time
  const content = await readContent(options, seal);
  return {
    seal,
    version,
    epochs: new Map(Object.entries(content.epochs).map(([name, text]) => [name, toAeadKey(secret(text))])),
    destroyed: new Set(content.destroyed),
    firstRoot: content.firstRoot === null ? null : secret(content.firstRoot),
  };
}

function secret(text: string): KeyObject {
  const bytes = Buffer.from(text, 'base64');
  const made = createSecretKey(bytes);
  bytes.fill(0);
  return made;
}

async function readContent({ file }: Pick<RootFileOptions, 'file'>, seal: FileSeal): Promise<Content> {
  return parseContent(file, await openSealedFile(file, seal)).content;
}

function parseContent(
  file: string,
  bytes: Buffer,
): { readonly content: Content; readonly migrated: boolean } {
  const value: unknown = JSON.parse(bytes.toString('utf8'));
  bytes.fill(0);
  const second = secondFormat.safeParse(value);
  if (second.success) return { content: second.data, migrated: false };
  const first = firstFormat.safeParse(value);
  if (!first.success) throw damaged(file);
  const content = {
    version: 2 as const,
    epochs: {},
    destroyed: first.data.destroyed,
    firstRoot: first.data.root,
  };
  return { content, migrated: true };
}

const damaged = (file: string): Error =>
  cryptoError('ERR_CRYPTO_UNSEAL', `the root key file "${file}" is damaged; restore it from a copy`);

/** Every rewrite is a new file, so its number and time tell it apart. */
async function versionOf(file: string): Promise<string> {
  const { ino, mtimeNs, size } = await stat(file, { bigint: true }).catch((cause: unknown) => {
    throw cryptoError('ERR_CRYPTO_ROOT', `the root key file "${file}" is gone; restore it`, { cause });
  });
  return `${ino} ${mtimeNs} ${size}`;
}

async function save(
  options: Pick<RootFileOptions, 'file' | 'randomBytes'>,
  seal: FileSeal,
  content: Content,
  exclusive: boolean,
): Promise<void> {
  const { file, randomBytes } = options;
  const bytes = Buffer.from(JSON.stringify(content), 'utf8');
  await writeSealedFile(file, seal, bytes, { randomBytes, exclusive });
  bytes.fill(0);
  if (!exclusive) await removeLeftovers(file); // under the lock nobody else is writing
}
