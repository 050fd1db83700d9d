import { constants, createSecretKey, publicEncrypt, randomBytes } from 'node:crypto';
import { CompactEncrypt } from 'jose';
import type { TenantId } from '../../kernel/index.ts';
import { wrapKeyPadded } from '../key-wrap.ts';
import type { ExportFormat, Recipient } from './recipient.ts';

/** A tenant key in the clear; `bytes` are wiped by who made it. */
export type BareTenantKey = {
  readonly epoch: number;
  readonly state: string;
  readonly createdAt: Date;
  readonly commitment: Buffer;
  readonly bytes: Buffer;
};

/** What leaves the house; nothing in it opens without the recipient's private key. */
export type SealedExport = {
  readonly format: ExportFormat;
  readonly tenantId: TenantId;
  /** RFC 7638 thumbprint of the recipient's key. */
  readonly recipient: string;
  readonly epochs: readonly number[];
  /** `jwe`: one compact JWE over the JSON of all keys. */
  readonly jwe?: string;
  /** `rsa-aes-key-wrap`: for each epoch RSA-OAEP-SHA-256(AES key) | AES-KWP(AES key, tenant key), base64. */
  readonly keys?: readonly {
    readonly epoch: number;
    readonly state: string;
    readonly commitment: string;
    readonly wrapped: string;
  }[];
};

const wrappingKeyBytes = 32;

/** Seals the keys to the recipient; of the bare ones nothing stays. */
export async function sealExport(
  tenantId: TenantId,
  format: ExportFormat,
  recipient: Recipient,
  keys: readonly BareTenantKey[],
): Promise<SealedExport> {
  const head = { format, tenantId, recipient: recipient.thumbprint, epochs: keys.map(({ epoch }) => epoch) };
  if (format === 'jwe') return { ...head, jwe: await jweOf(tenantId, recipient, keys) };
  return {
    ...head,
    keys: keys.map(({ epoch, state, commitment, bytes }) => ({
      ...{ epoch, state, commitment: commitment.toString('hex') },
      wrapped: rsaAesWrap(recipient, bytes).toString('base64'),
    })),
  };
}

async function jweOf(
  tenantId: TenantId,
  { publicKey, thumbprint }: Recipient,
  keys: readonly BareTenantKey[],
): Promise<string> {
  const plaintext = Buffer.from(
    JSON.stringify({
      format: 'gatehouse/key-export/1',
      tenantId,
      keys: keys.map(({ epoch, state, createdAt, commitment, bytes }) => ({
        ...{ epoch, state, createdAt: createdAt.toISOString() },
        commitment: commitment.toString('hex'),
        key: bytes.toString('hex'),
      })),
    }),
  );
  const alg = publicKey.asymmetricKeyType === 'ec' ? 'ECDH-ES+A256KW' : 'RSA-OAEP-256';
  const header = { alg, enc: 'A256GCM', kid: thumbprint, typ: 'gatehouse-key-export+jwe' };
  try {
    return await new CompactEncrypt(plaintext).setProtectedHeader(header).encrypt(publicKey);
  } finally {
    plaintext.fill(0);
  }
}

/** @see PKCS#11 2.40, section 2.1.21, CKM_RSA_AES_KEY_WRAP with an AES key of 256 bits and OAEP over SHA-256 */
function rsaAesWrap({ publicKey }: Recipient, key: Buffer): Buffer {
  const bytes = randomBytes(wrappingKeyBytes);
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  const outer = publicEncrypt({ key: publicKey, padding, oaepHash: 'sha256' }, bytes);
  const inner = wrapKeyPadded(createSecretKey(bytes), key);
  bytes.fill(0);
  return Buffer.concat([outer, inner]);
}
