import { z } from 'zod';

const time = z.iso.datetime();
/** An id in a path. */
export const idParams = z.object({ id: z.uuid() });
/** A page of a list. */
export const pageQuery = z.object({
  cursor: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
const page = <Item extends z.ZodType>(item: Item) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable() });

const attributes = z
  .record(z.string().max(64), z.union([z.string().max(256), z.array(z.string().max(256)).max(50)]))
  .refine((value) => Object.keys(value).length <= 50, 'at most 50 attributes');
const displayName = z.string().trim().min(1).max(200);
const code = z.string().trim().min(6).max(40);

/** `GET /auth/login` */
export const loginQuery = z.object({
  tenant: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/),
  return_to: z.string().max(2_000).optional(),
  acr_values: z.enum(['aal1', 'aal2']).optional(),
  max_age: z.coerce.number().int().min(0).max(86_400).optional(),
  ui_locales: z
    .string()
    .regex(/^[A-Za-z0-9 -]{1,60}$/)
    .optional(),
});

/** What a provider sends back; every parameter is kept for the checks, none may be long. */
export const callbackQuery = z.record(z.string().max(64), z.string().max(4_000));

/** Who is signed in. */
export const sessionResponse = z.object({
  principal: z.object({
    id: z.uuid(),
    kind: z.enum(['user', 'service_account', 'data_subject', 'system']),
    displayName: z.string(),
    email: z.string().nullable(),
    roles: z.array(z.string()),
    assurance: z.object({ level: z.int(), authenticatedAt: time.nullable(), methods: z.array(z.string()) }),
  }),
  tenant: z.object({ id: z.uuid(), slug: z.string(), name: z.string() }),
  csrfToken: z.string().nullable(),
  stepUp: z.object({ method: z.enum(['totp', 'redirect']) }),
  expiresAt: time.nullable(),
});

/** `POST /v1/identity/step-up` and `…/me/totp/confirm` */
export const codeBody = z.strictObject({ code });
/** Enrolment secret, shown once. */
export const totpEnrolment = z.object({ secret: z.string(), uri: z.string() });
/** Recovery codes, shown once. */
export const recoveryCodes = z.object({ codes: z.array(z.string()) });

/** Tenants for the sign-in page of a development house. */
export const tenantList = z.array(z.object({ slug: z.string(), name: z.string() }));

const user = z.object({
  id: z.uuid(),
  email: z.string().nullable(),
  displayName: z.string(),
  state: z.enum(['active', 'disabled']),
  attributes: z.record(z.string(), z.unknown()),
  mfa: z.object({ totp: z.boolean(), recoveryCodesLeft: z.int() }),
  lastSignInAt: time.nullable(),
  createdAt: time,
});
/** A user on the wire. */
export const userResponse = user;
/** A page of users. */
export const userPage = page(user);
/** `POST /v1/identity/users` */
export const newUserBody = z.strictObject({
  email: z.email().max(254),
  displayName,
  password: z.string().min(12).max(1_024).optional(),
  attributes: attributes.optional(),
});
/** `PATCH /v1/identity/users/{id}` */
export const userPatch = z.strictObject({
  state: z.enum(['active', 'disabled']).optional(),
  displayName: displayName.optional(),
  attributes: attributes.optional(),
});

const serviceAccount = z.object({
  id: z.uuid(),
  name: z.string(),
  clientId: z.string(),
  roles: z.array(z.string()),
  attributes: z.record(z.string(), z.unknown()),
  state: z.enum(['active', 'disabled']),
  createdAt: time,
});
/** A page of service accounts. */
export const serviceAccountPage = page(serviceAccount);
/** `POST /v1/identity/service-accounts` */
export const newServiceAccountBody = z.strictObject({
  name: z.string().trim().min(1).max(100),
  attributes: attributes.optional(),
});
/** Credentials, shown once. */
export const serviceAccountCredentials = z.object({
  id: z.uuid(),
  clientId: z.string(),
  clientSecret: z.string(),
});

/** A page of sessions. */
export const sessionPage = page(
  z.object({
    id: z.uuid(),
    userId: z.uuid(),
    displayName: z.string(),
    level: z.int(),
    current: z.boolean(),
    ip: z.string().nullable(),
    userAgent: z.string().nullable(),
    createdAt: time,
    lastSeenAt: time,
    expiresAt: time,
  }),
);

/** Providers of the tenant; never a secret. */
export const connectionPage = page(
  z.object({
    id: z.uuid(),
    name: z.string(),
    kind: z.enum(['embedded', 'oidc', 'keycloak']),
    state: z.enum(['draft', 'tested', 'active', 'disabled']),
    issuer: z.string(),
    clientId: z.string(),
    audience: z.string(),
    createdAt: time,
  }),
);
