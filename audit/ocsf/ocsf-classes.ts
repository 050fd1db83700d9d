import type { EventDefinition } from '../../kernel/index.ts';
import { auditError } from '../errors.ts';

/** An OCSF event class that our events map to. */
export type OcsfClass = {
  readonly uid: number;
  readonly name: string;
  readonly category: { readonly uid: number; readonly name: string };
  /** Captions by activity id. */
  readonly activities: Readonly<Record<number, string>>;
};

/** The version of the schema that the mapping speaks. */
export const ocsfVersion = '1.8.0';

const findings = { uid: 2, name: 'Findings' };
const access = { uid: 3, name: 'Identity & Access Management' };
const application = { uid: 6, name: 'Application Activity' };
const other = { 0: 'Unknown', 99: 'Other' };

/** Classes in use. 3007 and 3008 do not exist in 1.8.0. @see https://schema.ocsf.io/1.8.0/ */
export const ocsfClasses: readonly OcsfClass[] = Object.freeze([
  {
    uid: 2003,
    name: 'Compliance Finding',
    category: findings,
    activities: { ...other, 1: 'Create', 2: 'Update', 3: 'Close' },
  },
  {
    uid: 2004,
    name: 'Detection Finding',
    category: findings,
    activities: { ...other, 1: 'Create', 2: 'Update', 3: 'Close' },
  },
  {
    uid: 3001,
    name: 'Account Change',
    category: access,
    activities: {
      ...other,
      1: 'Create',
      2: 'Enable',
      3: 'Password Change',
      4: 'Password Reset',
      5: 'Disable',
      6: 'Delete',
      7: 'Attach Policy',
      8: 'Detach Policy',
      9: 'Lock',
      10: 'MFA Factor Enable',
      11: 'MFA Factor Disable',
      12: 'Unlock',
    },
  },
  {
    uid: 3002,
    name: 'Authentication',
    category: access,
    activities: {
      ...other,
      1: 'Logon',
      2: 'Logoff',
      3: 'Authentication Ticket',
      4: 'Service Ticket Request',
      5: 'Service Ticket Renew',
      6: 'Preauth',
      7: 'Account Switch',
    },
  },
  {
    uid: 3004,
    name: 'Entity Management',
    category: access,
    activities: {
      ...other,
      1: 'Create',
      2: 'Read',
      3: 'Update',
      4: 'Delete',
      5: 'Move',
      6: 'Enroll',
      7: 'Unenroll',
      8: 'Enable',
      9: 'Disable',
      10: 'Activate',
      11: 'Deactivate',
      12: 'Suspend',
      13: 'Resume',
    },
  },
  {
    uid: 3005,
    name: 'User Access Management',
    category: access,
    activities: { ...other, 1: 'Assign Privileges', 2: 'Revoke Privileges' },
  },
  {
    uid: 6002,
    name: 'Application Lifecycle',
    category: application,
    activities: {
      ...other,
      1: 'Install',
      2: 'Remove',
      3: 'Start',
      4: 'Stop',
      5: 'Restart',
      6: 'Enable',
      7: 'Disable',
      8: 'Update',
    },
  },
  {
    uid: 6003,
    name: 'API Activity',
    category: application,
    activities: { ...other, 1: 'Create', 2: 'Read', 3: 'Update', 4: 'Delete' },
  },
  {
    uid: 6005,
    name: 'Datastore Activity',
    category: application,
    activities: {
      ...other,
      1: 'Read',
      2: 'Update',
      3: 'Connect',
      4: 'Query',
      5: 'Write',
      6: 'Create',
      7: 'Delete',
      8: 'List',
      9: 'Encrypt',
      10: 'Decrypt',
    },
  },
]);

const byUid = new Map(ocsfClasses.map((known) => [known.uid, known]));

/**
 * The class of an event type.
 *
 * @throws ERR_AUDIT_INVALID_EVENT when the definition names a class or an activity that the mapping does not know
 */
export function ocsfClassOf({ action, version, ocsf }: EventDefinition): OcsfClass {
  const known = byUid.get(ocsf.classUid);
  if (known?.activities[ocsf.activityId] !== undefined) return known;
  throw auditError(
    'ERR_AUDIT_INVALID_EVENT',
    `the event ${action}@${version} maps to OCSF class ${ocsf.classUid}, activity ${ocsf.activityId}, which ${ocsfVersion} or this house does not have; choose one of ${[...byUid.keys()].join(', ')}`,
  );
}
