import type { Transform } from 'node:stream';
import type { Tx } from '../../db/index.ts';
import { buildAssociatedData, encodedContextOf } from '../associated-data.ts';
import { headerBytes, readKid, readScope, writeHeader } from '../ct1.ts';
import { countMessages, fileKeyOf, type DataKey } from '../data-key.ts';
import type { DecryptCause } from '../errors.ts';
import { cryptoError } from '../errors.ts';
import type { RandomPool } from '../nonce-pool.ts';
import { failed, type OpenOneDeps } from '../open-one.ts';
import type { FieldContext, FileOpener, Files, KeyScope, Opened, RandomAccess, Shredded } from '../types.ts';
import {
  acceptPrefix,
  chunkBytes,
  deriveChunkKeys,
  openChunk,
  plaintextSize,
  saltBytes,
  sealChunkInto,
  sealedChunkBytes,
  sealedSize,
  type ChunkKeys,
} from './chunked.ts';
import { createOpenStream, createSealStream, readRange } from './file-streams.ts';
import { fileHeadBytes, fileSuite, isFile } from './file-head.ts';

const maxRangeBytes = 16 * 1024 * 1024;

/** What the part needs. */
export type FilesDeps = OpenOneDeps & { readonly random: RandomPool };

/** Makes the part. */
export function createFiles(deps: FilesDeps): Files {
  return Object.freeze({
    sealer: async (tx: Tx, scope: KeyScope, context: FieldContext): Promise<Transform> => {
      const { head, keys } = await beginFile(tx, deps, scope, context);
      return createSealStream(head, keys);
    },
    opener: (tx: Tx, context: FieldContext, head: Uint8Array) => openerOf(tx, deps, context, head),
    seal: async (tx: Tx, scope: KeyScope, context: FieldContext, plaintext: Uint8Array) => {
      const { head, keys } = await beginFile(tx, deps, scope, context);
      return sealWhole(head, keys, plaintext);
    },
    open: async (tx: Tx, context: FieldContext, file: Uint8Array): Promise<Opened> => {
      const accepted = await acceptHead(tx, deps, context, file);
      if (accepted.kind === 'shredded') return accepted;
      const plaintext = openWhole(accepted.keys, bufferOf(file));
      if (plaintext === null) throw accepted.refuse('authentication');
      return { kind: 'plaintext', plaintext };
    },
  });
}

const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

async function beginFile(
  tx: Tx,
  deps: FilesDeps,
  scope: KeyScope,
  context: FieldContext,
): Promise<{ readonly head: Buffer; readonly keys: ChunkKeys }> {
  const key = deps.keysOf(tx).byScope(scope) ?? (await deps.dataKeys.forScope(tx, scope));
  countMessages(key, 1, fileSuite);
  const head = Buffer.alloc(fileHeadBytes);
  writeHeader(head, fileSuite, key.scope.kind === 'tenant', key.kidBytes);
  deps.random.fill(head, headerBytes, saltBytes);
  const salt = head.subarray(headerBytes, headerBytes + saltBytes);
  const keys = deriveChunkKeys(fileKeyOf(key), salt, contextBytes(tx, head, context));
  head.set(keys.commitment, headerBytes + saltBytes);
  return { head, keys };
}

/** The same associated data as for a field, here as the context of the key derivation. */
function contextBytes(tx: Tx, header: Buffer, context: FieldContext): Buffer {
  return buildAssociatedData(header, encodedContextOf(tx.tenantId, context), context.rowId);
}

type Accepted = {
  readonly kind: 'accepted';
  readonly head: Buffer;
  readonly keys: ChunkKeys;
  readonly refuse: (cause: DecryptCause) => Error;
};

async function acceptHead(
  tx: Tx,
  deps: FilesDeps,
  context: FieldContext,
  file: Uint8Array,
): Promise<Accepted | Shredded> {
  const head = Buffer.from(file.subarray(0, fileHeadBytes)); // ours: the caller may reuse its buffer
  const tenantScope = readScope(head);
  if (head.length < fileHeadBytes || !isFile(head) || tenantScope === null)
    throw failed(tx, deps, context, 'format', null);
  const kid = readKid(head);
  const refuse = (cause: DecryptCause): Error => failed(tx, deps, context, cause, kid);
  const key = deps.keysOf(tx).byKid(kid) ?? (await deps.dataKeys.byKids(tx, [kid])).get(kid);
  if (key === undefined) throw refuse('unknown_key');
  if (key.kind === 'shredded') return key;
  if (key.kind === 'broken') throw refuse('data_key');
  if (tenantScope !== (key.scope.kind === 'tenant')) throw refuse('scope');
  const keys = acceptWith(key, tx, head, context);
  if (keys === null) throw refuse('authentication');
  return { kind: 'accepted', head, keys, refuse };
}

function acceptWith(key: DataKey, tx: Tx, head: Buffer, context: FieldContext): ChunkKeys | null {
  return acceptPrefix(fileKeyOf(key), head.subarray(headerBytes), contextBytes(tx, head, context));
}

async function openerOf(
  tx: Tx,
  deps: FilesDeps,
  context: FieldContext,
  start: Uint8Array,
): Promise<FileOpener | Shredded> {
  const accepted = await acceptHead(tx, deps, context, start);
  if (accepted.kind === 'shredded') return accepted;
  const { head, keys, refuse } = accepted;
  const wrong = (): Error => refuse('authentication');
  return Object.freeze({
    kind: 'opener',
    stream: () => createOpenStream(head, keys, wrong),
    plaintextBytes: (sealedBytes: number) => plaintextSize(sealedBytes - headerBytes),
    read: async (source: RandomAccess, from: number, to: number) => {
      if (!(Number.isSafeInteger(from) && Number.isSafeInteger(to) && from >= 0 && to >= from))
        throw cryptoError(
          'ERR_CRYPTO_INPUT',
          'a range of a file must be two whole numbers, the first not above the second',
        );
      if (to - from > maxRangeBytes)
        throw cryptoError(
          'ERR_CRYPTO_INPUT',
          `a range of a file must be at most ${maxRangeBytes} bytes; read it in parts`,
        );
      const read = await readRange(keys, headerBytes, source, { start: from, end: to });
      if (read === null) throw wrong();
      return read;
    },
  });
}

function sealWhole(head: Buffer, keys: ChunkKeys, plaintext: Uint8Array): Buffer {
  const file = Buffer.allocUnsafe(headerBytes + sealedSize(plaintext.length));
  file.set(head);
  let index = 0;
  for (let at = 0; at <= plaintext.length; at += chunkBytes, index += 1) {
    const chunk = plaintext.subarray(at, at + chunkBytes);
    sealChunkInto(keys, index, chunk, file, fileHeadBytes + index * sealedChunkBytes);
  }
  return file;
}

function openWhole(keys: ChunkKeys, file: Buffer): Buffer | null {
  const size = plaintextSize(file.length - headerBytes);
  if (size === null) return null;
  const plaintext = Buffer.allocUnsafe(size);
  for (let index = 0; index * chunkBytes <= size; index += 1) {
    const start = fileHeadBytes + index * sealedChunkBytes;
    const chunk = openChunk(keys, index, file.subarray(start, start + sealedChunkBytes));
    if (chunk === null) {
      plaintext.fill(0); // what comes before is authentic, but not the file
      return null;
    }
    plaintext.set(chunk, index * chunkBytes);
  }
  return plaintext;
}
