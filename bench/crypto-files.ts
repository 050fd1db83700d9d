import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from 'node:crypto';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Crypto, FieldContext, KeyScope } from '../crypto/index.ts';
import type { Tx } from '../db/index.ts';
import { round } from './crypto-measure.ts';
import type { BenchRow } from './row.ts';

const blocks = 256;
const blockBytes = 64 * 1024;
const chunkBytes = 16 * 1024;
const turns = 5;
const block = randomBytes(blockBytes);
const megabytes = (blocks * blockBytes) / 1e6;

function* source(): Generator<Buffer> {
  for (let index = 0; index < blocks; index += 1) yield block;
}
const drain = (): Writable => new Writable({ write: (_piece, _encoding, done) => done() });

/** Megabytes per CPU second of this process. */
async function rateOf(work: () => unknown): Promise<number> {
  globalThis.gc?.();
  const before = process.cpuUsage();
  await work();
  const used = process.cpuUsage(before);
  return (megabytes / (used.user + used.system)) * 1e6;
}

/** 16 MiB through the streams, against the same bytes as bare GCM chunks of 16 KiB. */
export async function fileRows(
  tx: Tx,
  crypto: Crypto,
  scope: KeyScope,
  context: FieldContext,
): Promise<readonly BenchRow[]> {
  const sealed: Buffer[] = [];
  const keep = new Writable({ write: (piece: Buffer, _encoding, done) => (sealed.push(piece), done()) });
  await pipeline(
    Readable.from(source(), { objectMode: false }),
    await crypto.files.sealer(tx, scope, context),
    keep,
  );
  const file = Buffer.concat(sealed);
  const opener = await crypto.files.opener(tx, context, file);
  if (opener.kind === 'shredded') throw new Error('the key of the bench is gone');
  function* pieces(): Generator<Buffer> {
    for (let at = 0; at < file.length; at += blockBytes) yield file.subarray(at, at + blockBytes);
  }
  const bare = bareChunks();
  const best = { seal: 0, bareSeal: 0, open: 0, bareOpen: 0 };
  for (let turn = 0; turn < turns; turn += 1) {
    const sealer = await crypto.files.sealer(tx, scope, context);
    best.seal = Math.max(
      best.seal,
      await rateOf(() => pipeline(Readable.from(source(), { objectMode: false }), sealer, drain())),
    );
    best.bareSeal = Math.max(best.bareSeal, await rateOf(bare.seal));
    best.open = Math.max(
      best.open,
      await rateOf(() => pipeline(Readable.from(pieces(), { objectMode: false }), opener.stream(), drain())),
    );
    best.bareOpen = Math.max(best.bareOpen, await rateOf(bare.open));
  }
  return [
    rowOf('seal a stream of 16 MiB', best.seal, best.bareSeal),
    rowOf('open a stream of 16 MiB', best.open, best.bareOpen),
  ];
}

function rowOf(work: string, ours: number, bare: number): BenchRow {
  const ratio = round(ours / bare);
  const goal = '>= 0.7 of bare 16 KiB AES-256-GCM chunks, CPU of this process';
  return {
    work,
    unit: 'MB/s',
    ours: Math.round(ours),
    bare: Math.round(bare),
    peers: {},
    ratio,
    goal,
    holds: ratio >= 0.7,
  };
}

function bareChunks(): { readonly seal: () => void; readonly open: () => void } {
  const key = createSecretKey(randomBytes(32));
  const nonce = randomBytes(12);
  const chunk = block.subarray(0, chunkBytes);
  const count = (blocks * blockBytes) / chunkBytes;
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 });
  const sealed = Buffer.concat([cipher.update(chunk), cipher.final()]);
  const tag = cipher.getAuthTag();
  return {
    seal: () => {
      for (let index = 0; index < count; index += 1) {
        const one = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 });
        one.update(chunk);
        one.final();
        one.getAuthTag();
      }
    },
    open: () => {
      for (let index = 0; index < count; index += 1) {
        const one = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 });
        one.setAuthTag(tag);
        one.update(sealed);
        one.final();
      }
    },
  };
}
