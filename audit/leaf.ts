import type { AuditEvent, EventDefinition } from '../kernel/index.ts';
import { auditError } from './errors.ts';
import { leafHash, leafHashOfPrefixed, sha256 } from './hash.ts';
import { maxEntryBytes } from './entry-bundle.ts';

/** Names of the personal field groups a leaf may commit to. */
export type GroupKind = 'actor' | 'origin';
/** Commitments of a leaf, as lower-case hex. */
export type Commitments = { readonly [Kind in GroupKind]?: string };

/** The columns that are indexed; each can be computed again from the body. */
export type IndexedColumns = {
  readonly id: string;
  readonly occurredAt: Date;
  readonly receivedAt: Date;
  readonly action: string;
  readonly outcome: string;
  readonly actorId: string;
  readonly targets: string | null;
  readonly subjects: readonly string[];
};

/** An event in the form in which the log keeps it. */
export type Leaf = IndexedColumns & { readonly body: Buffer };

/** What a body says, read back. */
export type LeafBody = {
  readonly v: 1;
  readonly id: string;
  readonly occurredAt: string;
  readonly receivedAt: string;
  readonly action: string;
  readonly version: number;
  readonly category: string;
  readonly outcome: 'success' | 'failure' | 'denied';
  readonly reason?: string;
  readonly actor: {
    readonly type: string;
    readonly id: string;
    readonly name?: string;
    readonly session?: string;
    readonly level?: number;
    readonly methods?: readonly string[];
  };
  readonly service?: string;
  readonly requestId?: string;
  readonly traceparent?: string;
  readonly targets?: readonly { readonly type: string; readonly id: string }[];
  readonly subjects?: readonly string[];
  readonly decision?: {
    readonly engine: string;
    readonly revision: string;
    readonly rule: string | null;
    readonly obligations: readonly string[];
  };
  readonly detail?: unknown;
  readonly detailDigest?: string;
  /** SHA-256 of the idempotency key, in hex. */
  readonly idempotencyHash?: string;
  readonly commitments?: Commitments;
};

/** What the writer adds to an event before it becomes a leaf. */
export type LeafParts = {
  readonly id: string;
  readonly receivedAt: Date;
  /** Canonical JSON of the checked detail, or the digest of one that is stored beside the log. */
  readonly detail:
    { readonly kind: 'inline'; readonly json: string } | { readonly kind: 'digest'; readonly digest: string };
  readonly commitments: Commitments;
};

const text = JSON.stringify;
const optional = (name: string, value: string | null | undefined): string =>
  value == null ? '' : `,"${name}":${text(value)}`;

/**
 * Writes the canonical body, version 1: UTF-8 JSON without white space, fields in this fixed order, absent fields left
 * out, `detail` with sorted keys.
 *
 * @param hash - RFC 6962's leaf hash over the body with its byte 00 in front; the bench's reference leaves it out
 * @throws ERR_AUDIT_ENTRY_TOO_LARGE
 */
export function createLeaf(
  event: AuditEvent,
  parts: LeafParts,
  hash: (prefixed: Buffer) => Buffer = leafHashOfPrefixed,
): HashedLeaf {
  const { definition } = event;
  const occurredAt = event.occurredAt ?? parts.receivedAt;
  // The byte 00 of RFC 6962 stands in front, so that hashing needs no second copy.
  const prefixed = Buffer.from(
    `\0{"v":1,"id":"${parts.id}","occurredAt":"${timeText(occurredAt)}","receivedAt":"${timeText(parts.receivedAt)}"` +
      `,${definitionText(definition)},"outcome":"${event.outcome}"${optional('reason', event.reason)}` +
      `,"actor":${actorText(event.actor)}${callText(event)}${touchedText(event)}${decisionText(event)}` +
      `${parts.detail.kind === 'inline' ? `,"detail":${parts.detail.json}` : `,"detailDigest":"${parts.detail.digest}"`}` +
      `${optional('idempotencyHash', hashIdempotencyKey(event.idempotencyKey))}${commitmentText(parts.commitments)}}`,
    'utf8',
  );
  const body = prefixed.subarray(1);
  if (body.length > maxEntryBytes) {
    throw auditError(
      'ERR_AUDIT_ENTRY_TOO_LARGE',
      `the event ${definition.action} takes ${body.length} bytes, at most ${maxEntryBytes} fit; name fewer targets or subjects`,
    );
  }
  return {
    id: parts.id,
    occurredAt,
    receivedAt: parts.receivedAt,
    action: definition.action,
    outcome: event.outcome,
    actorId: event.actor.id,
    targets: targetColumn(event.targets),
    subjects: event.subjects ?? [],
    body,
    leafHash: hash(prefixed),
  };
}

let lastTime = { at: Number.NaN, text: '' };

/** Many events share a millisecond. */
function timeText(time: Date): string {
  const at = time.getTime();
  if (at !== lastTime.at) lastTime = { at, text: time.toISOString() };
  return lastTime.text;
}

const definitionTexts = new WeakMap<EventDefinition, string>();

function definitionText(definition: EventDefinition): string {
  const known = definitionTexts.get(definition);
  if (known !== undefined) return known;
  const made = `"action":${text(definition.action)},"version":${definition.version},"category":"${definition.category}"`;
  definitionTexts.set(definition, made);
  return made;
}

function actorText(actor: AuditEvent['actor']): string {
  if (!('assurance' in actor))
    return `{"type":"system","id":${text(actor.id)},"name":${text(actor.displayName)}}`;
  const name = actor.kind === 'system' ? optional('name', actor.displayName) : '';
  const methods = actor.assurance.methods.length === 0 ? '' : `,"methods":${text(actor.assurance.methods)}`;
  return `{"type":"${actor.kind}","id":${text(actor.id)}${name}${optional('session', actor.sessionId)},"level":${actor.assurance.level}${methods}}`;
}

function callText({ call }: AuditEvent): string {
  if (call === undefined) return '';
  return `${optional('service', call.origin.service)}${optional('requestId', call.requestId)}${optional('traceparent', call.traceparent)}`;
}

function touchedText({ targets = [], subjects = [] }: AuditEvent): string {
  const list = targets.map(({ type, id }) => `{"type":${text(type)},"id":${text(id)}}`);
  return `${list.length === 0 ? '' : `,"targets":[${list.join(',')}]`}${subjects.length === 0 ? '' : `,"subjects":${text(subjects)}`}`;
}

function decisionText({ decision }: AuditEvent): string {
  if (decision === undefined) return '';
  const { engine, revision, rule, obligations } = decision;
  return `,"decision":{"engine":${text(engine)},"revision":${text(revision)},"rule":${text(rule)},"obligations":${text(obligations)}}`;
}

function commitmentText(commitments: Commitments): string {
  const list = [
    ...(commitments.actor === undefined ? [] : [`"actor":"${commitments.actor}"`]),
    ...(commitments.origin === undefined ? [] : [`"origin":"${commitments.origin}"`]),
  ];
  return list.length === 0 ? '' : `,"commitments":{${list.join(',')}}`;
}

function targetColumn(targets: LeafBody['targets']): string | null {
  return targets === undefined || targets.length === 0
    ? null
    : targets.map(({ type, id }) => `${type}/${id}`).join(' ');
}

/** What the leaf says of an idempotency key: keys may hold anything, so only their hash stands there. */
export function hashIdempotencyKey(key: string | null | undefined): string | null {
  return key == null ? null : sha256(Buffer.from(key, 'utf8')).toString('hex');
}

/** Reads a body back. @throws ERR_AUDIT_CORRUPT */
export function parseLeafBody(body: Buffer): LeafBody {
  try {
    return JSON.parse(body.toString('utf8')) as LeafBody; // written by createLeaf; the hash says so
  } catch (cause) {
    throw auditError('ERR_AUDIT_CORRUPT', 'an entry is not the JSON it was when it was written', { cause });
  }
}

/** The indexed columns that follow from a body. */
export function columnsOf(body: LeafBody): IndexedColumns {
  return {
    id: body.id,
    occurredAt: new Date(body.occurredAt),
    receivedAt: new Date(body.receivedAt),
    action: body.action,
    outcome: body.outcome,
    actorId: body.actor.id,
    targets: targetColumn(body.targets),
    subjects: body.subjects ?? [],
  };
}

/** A leaf with its hash, ready to be sequenced. */
export type HashedLeaf = Leaf & { readonly leafHash: Buffer };

/** Adds the hash. */
export function hashLeaf(leaf: Leaf): HashedLeaf {
  return { ...leaf, leafHash: leafHash(leaf.body) };
}
