import { createSecretKey } from 'node:crypto';
import { z } from 'zod';
import type { RandomBytes, Secret, TenantId } from '../kernel/index.ts';
import { aeadOpen, aeadSeal, nonceBytes, tagBytes, toAeadKey, type AeadKey } from './aead.ts';
import { uuidBytes } from './associated-data.ts';
import { expand, keyBytes } from './derive.ts';
import { cryptoError } from './errors.ts';
import type { RootProvider } from './root-provider.ts';
import {
  createSeal,
  defaultCostLog2,
  readSealedFile,
  writeSealedFile,
  type PassphraseSeal,
} from './sealed-file.ts';

/** Where the root is and what opens it. */
export type LocalProviderOptions = {
  /** Made with mode 0600 when missing. */
  readonly file: string;
  readonly passphrase: Secret;
  readonly randomBytes: RandomBytes;
  /** log2 of scrypt's cost for a new file, 14..20; default 17. */
  readonly costLog2?: number;
  /** False says that an operator chose this provider and keeps the passphrase elsewhere; default true. */
  readonly development?: boolean;
};

const contentSchema = z.strictObject({
  root: z.string().length(44),
  destroyed: z.array(z.string().max(60)).max(1_000_000),
});
type Content = z.output<typeof contentSchema>;

const label = Buffer.from('ctl/root1\0', 'latin1');
const rootLabel = Buffer.from('ctl/root1/wrap\0', 'latin1');

function bindingOf(tenantId: TenantId, epoch: number): Buffer {
  const number = Buffer.alloc(4);
  number.writeUInt32BE(epoch);
  return Buffer.concat([label, uuidBytes(tenantId), number]);
}

/**
 * The root in a file sealed by a passphrase.
 *
 * @throws ERR_CRYPTO_UNSEAL when the passphrase is wrong or the file is damaged or open to others
 */
export async function createLocalProvider(options: LocalProviderOptions): Promise<RootProvider> {
  const { file, randomBytes } = options;
  const { seal, content } = await openOrCreate(options);
  const rootBytes = Buffer.from(content.root, 'base64');
  const root = createSecretKey(rootBytes);
  rootBytes.fill(0);
  const destroyed = new Set(content.destroyed);
  const name = (tenantId: TenantId, epoch: number): string => `${tenantId}/${epoch}`;
  const epochKey = (tenantId: TenantId, epoch: number): AeadKey => {
    if (destroyed.has(name(tenantId, epoch))) {
      throw cryptoError(
        'ERR_CRYPTO_ROOT',
        `epoch ${epoch} of the tenant was destroyed and is never opened again`,
      );
    }
    return toAeadKey(createSecretKey(expand(root, rootLabel, bindingOf(tenantId, epoch))));
  };
  return Object.freeze({
    name: 'local',
    wrap: async (tenantId: TenantId, epoch: number, key: Buffer) => {
      const nonce = randomBytes(nonceBytes);
      return Buffer.concat([
        nonce,
        aeadSeal(epochKey(tenantId, epoch), nonce, bindingOf(tenantId, epoch), key),
      ]);
    },
    unwrap: async (tenantId: TenantId, epoch: number, wrapped: Buffer) => {
      const key = epochKey(tenantId, epoch);
      const exact = wrapped.length === nonceBytes + keyBytes + tagBytes;
      const opened = exact
        ? aeadOpen(
            key,
            wrapped.subarray(0, nonceBytes),
            bindingOf(tenantId, epoch),
            wrapped.subarray(nonceBytes),
          )
        : null;
      if (opened === null)
        throw cryptoError(
          'ERR_CRYPTO_ROOT',
          'the root key does not open this tenant key; is it the right root key file?',
        );
      return opened;
    },
    describe: async () => ({ name: 'local', kind: 'sealed-file', development: options.development ?? true }),
    scheduleDestroy: async (tenantId: TenantId, epoch: number) => {
      destroyed.add(name(tenantId, epoch));
      await save(
        file,
        seal,
        { root: root.export().toString('base64'), destroyed: [...destroyed] },
        { randomBytes, exclusive: false },
      );
    },
    health: async () => ({ ok: true, detail: 'the root key file is unsealed' }),
  });
}

type Opened = { readonly seal: PassphraseSeal; readonly content: Content };

async function openOrCreate(options: LocalProviderOptions): Promise<Opened> {
  const existing = await readContent(options);
  if (existing !== null) return existing;
  const seal = await createSeal(options.passphrase, options.randomBytes, options.costLog2 ?? defaultCostLog2);
  const content = { root: options.randomBytes(keyBytes).toString('base64'), destroyed: [] };
  try {
    await save(options.file, seal, content, { randomBytes: options.randomBytes, exclusive: true });
    return { seal, content };
  } catch (cause) {
    // Another process made it first: its root is the root.
    const other = (cause as { code?: string }).code === 'EEXIST' ? await readContent(options) : null;
    if (other !== null) return other;
    throw cryptoError(
      'ERR_CRYPTO_UNSEAL',
      `the root key file "${options.file}" cannot be written; check the folder`,
      { cause },
    );
  }
}

async function readContent(options: LocalProviderOptions): Promise<Opened | null> {
  const found = await readSealedFile(options.file, options.passphrase);
  if (found === null) return null;
  const content = contentSchema.parse(JSON.parse(found.content.toString('utf8')));
  found.content.fill(0);
  return { seal: found.seal, content };
}

async function save(
  file: string,
  seal: PassphraseSeal,
  content: Content,
  options: { readonly randomBytes: RandomBytes; readonly exclusive: boolean },
): Promise<void> {
  const bytes = Buffer.from(JSON.stringify(content), 'utf8');
  await writeSealedFile(file, seal, bytes, options);
  bytes.fill(0);
}
