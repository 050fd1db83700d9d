import type { EventDefinition } from '../../kernel/index.ts';
import { auditError } from '../errors.ts';
import type { TrailEvent } from '../trail-view.ts';
import { ocsfAttributes } from './ocsf-attributes.ts';
import { ocsfClassOf, ocsfVersion } from './ocsf-classes.ts';
import { actorOf, authorizationsOf, endpointOf, resourcesOf, traceOf } from './ocsf-objects.ts';

/** An event in OCSF's own attributes, ready for JSON. */
export type OcsfEvent = Readonly<Record<string, unknown>>;

/** What an OCSF event says of the place where it was recorded. */
export type OcsfPlace = {
  readonly tenantId: string;
  /** Origin of the log. */
  readonly logName: string;
  readonly productVersion: string;
};

/** Maps every event that a room declares. */
export type ToOcsf = (event: TrailEvent, place: OcsfPlace) => OcsfEvent;

const severities = ['Unknown', 'Informational', 'Low', 'Medium', 'High', 'Critical', 'Fatal'] as const;
const severityOfOutcome = { success: 1, failure: 2, denied: 3 } as const;
const profiles = ['host', 'security_control'] as const;

/**
 * The total mapping from our events to OCSF 1.8.0.
 *
 * @param definitions - every event that may be in a log
 * @throws ERR_AUDIT_INVALID_EVENT when one of them names a class or activity that does not exist
 */
export function createToOcsf(definitions: readonly EventDefinition[]): ToOcsf {
  const known = new Map(
    definitions.map((definition) => [
      `${definition.action}@${definition.version}`,
      { definition, ocsfClass: ocsfClassOf(definition) },
    ]),
  );
  return (event, place) => {
    const entry = known.get(`${event.action}@${event.version}`);
    if (entry === undefined)
      throw auditError(
        'ERR_AUDIT_UNKNOWN_EVENT',
        `the event ${event.action}@${event.version} is not declared; this house is older than the log`,
      );
    const { definition, ocsfClass } = entry;
    const { activityId, severityId } = definition.ocsf;
    const severity =
      severityInDetail(event, ocsfClass.category.uid) ?? severityId ?? severityOfOutcome[event.outcome];
    // The profile "trace" belongs to API Activity alone.
    const trace = ocsfClass.uid === 6003 ? traceOf(event.traceparent) : null;
    return {
      activity_id: activityId,
      activity_name: ocsfClass.activities[activityId],
      category_uid: ocsfClass.category.uid,
      category_name: ocsfClass.category.name,
      class_uid: ocsfClass.uid,
      class_name: ocsfClass.name,
      type_uid: ocsfClass.uid * 100 + activityId,
      time: Date.parse(event.occurredAt),
      severity_id: severity,
      severity: severities[severity],
      message: event.summary,
      ...statusOf(event, ocsfClass.category.uid),
      metadata: metadataOf(event, place, trace !== null),
      actor: actorOf(event),
      action_id: event.outcome === 'denied' ? 2 : 1,
      action: event.outcome === 'denied' ? 'Denied' : 'Allowed',
      ...(trace === null ? {} : { trace }),
      ...authorizationsOf(event),
      ...commonByClass(ocsfClass.uid, event),
      ...ocsfAttributes(ocsfClass.uid, event),
      unmapped: unmappedOf(event),
    };
  };
}

const severityNames: Readonly<Record<string, 2 | 3 | 4 | 5>> = { low: 2, medium: 3, high: 4, critical: 5 };

/** A finding may say itself how bad it is. */
function severityInDetail({ detail }: TrailEvent, categoryUid: number): 2 | 3 | 4 | 5 | undefined {
  if (categoryUid !== 2 || typeof detail !== 'object' || detail === null) return undefined;
  const named: unknown = Reflect.get(detail, 'severity');
  return typeof named === 'string' ? severityNames[named] : undefined;
}

/** Findings have a status of their own; everything else says how it went. */
function statusOf(event: TrailEvent, categoryUid: number): OcsfEvent {
  if (categoryUid === 2) return { status_id: 1, status: 'New' };
  const succeeded = event.outcome === 'success';
  return {
    status_id: succeeded ? 1 : 2,
    status: succeeded ? 'Success' : 'Failure',
    status_code: event.outcome,
    ...(event.reason === null ? {} : { status_detail: event.reason }),
  };
}

function metadataOf(event: TrailEvent, place: OcsfPlace, traced: boolean): OcsfEvent {
  return {
    version: ocsfVersion,
    product: { name: 'Gatehouse', vendor_name: 'Gatehouse', version: place.productVersion },
    uid: event.id,
    event_code: event.action,
    log_name: place.logName,
    log_version: String(event.version),
    tenant_uid: place.tenantId,
    original_time: event.occurredAt,
    logged_time: Date.parse(event.receivedAt),
    ...(event.seq <= 2_147_483_647 ? { sequence: event.seq } : {}),
    ...(event.requestId === null ? {} : { correlation_uid: event.requestId }),
    profiles: traced ? [...profiles, 'trace'] : [...profiles],
  };
}

/** Where it came from and what it touched, for the classes that have room for it. */
function commonByClass(classUid: number, event: TrailEvent): OcsfEvent {
  const hasEndpoint = classUid !== 6002 && classUid < 7000 && classUid >= 3000;
  const hasResources = classUid === 6003 || classUid === 3005 || classUid < 3000;
  const resources = resourcesOf(event);
  return {
    ...(hasEndpoint ? { src_endpoint: endpointOf(event) } : {}),
    ...(hasResources && resources.length > 0 ? { resources } : {}),
  };
}

/** What OCSF has no attribute for: nothing of an event is lost. */
function unmappedOf(event: TrailEvent): OcsfEvent {
  return {
    seq: event.seq,
    category: event.category,
    targets: event.targets,
    subjects: event.subjects,
    detail: event.detail ?? null,
    leaf_hash: event.leafHash,
    ...(event.traceparent === null ? {} : { traceparent: event.traceparent }),
    ...(event.decision === null ? {} : { decision: event.decision }),
    ...('erased' in event.origin ? { origin_erased_by: event.origin.requestId } : {}),
    ...(event.actor.erased === true ? { actor_erased_by: event.actor.requestId ?? null } : {}),
  };
}
