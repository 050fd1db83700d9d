import { notFound, type RequestId } from '../kernel/index.ts';
import type { Tx } from '../db/index.ts';
import type { LawId, RequestType } from './law-packs.ts';
import type { RequestState } from './state-machine.ts';
import { lockRequest, selectRequest } from './store.ts';

/** The clock as it was computed, kept with the request. */
export type StoredClock = {
  readonly explanation: readonly string[];
  readonly citation: string;
  readonly targetAt: string;
  readonly zone: string;
  readonly holidays: string;
  readonly pauses: readonly { readonly from: string; readonly to: string; readonly reason: string }[];
};

/** A row of `dsr.request`. */
export type RequestRow = {
  readonly id: RequestId;
  readonly type: RequestType;
  readonly law: LawId;
  readonly law_version: number;
  readonly state: RequestState;
  readonly version: number;
  readonly channel: 'portal' | 'operator' | 'api';
  readonly language: 'en' | 'pl';
  readonly received_at: Date;
  readonly due_at: Date;
  readonly acknowledge_at: Date | null;
  readonly clock: StoredClock;
  readonly linked_to: string | null;
  readonly identity_hash: Buffer | null;
  readonly sealed: Buffer | null;
  readonly search_sealed: Buffer | null;
  readonly subject_label: string | null;
  readonly identity_level: 'none' | 'mailbox' | 'operator';
  readonly identity_method: string | null;
  readonly verified_at: Date | null;
  readonly plan_hash: string | null;
  readonly subject_ids: readonly string[] | string;
  readonly receipts_root: string | null;
  readonly fence: number;
  readonly lease_until: Date | null;
  readonly attempts: number;
  readonly next_attempt_at: Date | null;
  readonly full_scan: 'none' | 'deferred' | 'done';
  readonly closed_at: Date | null;
  readonly forgotten_at: Date | null;
  readonly extended_at: Date | null;
  readonly extension_reason: string | null;
};

/** @throws ERR_NOT_FOUND */
export async function readRequest(tx: Tx, id: string): Promise<RequestRow> {
  const { rows } = await tx.query<RequestRow>(selectRequest, [id]);
  return rows[0] ?? missing(id);
}

/** Reads and locks until the transaction ends. @throws ERR_NOT_FOUND */
export async function lockedRequest(tx: Tx, id: string): Promise<RequestRow> {
  const { rows } = await tx.query<RequestRow>(lockRequest, [id]);
  return rows[0] ?? missing(id);
}

function missing(id: string): never {
  throw notFound('request', id);
}

/** uuid[] as the driver gives it: parsed, or in PostgreSQL's text form. */
export function subjectsOf(row: Pick<RequestRow, 'subject_ids'>): readonly string[] {
  const ids = row.subject_ids;
  return typeof ids === 'string'
    ? ids
        .replace(/^\{|\}$/g, '')
        .split(',')
        .filter(Boolean)
    : ids;
}
