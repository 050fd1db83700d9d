import type { Queries } from '../../db/index.ts';
import type { TenantId } from '../../kernel/index.ts';
import { selectCheckpointOf } from '../store-read.ts';
import type { Finding } from '../verify-log.ts';
import { logTag, platformLeaf } from './platform-leaf.ts';
import { selectPlatformEntriesOf } from './store-platform.ts';

type Leaf = { readonly seq: number; readonly logSize: number; readonly body: Buffer };

const pageSize = 500;

/**
 * Compares what the platform log holds of a log with the checkpoints that the log keeps: a leaf that no kept checkpoint
 * explains is a history that was shown to witnesses and is hidden here.
 */
export async function verifyOwnLeaves(
  queries: Queries,
  tenantId: TenantId,
  origin: string,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (let after = -1; ;) {
    const { rows } = await queries.query<Leaf>(selectPlatformEntriesOf, [logTag(origin), after, pageSize]);
    for (const leaf of rows) findings.push(...(await compare(queries, tenantId, leaf)));
    const last = rows.at(-1);
    if (rows.length < pageSize || last === undefined) return findings;
    after = last.logSize;
  }
}

async function compare(
  queries: Queries,
  tenantId: TenantId,
  { seq, logSize, body }: Leaf,
): Promise<readonly Finding[]> {
  const { rows } = await queries.query<{ note: string }>(selectCheckpointOf, [tenantId, logSize]);
  const note = rows[0]?.note;
  if (note !== undefined && isLeafOf(note, body)) return [];
  const message = `leaf ${seq} of the platform log says something else of size ${logSize} than the checkpoint kept here`;
  return [{ kind: 'platform', seq: logSize - 1, message }];
}

function isLeafOf(note: string, body: Buffer): boolean {
  try {
    return platformLeaf(note).body.equals(body);
  } catch {
    return false; // a checkpoint that is broken itself has a finding of its own
  }
}
