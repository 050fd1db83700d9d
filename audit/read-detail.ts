import type { Tx } from '../db/index.ts';
import type { LeafBody } from './leaf.ts';
import { selectDetail } from './store-read.ts';

/** What an event says beyond its fixed fields: from the leaf, or from beside the log when it was too large for a leaf. */
export async function readDetail(tx: Tx, body: LeafBody): Promise<unknown> {
  if (body.detailDigest === undefined) return body.detail ?? {};
  const { rows } = await tx.query<{ body: Buffer }>(selectDetail, [
    tx.tenantId,
    Buffer.from(body.detailDigest, 'hex'),
  ]);
  return rows[0] === undefined ? { digest: body.detailDigest } : JSON.parse(rows[0].body.toString('utf8'));
}
