import { z } from 'zod';
import type { TrailEvent } from '../trail-view.ts';
import { affectedUserOf } from './ocsf-objects.ts';

type OcsfObject = Readonly<Record<string, unknown>>;

const house = { name: 'Gatehouse', uid: 'gatehouse' };
const relational = { type_id: 1, type: 'Relational' };

/** What single classes ask for beyond what all have. */
export function ocsfAttributes(classUid: number, event: TrailEvent): OcsfObject {
  switch (classUid) {
    case 2003:
      return { finding_info: findingOf(event), compliance: { control: event.action } };
    case 2004:
      return { finding_info: findingOf(event), is_alert: true };
    case 3001:
      return { user: affectedUserOf(event) };
    case 3002:
      return authentication(event);
    case 3004:
      return { entity: entityOf(event) };
    case 3005:
      return { user: affectedUserOf(event), privileges: privilegesOf(event) };
    case 6002:
      return { app: { name: 'Gatehouse', vendor_name: 'Gatehouse' } };
    case 6005:
      return datastore(event);
    default:
      return { api: { operation: event.action, service: house }, ...userAgent(event) };
  }
}

function authentication(event: TrailEvent): OcsfObject {
  const { level, methods } = event.assurance;
  return {
    user: affectedUserOf(event),
    service: house,
    is_mfa: (level ?? 0) >= 2 || methods.length > 1,
    ...(event.session === null ? {} : { session: { uid: event.session } }),
  };
}

function findingOf(event: TrailEvent): OcsfObject {
  const { title } = titled.parse(event.detail);
  return {
    uid: event.id,
    title: title ?? event.summary,
    created_time: Date.parse(event.occurredAt),
    types: [event.action],
  };
}

function entityOf(event: TrailEvent): OcsfObject {
  const [target] = event.targets;
  if (target === undefined) return { name: event.action.split('.')[0] ?? 'gatehouse' };
  return { uid: target.id, type: target.type };
}

function privilegesOf(event: TrailEvent): readonly string[] {
  const { role, roles } = privileged.parse(event.detail);
  if (roles !== undefined) return roles;
  return [role ?? event.action];
}

function datastore(event: TrailEvent): OcsfObject {
  const { service, collection } = placed.parse(event.detail);
  const room = event.action.split('.')[0] ?? 'gatehouse';
  return {
    database: { ...relational, name: service ?? 'gatehouse' },
    table: { name: collection ?? event.targets[0]?.type ?? room },
    ...userAgent(event),
  };
}

function userAgent({ origin }: TrailEvent): OcsfObject {
  return 'erased' in origin || origin.userAgent === null
    ? {}
    : { http_request: { user_agent: origin.userAgent } };
}

/** Details differ by event; what does not fit is simply not named. */
const placed = z.object({ service: z.string().optional(), collection: z.string().optional() }).catch({});
const privileged = z
  .object({ role: z.string().optional(), roles: z.array(z.string()).min(1).optional() })
  .catch({});
const titled = z.object({ title: z.string().optional() }).catch({});
