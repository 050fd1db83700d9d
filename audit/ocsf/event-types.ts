import { z } from 'zod';
import type { EventDefinition } from '../../kernel/index.ts';
import { ocsfClassOf } from './ocsf-classes.ts';

/** A type of event as the registry shows it. */
export type EventType = {
  readonly action: string;
  readonly version: number;
  readonly category: string;
  readonly summary: string;
  readonly ocsf: {
    readonly classUid: number;
    readonly className: string;
    readonly activityId: number;
    readonly activityName: string;
    readonly typeUid: number;
  };
  /** JSON Schema 2020-12 of `detail`. */
  readonly detail: unknown;
};

/** Every type that can stand in a log, by action and version. @throws ERR_AUDIT_INVALID_EVENT */
export function listEventTypes(definitions: readonly EventDefinition[]): readonly EventType[] {
  return definitions
    .map((definition) => describe(definition))
    .toSorted((left, right) => left.action.localeCompare(right.action, 'en') || left.version - right.version);
}

function describe(definition: EventDefinition): EventType {
  const { action, version, category, summary, ocsf, detail } = definition;
  const known = ocsfClassOf(definition);
  return {
    action,
    version,
    category,
    summary,
    ocsf: {
      classUid: known.uid,
      className: known.name,
      activityId: ocsf.activityId,
      activityName: known.activities[ocsf.activityId] ?? '',
      typeUid: known.uid * 100 + ocsf.activityId,
    },
    detail: z.toJSONSchema(detail, { unrepresentable: 'any', io: 'input' }),
  };
}
