import { parseSubjectId } from '../kernel/index.ts';
import type { DataMap } from '../datamap/index.ts';
import type { Tx } from '../db/index.ts';
import { sha256Hex } from './canonical-json.ts';
import type { ExportedCollection } from './connectors/connector.ts';
import { dsrError } from './errors.ts';
import { packageCreated, requestCompleted } from './events.ts';
import { recordFailure } from './execute-erasure.ts';
import { lawPack } from './law-packs.ts';
import { enqueueMessage } from './outbox.ts';
import { articleFifteen } from './package-information.ts';
import { storePackage, type SealedZip } from './package-store.ts';
import { zipPackage } from './package-zip.ts';
import { parsePlan, type PlanDocument } from './plan-document.ts';
import { readPlan } from './planning.ts';
import { engineActor } from './ports.ts';
import { writeReceipts } from './receipts.ts';
import type { RequestRow } from './request-row.ts';
import { startTasks } from './store-work.ts';
import type { Turn } from './turn.ts';

const maxPackageBytes = 256 * 1024 * 1024;
const lifetimeMilliseconds = 7 * 86_400_000;

/**
 * Builds the package, seals it under the request's own key and completes the request.
 *
 * @param begun - whether this turn began it and has counted the attempt already
 */
export async function executeAccess(turn: Turn, begun: boolean): Promise<boolean> {
  if (!begun) {
    await turn.step((tx, row) =>
      tx.query(startTasks, [row.id, row.plan_hash, turn.fence, turn.deps.clock.now()]),
    );
  }
  try {
    const collected = await collect(turn);
    const zip = await build(turn, collected);
    await turn.step((tx, row) => complete(turn, tx, row, { collected, zip }));
    return true;
  } catch (error) {
    await recordFailure(turn, error);
    return false;
  }
}

type Collected = {
  readonly row: RequestRow;
  readonly plan: PlanDocument;
  readonly data: readonly ExportedCollection[];
  readonly dataMap: DataMap;
};

function collect(turn: Turn): Promise<Collected> {
  const { deps, connector } = turn;
  return turn.step(async (tx, row) => {
    const plan = parsePlan((await readPlan(tx, row)).document);
    const data = await connector.export(tx, plan.identity.subjects, plan.steps);
    return { row, plan, data, dataMap: await deps.dataMap.forTenant(tx) };
  });
}

async function build({ deps, tenant, requestId }: Turn, collected: Collected): Promise<SealedZip> {
  const { row, data, dataMap } = collected;
  const createdAt = deps.clock.now();
  const pack = lawPack(row.law, row.law_version);
  const bytes = await zipPackage({
    requestId,
    tenant: tenant.name,
    language: row.language,
    createdAt,
    pack,
    information: articleFifteen(dataMap, pack, data),
    data,
  });
  if (bytes.length > maxPackageBytes)
    throw dsrError(
      'ERR_DSR_PACKAGE_TOO_LARGE',
      `the package has ${bytes.length} bytes, at most ${maxPackageBytes} are kept; export by hand`,
    );
  const expiresAt = new Date(createdAt.getTime() + lifetimeMilliseconds);
  return { bytes, digest: sha256Hex(bytes), createdAt, expiresAt };
}

type Built = { readonly collected: Collected; readonly zip: SealedZip };

async function complete(turn: Turn, tx: Tx, row: RequestRow, { collected, zip }: Built): Promise<void> {
  const { deps, tenant } = turn;
  const { plan, data } = collected;
  await storePackage(deps, tx, row, zip);
  const counts = Object.fromEntries(data.map((one) => [one.collection, one.rows.length]));
  await writeReceipts(turn, tx, row, { plan, action: 'export', counts });
  await logCompletion(turn, tx, row, { collected, zip });
  const done = await turn.move(tx, row, 'completed', {
    actor: engineActor,
    note: 'the package waits for its download',
  });
  await enqueueMessage(deps, tx, done, {
    tenant,
    template: 'package_ready',
    values: { expires: zip.expiresAt.toISOString().slice(0, 10) },
  });
}

async function logCompletion(turn: Turn, tx: Tx, row: RequestRow, { collected, zip }: Built): Promise<void> {
  const { audit } = turn.deps;
  const { plan, data } = collected;
  const common = {
    tenantId: tx.tenantId,
    outcome: 'success',
    actor: engineActor,
    targets: [{ type: 'dsr.request', id: row.id }],
    subjects: plan.identity.subjects.map(parseSubjectId),
  } as const;
  await audit.append(tx, {
    ...common,
    definition: packageCreated,
    detail: {
      requestId: row.id,
      sha256: zip.digest,
      bytes: zip.bytes.length,
      collections: data.length,
      rows: data.reduce((sum, one) => sum + one.rows.length, 0),
      expiresAt: zip.expiresAt.toISOString(),
    },
  });
  await audit.append(tx, {
    ...common,
    definition: requestCompleted,
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
}
