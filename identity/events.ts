import { z } from 'zod';
import { defineEvent, type EventCategory, type EventDefinition } from '../kernel/index.ts';

const id = z.uuid();
const define = <Payload extends z.ZodType>(
  action: string,
  category: EventCategory,
  [classUid, activityId]: readonly [number, number],
  summary: string,
  detail: Payload,
): EventDefinition<Payload> =>
  defineEvent({
    action: `identity.${action}`,
    version: 1,
    category,
    summary,
    detail,
    ocsf: { classUid, activityId },
  });

const authentication = 3002;
const accountChange = 3001;
const method = z.enum(['pwd', 'otp', 'recovery', 'redirect']);

/** Somebody signed in and has a session. */
export const signInSucceeded = define(
  'sign_in_succeeded',
  'authentication',
  [authentication, 1],
  'A person signed in',
  z.object({
    connectionId: id,
    sessionId: id,
    level: z.int(),
    methods: z.array(z.string().max(40)).max(10),
    created: z.boolean(),
  }),
);

/** A sign-in was refused; `reason` of the event says why. */
export const signInFailed = define(
  'sign_in_failed',
  'authentication',
  [authentication, 1],
  'A sign-in was refused',
  z.object({ stage: z.enum(['password', 'second_factor', 'callback']), connectionId: id.nullable() }),
);

/** A session was raised to a higher level. */
export const stepUpSucceeded = define(
  'step_up_succeeded',
  'authentication',
  [authentication, 1],
  'A person proved again who they are',
  z.object({ fromSessionId: id, sessionId: id, level: z.int(), method }),
);

/** A step-up was refused. */
export const stepUpFailed = define(
  'step_up_failed',
  'authentication',
  [authentication, 1],
  'A proof for a step-up was refused',
  z.object({ sessionId: id, method }),
);

/** Sessions ended. */
export const sessionEnded = define(
  'session_ended',
  'authentication',
  [authentication, 2],
  'Sessions were ended',
  z.object({
    sessionIds: z.array(id).max(1_000),
    cause: z.enum(['sign_out', 'revoked', 'user_disabled', 'factor_changed']),
  }),
);

/** A user was created, by an administrator or at the first sign-in. */
export const userCreated = define(
  'user_created',
  'administration',
  [accountChange, 1],
  'A user was created',
  z.object({ userId: id, origin: z.enum(['administrator', 'first_sign_in']) }),
);

/** A user was changed. */
export const userChanged = define(
  'user_changed',
  'administration',
  [accountChange, 99],
  'A user was changed',
  z.object({ userId: id, fields: z.array(z.string().max(40)).max(10) }),
);

/** A user was disabled; every session ended in the same transaction. */
export const userDisabled = define(
  'user_disabled',
  'administration',
  [accountChange, 5],
  'A user was disabled',
  z.object({ userId: id, sessionsEnded: z.int() }),
);

/** A disabled user may sign in again. */
export const userEnabled = define(
  'user_enabled',
  'administration',
  [accountChange, 2],
  'A user was enabled',
  z.object({ userId: id }),
);

/** A second factor was added or replaced. */
export const factorChanged = define(
  'factor_changed',
  'administration',
  [accountChange, 10],
  'A second factor was changed',
  z.object({ userId: id, factor: z.enum(['totp', 'recovery_codes']) }),
);

/** A recovery code stood in for the authenticator. */
export const recoveryCodeUsed = define(
  'recovery_code_used',
  'authentication',
  [authentication, 1],
  'A recovery code was used',
  z.object({ userId: id, left: z.int() }),
);

/** A service account was created. */
export const serviceAccountCreated = define(
  'service_account_created',
  'administration',
  [accountChange, 1],
  'A service account was created',
  z.object({ serviceAccountId: id }),
);

/** A service account was disabled: its secret and its tokens are refused from now on. */
export const serviceAccountDisabled = define(
  'service_account_disabled',
  'administration',
  [accountChange, 5],
  'A service account was disabled',
  z.object({ serviceAccountId: id }),
);

/** A provider connection was created. */
export const connectionCreated = define(
  'connection_created',
  'administration',
  [accountChange, 1],
  'An identity provider was connected',
  z.object({ connectionId: id, kind: z.enum(['embedded', 'oidc', 'keycloak']) }),
);

/** Every event of this room. */
export const identityEvents: readonly EventDefinition[] = Object.freeze([
  signInSucceeded,
  signInFailed,
  stepUpSucceeded,
  stepUpFailed,
  sessionEnded,
  userCreated,
  userChanged,
  userDisabled,
  userEnabled,
  factorChanged,
  recoveryCodeUsed,
  serviceAccountCreated,
  serviceAccountDisabled,
  connectionCreated,
]);
