import { isIP } from 'node:net';
import type { TrailEvent } from '../trail-view.ts';

type OcsfObject = Readonly<Record<string, unknown>>;

const userTypes: Readonly<Record<string, { readonly id: number; readonly name: string }>> = {
  user: { id: 1, name: 'User' },
  service_account: { id: 4, name: 'Service' },
  agent: { id: 4, name: 'Service' },
  system: { id: 3, name: 'System' },
};
const unknownType = { id: 0, name: 'Unknown' };

/** Who acted. A name or address that was erased, or cannot be opened, is left out. */
export function userOf({ actor }: TrailEvent): OcsfObject {
  const type = userTypes[actor.type] ?? unknownType;
  return {
    uid: actor.id,
    type_id: type.id,
    type: type.name,
    ...(actor.displayName === null ? {} : { display_name: actor.displayName }),
    ...(actor.email == null ? {} : { email_addr: actor.email }),
  };
}

/** The actor with the session in which it acted. */
export function actorOf(event: TrailEvent): OcsfObject {
  const { level } = event.assurance;
  return {
    user: userOf(event),
    ...(event.session === null
      ? {}
      : { session: { uid: event.session, ...(level === null ? {} : { is_mfa: level >= 2 }) } }),
  };
}

/** Where the call came from, as far as it may still be read. */
export function endpointOf({ origin }: TrailEvent): OcsfObject {
  if ('erased' in origin) return { name: 'erased' };
  return {
    name: origin.service ?? 'gatehouse',
    ...(origin.ip !== null && isIP(origin.ip) !== 0 ? { ip: origin.ip } : {}),
  };
}

/** What was touched. */
export function resourcesOf({ targets }: TrailEvent): readonly OcsfObject[] {
  return targets.map(({ type, id }) => ({ uid: id, type }));
}

/** Which decision allowed or refused it. */
export function authorizationsOf({ decision, outcome }: TrailEvent): OcsfObject {
  if (decision === null) return {};
  const policy = { uid: decision.rule ?? decision.engine, name: decision.engine, version: decision.revision };
  return { authorizations: [{ decision: outcome === 'denied' ? 'denied' : 'allowed', policy }] };
}

const traceparentForm = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})$/;

/** @see https://www.w3.org/TR/trace-context/ */
export function traceOf(traceparent: string | null): OcsfObject | null {
  const match = traceparent === null ? null : traceparentForm.exec(traceparent);
  return match === null ? null : { uid: match[1], flags: [match[2]] };
}

/** The account that an event is about: the first target that is one, otherwise whoever acted. */
export function affectedUserOf(event: TrailEvent): OcsfObject {
  const target = event.targets.find(({ type }) => /(^|\.)(user|service_account|principal)$/.test(type));
  if (target === undefined) return userOf(event);
  const type =
    (target.type.endsWith('service_account') ? userTypes['service_account'] : userTypes['user']) ??
    unknownType;
  return { uid: target.id, type_id: type.id, type: type.name };
}
