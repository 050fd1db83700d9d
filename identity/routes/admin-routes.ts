import type { z } from 'zod';
import { defineRoute, requirePrincipal, Secret, type AnyRoute } from '../../kernel/index.ts';
import { exactlyOne } from '../../db/index.ts';
import { serviceClientId } from '../accounts/service-accounts.ts';
import {
  findUser,
  listServiceAccounts,
  listUsers,
  type ServiceAccountRow,
  type UserRow,
} from '../accounts/store-accounts.ts';
import { identityError } from '../errors.ts';
import { afterId, toPage } from '../page.ts';
import {
  idParams,
  newServiceAccountBody,
  newUserBody,
  pageQuery,
  serviceAccountCredentials,
  serviceAccountPage,
  userPage,
  userPatch,
  userResponse,
} from '../schema.ts';
import type { RouteDeps } from './route-deps.ts';

const read = { kind: 'principal', action: 'identity.read' } as const;
const manage = {
  kind: 'principal',
  action: 'identity.manage',
  stepUp: { level: 2, maxAgeSeconds: 900 },
} as const;
const listing = { kind: 'none', reason: 'the decision to read is recorded by policy' } as const;

const toUser = (row: UserRow): unknown => ({
  id: row.id,
  email: row.email,
  displayName: row.display_name,
  state: row.state,
  attributes: row.attributes,
  mfa: { totp: row.totp, recoveryCodesLeft: row.recovery_codes_left },
  lastSignInAt: row.last_sign_in_at?.toISOString() ?? null,
  createdAt: row.created_at.toISOString(),
});

/** Users and service accounts, for administrators. */
export function createAdminRoutes(deps: RouteDeps): readonly AnyRoute[] {
  return Object.freeze([
    listUsersRoute(deps),
    createUserRoute(deps),
    patchUserRoute(deps),
    listServiceAccountsRoute(deps),
    createServiceAccountRoute(deps),
    deleteServiceAccountRoute(deps),
  ]);
}

function listUsersRoute(deps: RouteDeps): AnyRoute {
  return defineRoute({
    method: 'GET', path: '/v1/identity/users', operationId: 'identityListUsers', summary: 'Users of the tenant',
    security: read, audit: listing, request: { query: pageQuery },
    responses: { 200: { description: 'users', schema: userPage } },
    handler: async ({ principal, query }) => {
      const { tenantId } = requirePrincipal(principal);
      const after = afterId(query.cursor);
      const { rows } = await deps.database.withTenant(tenantId, (tx) => tx.query<UserRow>(listUsers, [tenantId, after, query.limit + 1]), { readOnly: true });
      return { status: 200, body: toPage(rows, query.limit, toUser) };
    },
  }); // prettier-ignore
}

function createUserRoute(deps: RouteDeps): AnyRoute {
  return defineRoute({
    method: 'POST', path: '/v1/identity/users', operationId: 'identityCreateUser', summary: 'Creates a user at the embedded provider',
    security: manage, audit: { kind: 'event', actions: ['identity.user_created'] }, request: { body: newUserBody },
    responses: { 201: { description: 'created', schema: userResponse }, 409: { description: 'e-mail address in use' } },
    handler: async ({ principal, body, call }) => {
      const actor = requirePrincipal(principal);
      const { email, displayName, attributes, password } = body;
      await deps.crypto.warm(actor.tenantId);
      const row = await deps.database.withTenant(actor.tenantId, async (tx) => {
        const optional = { ...(attributes === undefined ? {} : { attributes }), ...(password === undefined ? {} : { password: new Secret(password) }) };
        const { id } = await deps.users.create(tx, { email, displayName, ...optional }, { actor, call });
        return exactlyOne(await tx.query<UserRow>(findUser, [tx.tenantId, id]), 'user');
      });
      return { status: 201, body: toUser(row) };
    },
  }); // prettier-ignore
}

/** Attributes decide what policy permits, so one's own are changed by another administrator. */
function requireAnother(actorId: string, userId: string, body: z.output<typeof userPatch>): void {
  if (actorId !== userId.toLowerCase()) return;
  if (body.state === 'disabled')
    throw identityError('ERR_FORBIDDEN', 409, 'you cannot disable yourself; ask another administrator');
  if (body.attributes !== undefined)
    throw identityError(
      'ERR_FORBIDDEN',
      409,
      'nobody changes their own attributes; ask another administrator',
    );
}

function patchUserRoute(deps: RouteDeps): AnyRoute {
  return defineRoute({
    method: 'PATCH', path: '/v1/identity/users/{id}', operationId: 'identityChangeUser', summary: 'Changes a user; disabling ends every session at once',
    security: manage, request: { params: idParams, body: userPatch },
    audit: { kind: 'event', actions: ['identity.user_changed', 'identity.user_disabled', 'identity.user_enabled', 'identity.session_ended'] },
    responses: { 200: { description: 'changed', schema: userResponse }, 404: { description: 'no such user' }, 409: { description: 'one cannot disable oneself, nor change one’s own attributes' } },
    handler: async ({ principal, params, body, call }) => {
      const actor = requirePrincipal(principal);
      requireAnother(actor.id, params.id, body);
      await deps.crypto.warm(actor.tenantId);
      const row = await deps.database.withTenant(actor.tenantId, (tx) => deps.users.change(tx, params.id, body, { actor, call }));
      return { status: 200, body: toUser(row) };
    },
  }); // prettier-ignore
}

function listServiceAccountsRoute(deps: RouteDeps): AnyRoute {
  return defineRoute({
    method: 'GET', path: '/v1/identity/service-accounts', operationId: 'identityListServiceAccounts', summary: 'Service accounts of the tenant',
    security: read, audit: listing, request: { query: pageQuery },
    responses: { 200: { description: 'service accounts', schema: serviceAccountPage } },
    handler: async ({ principal, query }) => {
      const { tenantId } = requirePrincipal(principal);
      const after = afterId(query.cursor);
      const { rows } = await deps.database.withTenant(tenantId, (tx) => tx.query<ServiceAccountRow>(listServiceAccounts, [tenantId, after, query.limit + 1]), { readOnly: true });
      const toItem = ({ id, name, roles, attributes, state, created_at }: ServiceAccountRow): unknown =>
        ({ id, name, clientId: serviceClientId(tenantId, id), roles, attributes, state, createdAt: created_at.toISOString() });
      return { status: 200, body: toPage(rows, query.limit, toItem) };
    },
  }); // prettier-ignore
}

function createServiceAccountRoute(deps: RouteDeps): AnyRoute {
  return defineRoute({
    method: 'POST', path: '/v1/identity/service-accounts', operationId: 'identityCreateServiceAccount', summary: 'Creates a service account; the secret is shown once',
    security: manage, audit: { kind: 'event', actions: ['identity.service_account_created'] }, request: { body: newServiceAccountBody },
    responses: { 201: { description: 'credentials', schema: serviceAccountCredentials }, 409: { description: 'name in use' } },
    handler: async ({ principal, body, call }) => {
      const actor = requirePrincipal(principal);
      const { name, attributes } = body;
      await deps.crypto.warm(actor.tenantId);
      const made = await deps.database.withTenant(actor.tenantId, (tx) =>
        deps.serviceAccounts.create(tx, { name, ...(attributes === undefined ? {} : { attributes }) }, { actor, call }));
      const answer = { id: made.id, clientId: made.clientId, clientSecret: made.clientSecret.reveal() };
      return { status: 201, headers: { 'cache-control': 'no-store' }, body: answer };
    },
  }); // prettier-ignore
}

function deleteServiceAccountRoute(deps: RouteDeps): AnyRoute {
  return defineRoute({
    method: 'DELETE', path: '/v1/identity/service-accounts/{id}', operationId: 'identityDisableServiceAccount', summary: 'Disables a service account; its tokens are refused at once',
    security: manage, audit: { kind: 'event', actions: ['identity.service_account_disabled'] }, request: { params: idParams },
    responses: { 204: { description: 'disabled' }, 404: { description: 'no such service account' } },
    handler: async ({ principal, params, call }) => {
      const actor = requirePrincipal(principal);
      await deps.crypto.warm(actor.tenantId);
      await deps.database.withTenant(actor.tenantId, (tx) => deps.serviceAccounts.disable(tx, params.id, { actor, call }));
      return { status: 204 };
    },
  }); // prettier-ignore
}
