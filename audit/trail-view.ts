import type { EventDefinition } from '../kernel/index.ts';
import type { z } from 'zod';
import type { LeafBody } from './leaf.ts';
import type { OpenedGroup, OpenedGroups } from './open-groups.ts';
import type { trailEventSchema, trailItemSchema } from './schema.ts';

/** An event in a list. */
export type TrailItem = z.output<typeof trailItemSchema>;
/** One event with everything that can still be read. */
export type TrailEvent = z.output<typeof trailEventSchema>;

/** Says in a sentence what kind of event it is. */
export type Summarise = (action: string, version: number) => string;

/** @param definitions - every event that may be in the log */
export function createSummariser(definitions: readonly EventDefinition[]): Summarise {
  const known = new Map(
    definitions.map((definition) => [`${definition.action}@${definition.version}`, definition.summary]),
  );
  return (action, version) => known.get(`${action}@${version}`) ?? action;
}

/** What a list shows of an entry. */
export function viewItem(seq: number, body: LeafBody, groups: OpenedGroups, summarise: Summarise): TrailItem {
  return {
    seq,
    id: body.id,
    occurredAt: body.occurredAt,
    receivedAt: body.receivedAt,
    action: body.action,
    version: body.version,
    category: body.category,
    outcome: body.outcome,
    reason: body.reason ?? null,
    actor: viewActor(body, groups),
    targets: [...(body.targets ?? [])],
    subjects: [...(body.subjects ?? [])],
    decision:
      body.decision === undefined ? null : { ...body.decision, obligations: [...body.decision.obligations] },
    requestId: body.requestId ?? null,
    summary: summarise(body.action, body.version),
  };
}

/** What the page of one event shows. */
export function viewEvent(
  item: TrailItem,
  entry: { readonly body: Buffer; readonly leafHash: Buffer },
  parsed: LeafBody,
  groups: OpenedGroups,
  detail: unknown,
): TrailEvent {
  return {
    ...item,
    detail,
    origin: viewOrigin(parsed, groups),
    session: parsed.actor.session ?? null,
    traceparent: parsed.traceparent ?? null,
    assurance: { level: parsed.actor.level ?? null, methods: [...(parsed.actor.methods ?? [])] },
    leafHash: entry.leafHash.toString('base64'),
    canonical: entry.body.toString('base64'),
    commitments: (['actor', 'origin'] as const).flatMap((kind) => {
      const commitment = parsed.commitments?.[kind];
      if (commitment === undefined) return [];
      const group = groups.get(commitment) ?? { state: 'missing' as const };
      const open = group.state === 'open' ? group : null;
      return [
        {
          kind,
          commitment,
          state: group.state,
          salt: open?.salt.toString('base64') ?? null,
          value: open?.json ?? null,
        },
      ];
    }),
  };
}

function viewActor(body: LeafBody, groups: OpenedGroups): TrailItem['actor'] {
  const { type, id, name } = body.actor;
  const group = groupOf(body, 'actor', groups);
  if (group === null) return { type, id, displayName: name ?? null };
  if (group.state === 'erased')
    return { type, id, displayName: null, erased: true, requestId: group.requestId };
  if (group.state !== 'open') return { type, id, displayName: null };
  const value = JSON.parse(group.json) as { displayName: string; email: string | null }; // written by us, checked by its commitment
  return { type, id, displayName: value.displayName, email: value.email };
}

function viewOrigin(body: LeafBody, groups: OpenedGroups): TrailEvent['origin'] {
  const service = body.service ?? null;
  const group = groupOf(body, 'origin', groups);
  if (group?.state === 'erased') return { erased: true, requestId: group.requestId };
  if (group?.state !== 'open') return { ip: null, userAgent: null, service };
  const value = JSON.parse(group.json) as { ip: string | null; userAgent: string | null }; // as above
  return { ...value, service };
}

function groupOf(body: LeafBody, kind: 'actor' | 'origin', groups: OpenedGroups): OpenedGroup | null {
  const commitment = body.commitments?.[kind];
  return commitment === undefined ? null : (groups.get(commitment) ?? null);
}
