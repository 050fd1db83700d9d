import type { Tx } from '../db/index.ts';
import { commitGroup, unpackGroup } from './commitment.ts';
import type { AuditCrypto } from './crypto-need.ts';
import type { GroupKind, LeafBody } from './leaf.ts';
import { groupContext } from './sealed-groups.ts';
import { selectSealedGroups } from './store-read.ts';

/** What can still be read behind a commitment. */
export type OpenedGroup =
  | { readonly state: 'open'; readonly salt: Buffer; readonly json: string }
  | { readonly state: 'erased'; readonly requestId: string | null }
  | { readonly state: 'missing' }
  | { readonly state: 'broken' };

/** Groups by commitment in hex. */
export type OpenedGroups = ReadonlyMap<string, OpenedGroup>;

type Row = { readonly commitment: Buffer; readonly kind: GroupKind; readonly sealed: Buffer | null };

/** The commitments of some bodies, each once. */
export function commitmentsOf(bodies: readonly LeafBody[]): readonly string[] {
  return [...new Set(bodies.flatMap(({ commitments }) => Object.values(commitments ?? {})))];
}

/** Opens groups and checks each against its commitment. */
export async function openGroups(
  tx: Tx,
  crypto: Pick<AuditCrypto, 'open'>,
  commitments: readonly string[],
): Promise<OpenedGroups> {
  const opened = new Map<string, OpenedGroup>(
    commitments.map((commitment) => [commitment, { state: 'missing' }]),
  );
  if (commitments.length === 0) return opened;
  const { rows } = await tx.query<Row>(selectSealedGroups, [
    tx.tenantId,
    commitments.map((hex) => Buffer.from(hex, 'hex')),
  ]);
  for (const row of rows) opened.set(row.commitment.toString('hex'), await openOne(tx, crypto, row));
  return opened;
}

async function openOne(tx: Tx, crypto: Pick<AuditCrypto, 'open'>, row: Row): Promise<OpenedGroup> {
  if (row.sealed === null) return { state: 'erased', requestId: null };
  try {
    const result = await crypto.open(tx, groupContext(row.kind, row.commitment.toString('hex')), row.sealed);
    if (result.kind === 'shredded') return { state: 'erased', requestId: result.requestId };
    const group = unpackGroup(result.plaintext);
    return commitGroup(group).equals(row.commitment) ? { state: 'open', ...group } : { state: 'broken' };
  } catch {
    return { state: 'broken' }; // a row that does not decrypt must not hide the rest of the trail
  }
}
