import { parseSubjectId, type TenantId } from '../kernel/index.ts';
import { sha256Hex, canonicalJson } from './canonical-json.ts';
import { dsrError } from './errors.ts';
import { packageCreated, packageDownloaded, requestCompleted } from './events.ts';
import { recordFailure } from './execute-erasure.ts';
import { lawPack } from './law-packs.ts';
import { enqueueMessage } from './outbox.ts';
import { articleFifteen } from './package-information.ts';
import { zipPackage } from './package-zip.ts';
import { parsePlan } from './plan-document.ts';
import { readPlan } from './planning.ts';
import { engineActor, portalActor, type DsrDeps } from './ports.ts';
import type { RequestRow } from './request-row.ts';
import { openForRequest, sealForRequest } from './sealed-identity.ts';
import {
  claimPackage,
  deletePackageChunks,
  finishTask,
  insertPackageChunk,
  selectPackageChunks,
  startTasks,
  upsertPackage,
} from './store-work.ts';
import type { Turn } from './turn.ts';

const chunkBytes = 256 * 1024;
const maxPackageBytes = 256 * 1024 * 1024;
const lifetimeMilliseconds = 7 * 86_400_000;

/** Builds the package, seals it under the request's own key and completes the request. *
 * @param begun - whether this turn began it and has counted the attempt already
 */
export async function executeAccess(turn: Turn, begun: boolean): Promise<boolean> {
  if (!begun) {
    await turn.step((tx, row) =>
      tx.query(startTasks, [row.id, row.plan_hash, turn.fence, turn.deps.clock.now()]),
    );
  }
  try {
    await buildAndComplete(turn);
    return true;
  } catch (error) {
    await recordFailure(turn, error);
    return false;
  }
}

async function buildAndComplete(turn: Turn): Promise<void> {
  const { deps, connector, tenant } = turn;
  const now = deps.clock.now();
  const collected = await turn.step(async (tx, row) => {
    const plan = parsePlan((await readPlan(tx, row)).document);
    const data = await connector.export(tx, plan.identity.subjects, plan.steps);
    return { row, plan, data, dataMap: await deps.dataMap.forTenant(tx) };
  });
  const pack = lawPack(collected.row.law, collected.row.law_version);
  const information = articleFifteen(collected.dataMap, pack, collected.data);
  const zip = await zipPackage({
    requestId: turn.requestId,
    tenant: tenant.name,
    language: collected.row.language,
    createdAt: now,
    pack,
    information,
    data: collected.data,
  });
  if (zip.length > maxPackageBytes)
    throw dsrError(
      'ERR_DSR_PACKAGE_TOO_LARGE',
      `the package has ${zip.length} bytes, at most ${maxPackageBytes} are kept; export by hand`,
    );
  const digest = sha256Hex(zip);
  const expires = new Date(now.getTime() + lifetimeMilliseconds);
  await turn.step(async (tx, row) => {
    const chunks = Math.ceil(zip.length / chunkBytes);
    await tx.query(upsertPackage, [row.id, digest, zip.length, chunks, now, expires]);
    await tx.query(deletePackageChunks, [row.id]);
    for (let position = 0; position < chunks; position += 1) {
      const piece = zip.subarray(position * chunkBytes, (position + 1) * chunkBytes);
      const sealed = await sealForRequest(
        deps.crypto,
        tx,
        { requestId: row.id, field: `package:${position}/${chunks}` },
        piece,
      );
      await tx.query(insertPackageChunk, [row.id, position, sealed]);
    }
    const subjects = collected.plan.identity.subjects.map(parseSubjectId);
    const rows = collected.data.reduce((sum, one) => sum + one.rows.length, 0);
    const targets = [{ type: 'dsr.request', id: row.id }];
    for (const system of new Set(collected.plan.steps.map((step) => step.system))) {
      const counts = Object.fromEntries(
        collected.data
          .filter((one) => one.collection.startsWith(`${system}.`))
          .map((one) => [one.collection, one.rows.length]),
      );
      const receipt = canonicalJson({
        format: 'gatehouse-dsr-receipt/1',
        requestId: row.id,
        system,
        action: 'export',
        planHash: row.plan_hash ?? '',
        rows: counts,
        at: now.toISOString(),
      });
      await tx.query(finishTask, [
        row.id,
        system,
        row.plan_hash,
        turn.fence,
        JSON.stringify(counts),
        receipt,
        now,
      ]);
    }
    await deps.audit.append(tx, {
      definition: packageCreated,
      tenantId: tx.tenantId,
      outcome: 'success',
      actor: engineActor,
      targets,
      subjects,
      detail: {
        requestId: row.id,
        sha256: digest,
        bytes: zip.length,
        collections: collected.data.length,
        rows,
        expiresAt: expires.toISOString(),
      },
    });
    await deps.audit.append(tx, {
      definition: requestCompleted,
      tenantId: tx.tenantId,
      outcome: 'success',
      actor: engineActor,
      targets,
      subjects,
      detail: {
        requestId: row.id,
        type: row.type,
        law: row.law,
        planHash: row.plan_hash ?? '',
        receiptsRoot: null,
        subjectHash: row.identity_hash?.toString('hex') ?? null,
        version: row.version + 1,
      },
      idempotencyKey: `dsr.completed:${row.id}:${row.version + 1}`,
    });
    const done = await turn.move(tx, row, 'completed', {
      actor: engineActor,
      note: 'the package waits for its download',
    });
    await enqueueMessage(deps, tx, done, {
      tenant,
      template: 'package_ready',
      values: { expires: expires.toISOString().slice(0, 10) },
    });
  });
}

/**
 * The one download: claimed and gone in the same transaction that reads it.
 *
 * @throws ERR_DSR_NO_PACKAGE
 */
export async function downloadPackage(deps: DsrDeps, tenantId: TenantId, row: RequestRow): Promise<Buffer> {
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
    const { rows: chunks } = await tx.query<{ position: number; content: Buffer }>(selectPackageChunks, [
      row.id,
    ]);
    const pieces: Buffer[] = [];
    for (const { position, content } of chunks) {
      pieces.push(
        await openForRequest(
          deps.crypto,
          tx,
          { requestId: row.id, field: `package:${position}/${claimed.chunks}` },
          content,
        ),
      );
    }
    const zip = Buffer.concat(pieces);
    if (sha256Hex(zip) !== claimed.sha256)
      throw dsrError('ERR_DSR_NO_PACKAGE', 'the package at rest is damaged; ask for it to be made again', {
        status: 500,
      });
    await tx.query(deletePackageChunks, [row.id]);
    await deps.audit.append(tx, {
      definition: packageDownloaded,
      tenantId,
      outcome: 'success',
      actor: portalActor,
      targets: [{ type: 'dsr.request', id: row.id }],
      detail: { requestId: row.id, sha256: claimed.sha256 },
      idempotencyKey: `dsr.download:${row.id}:${claimed.sha256}`,
    });
    return zip;
  });
}
