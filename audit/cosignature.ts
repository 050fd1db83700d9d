import { createPublicKey, type KeyObject } from 'node:crypto';
import { auditError } from './errors.ts';
import { parseCheckpoint } from './checkpoint-text.ts';
import {
  formatVerifierKey,
  holdsSignature,
  noteKeyId,
  noteKeyTypes,
  rawPublicKey,
  signBytes,
  type NoteKey,
} from './note-keys.ts';

const timeBytes = 8;
const signatureBytes = { [noteKeyTypes.cosignatureV1]: 64, [noteKeyTypes.subtreeV1]: 2_420 } as const;
const label = Buffer.from('subtree/v1\n\0', 'latin1');

/** The two kinds of timestamped signatures over checkpoints. @see https://c2sp.org/tlog-cosignature */
export type CosignatureType = keyof typeof signatureBytes;

/** Signs checkpoints with the time at which it saw them. */
export type Cosigner = {
  readonly name: string;
  readonly type: CosignatureType;
  readonly vkey: string;
  /** @param seconds - since 1970; 0 says nothing of the time (ML-DSA-44 only) @returns one signature line with its newline */
  readonly line: (text: string, seconds: number) => string;
};

/** A cosigner with a private key at hand: Ed25519 gives cosignature/v1, ML-DSA-44 subtree/v1. */
export function createCosigner(name: string, key: KeyObject): Cosigner {
  const type: CosignatureType =
    key.asymmetricKeyType === 'ml-dsa-44' ? noteKeyTypes.subtreeV1 : noteKeyTypes.cosignatureV1;
  const publicKey = createPublicKey(key);
  const keyId = noteKeyId(name, rawPublicKey(publicKey), type);
  return Object.freeze({
    name,
    type,
    vkey: formatVerifierKey(name, publicKey, type),
    line: (text: string, seconds: number) => {
      const signature = signBytes(key, cosignedMessage(type, name, text, seconds));
      return `— ${name} ${Buffer.concat([keyId, formatTime(seconds), signature]).toString('base64')}\n`;
    },
  });
}

/** Whether a cosignature holds for a checkpoint text. */
export function verifyCosignature(key: NoteKey, text: string, blob: Buffer): boolean {
  if (key.type === noteKeyTypes.ed25519) return false;
  if (blob.length !== timeBytes + signatureBytes[key.type]) return false;
  const time = blob.readBigUInt64BE(0);
  if (time > 2n ** 53n) return false; // the format allows 2^63 - 1; nobody signs 285 million years ahead
  try {
    const message = cosignedMessage(key.type, key.name, text, Number(time));
    return holdsSignature(key.key, message, blob.subarray(timeBytes));
  } catch {
    return false; // not a checkpoint, so nothing that can be cosigned
  }
}

/** When a cosignature says it was made; null when it says nothing. */
export function cosignatureTime(blob: Buffer): Date | null {
  const seconds = Number(blob.readBigUInt64BE(0));
  return seconds === 0 ? null : new Date(seconds * 1000);
}

function cosignedMessage(type: CosignatureType, name: string, text: string, seconds: number): Buffer {
  const { origin, size, root, extended } = parseCheckpoint(text);
  if (type === noteKeyTypes.cosignatureV1)
    return Buffer.from(`cosignature/v1\ntime ${seconds}\n${text}`, 'utf8');
  if (extended)
    throw auditError('ERR_AUDIT_INVALID_CHECKPOINT', 'ML-DSA-44 does not sign checkpoints with extensions');
  const end = Buffer.alloc(8);
  end.writeBigUInt64BE(BigInt(size));
  return Buffer.concat([
    label,
    prefixed(name),
    formatTime(seconds),
    prefixed(origin),
    Buffer.alloc(8), // start: a checkpoint begins at leaf 0
    end,
    root,
  ]);
}

function prefixed(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length === 0 || bytes.length > 255)
    throw auditError('ERR_AUDIT_INVALID_CHECKPOINT', 'a name or origin has more than 255 bytes');
  return Buffer.concat([Buffer.of(bytes.length), bytes]);
}

function formatTime(seconds: number): Buffer {
  const bytes = Buffer.alloc(timeBytes);
  bytes.writeBigUInt64BE(BigInt(seconds));
  return bytes;
}
