import type { CallContext, TenantId } from '../kernel/index.ts';
import { isFile } from '../crypto/index.ts';
import type { Tx } from '../db/index.ts';
import { sha256Hex } from './canonical-json.ts';
import { dsrError } from './errors.ts';
import { packageDownloaded } from './events.ts';
import { personOf, type DsrDeps } from './ports.ts';
import type { RequestRow } from './request-row.ts';
import { openForRequest, openPackageFile, sealPackage } from './sealed-identity.ts';
import {
  claimPackage,
  deletePackageChunks,
  insertPackageChunk,
  selectPackageChunks,
  upsertPackage,
} from './store-work.ts';

/** A package that waits to be stored. */
export type SealedZip = {
  readonly bytes: Buffer;
  readonly digest: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
};

const pieceBytes = 256 * 1024;
/** Context of a piece as packages were stored before they were files. */
const pieceField = (position: number, pieces: number): string => `package:${position}/${pieces}`;

/** Seals a package as one file under the request's own key, stored in pieces; replaces one that was there. */
export async function storePackage(deps: DsrDeps, tx: Tx, row: RequestRow, zip: SealedZip): Promise<void> {
  const { bytes, digest, createdAt, expiresAt } = zip;
  const file = await sealPackage(deps.crypto, tx, row.id, bytes);
  const pieces = Math.ceil(file.length / pieceBytes);
  await tx.query(upsertPackage, [row.id, digest, bytes.length, pieces, createdAt, expiresAt]);
  await tx.query(deletePackageChunks, [row.id]);
  for (let position = 0; position < pieces; position += 1) {
    const piece = file.subarray(position * pieceBytes, (position + 1) * pieceBytes);
    await tx.query(insertPackageChunk, [row.id, position, piece]);
  }
}

/**
 * The one download: claimed and gone in the same transaction that reads it.
 *
 * @throws ERR_DSR_NO_PACKAGE
 */
export async function downloadPackage(
  deps: DsrDeps,
  tenantId: TenantId,
  row: RequestRow,
  call: CallContext,
): Promise<Buffer> {
  return deps.database.withTenant(tenantId, async (tx) => {
    const { rows } = await tx.query<{ sha256: string; chunks: number }>(claimPackage, [
      row.id,
      deps.clock.now(),
    ]);
    const claimed = rows[0];
    if (claimed === undefined)
      throw dsrError(
        'ERR_DSR_NO_PACKAGE',
        'there is no package to download: it was downloaded already, has expired, or is not made yet',
        { status: 410 },
      );
    const zip = await openPackage(deps, tx, row, claimed.chunks);
    if (sha256Hex(zip) !== claimed.sha256)
      throw dsrError('ERR_DSR_NO_PACKAGE', 'the package at rest is damaged; ask for it to be made again', {
        status: 500,
      });
    await tx.query(deletePackageChunks, [row.id]);
    await deps.audit.append(tx, {
      definition: packageDownloaded,
      tenantId,
      outcome: 'success',
      actor: personOf(tenantId, row.id),
      call,
      targets: [{ type: 'dsr.request', id: row.id }],
      detail: { requestId: row.id, sha256: claimed.sha256 },
      idempotencyKey: `dsr.download:${row.id}:${claimed.sha256}`,
    });
    return zip;
  });
}

async function openPackage(deps: DsrDeps, tx: Tx, row: RequestRow, stored: number): Promise<Buffer> {
  const { rows } = await tx.query<{ position: number; content: Buffer }>(selectPackageChunks, [row.id]);
  const first = rows[0];
  if (first !== undefined && isFile(first.content)) {
    const file = Buffer.concat(rows.map(({ content }) => content));
    return openPackageFile(deps.crypto, tx, row.id, file);
  }
  const pieces: Buffer[] = []; // stored before packages were files: each piece a ciphertext of its own
  for (const { position, content } of rows) {
    const at = { requestId: row.id, field: pieceField(position, stored) };
    pieces.push(await openForRequest(deps.crypto, tx, at, content));
  }
  return Buffer.concat(pieces);
}
