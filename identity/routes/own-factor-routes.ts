import { defineRoute, type AnyRoute, type CallContext } from '../../kernel/index.ts';
import type { Tx } from '../../db/index.ts';
import { findUser, type UserRow } from '../accounts/store-accounts.ts';
import { identityError } from '../errors.ts';
import { factorChanged, sessionEnded } from '../events.ts';
import { replaceRecoveryCodes } from '../factors/recovery-codes.ts';
import { codeBody, recoveryCodes, totpEnrolment } from '../schema.ts';
import type { LiveSession } from '../sessions/sessions.ts';
import { endSessionsOfUser } from '../sessions/store-sessions.ts';
import { stepUpChallenge } from '../token/challenge.ts';
import { aboutOneself, requireSession, type Headers, type RouteDeps } from './route-deps.ts';

const freshSeconds = 900;

/** Enrolment of an authenticator app, and recovery codes. */
export function createOwnFactorRoutes(deps: RouteDeps): readonly AnyRoute[] {
  return Object.freeze([beginRoute(deps), confirmRoute(deps), recoveryRoute(deps)]);
}

/** Changing a factor needs the old one, freshly proved; the first one needs a fresh sign-in (ASVS 7.5.1). */
async function requireFresh(deps: RouteDeps, headers: Headers): Promise<LiveSession> {
  const session = await requireSession(deps, headers, 'POST');
  const { principal, row } = session;
  if (row.connection_kind !== 'embedded')
    throw identityError(
      'ERR_FORBIDDEN',
      403,
      'the second factor of this user is kept by their identity provider',
    );
  const find = (tx: Tx) => tx.query<UserRow>(findUser, [principal.tenantId, principal.id]);
  const user = (await deps.database.withTenant(principal.tenantId, find, { readOnly: true })).rows[0];
  const { level, authenticatedAt } = principal.assurance;
  const age = authenticatedAt === null ? Infinity : deps.clock.now().getTime() - authenticatedAt.getTime();
  if (age <= freshSeconds * 1000 && (level >= 2 || user?.totp === false)) return session;
  throw identityError('ERR_STEP_UP_REQUIRED', 401, 'changing a factor needs a fresh proof; step up first', {
    details: { challenge: stepUpChallenge(2, freshSeconds) },
  });
}

async function recordChange(
  deps: RouteDeps,
  tx: Tx,
  session: LiveSession,
  factor: 'totp' | 'recovery_codes',
  call: CallContext,
): Promise<void> {
  const { principal, row } = session;
  const common = {
    tenantId: tx.tenantId,
    outcome: 'success' as const,
    actor: principal,
    call,
    targets: [{ type: 'identity.user', id: principal.id }],
  };
  await deps.audit.append(tx, {
    ...common,
    definition: factorChanged,
    detail: { userId: principal.id, factor },
  });
  const ended = await tx.query<{ id: string }>(endSessionsOfUser, [
    tx.tenantId,
    principal.id,
    deps.clock.now(),
    'factor_changed',
    row.id,
  ]);
  if (ended.rowCount === 0) return;
  const sessionIds = ended.rows.slice(0, 1_000).map(({ id }) => id);
  await deps.audit.append(tx, {
    ...common,
    definition: sessionEnded,
    detail: { sessionIds, cause: 'factor_changed' },
  });
}

function beginRoute(deps: RouteDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/identity/me/totp',
    operationId: 'identityBeginTotp',
    summary: 'Begins enrolment of an authenticator app; the secret is shown once',
    security: aboutOneself,
    audit: { kind: 'none', reason: 'a pending secret counts for nothing before its first code' },
    request: {},
    responses: {
      201: { description: 'secret', schema: totpEnrolment },
      401: { description: 'step up first' },
    },
    handler: async ({ headers }) => {
      const { principal } = await requireFresh(deps, headers);
      const account = principal.email ?? principal.displayName;
      const body = await deps.factors.begin(principal.tenantId, principal.id, account);
      return { status: 201, headers: { 'cache-control': 'no-store' }, body };
    },
  });
}

function confirmRoute(deps: RouteDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/identity/me/totp/confirm',
    operationId: 'identityConfirmTotp',
    summary: 'Ends enrolment with the first code; other sessions of the user end',
    security: aboutOneself,
    audit: { kind: 'event', actions: ['identity.factor_changed', 'identity.session_ended'] },
    request: { body: codeBody },
    responses: {
      204: { description: 'enrolled' },
      400: { description: 'wrong code' },
      401: { description: 'step up first' },
    },
    handler: async ({ headers, body, call }) => {
      const session = await requireFresh(deps, headers);
      const { principal } = session;
      await deps.limiter.count(principal.tenantId, [{ kind: 'second_factor', userId: principal.id }]);
      await deps.crypto.warm(principal.tenantId);
      const confirmed = await deps.database.withTenant(principal.tenantId, async (tx) => {
        const done = await deps.factors.confirm(tx, principal.id, body.code);
        if (done) await recordChange(deps, tx, session, 'totp', call);
        return done;
      });
      if (!confirmed)
        throw identityError(
          'ERR_CODE_INVALID',
          400,
          'the code does not fit the new secret; check the clock of your phone',
        );
      return { status: 204 };
    },
  });
}

function recoveryRoute(deps: RouteDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/identity/me/recovery-codes',
    operationId: 'identityReplaceRecoveryCodes',
    summary: 'Makes ten new recovery codes, shown once; the old ones are void',
    security: aboutOneself,
    audit: { kind: 'event', actions: ['identity.factor_changed', 'identity.session_ended'] },
    request: {},
    responses: {
      201: { description: 'codes', schema: recoveryCodes },
      401: { description: 'step up first' },
    },
    handler: async ({ headers, call }) => {
      const session = await requireFresh(deps, headers);
      const codes = await deps.database.withTenant(session.principal.tenantId, async (tx) => {
        const made = await replaceRecoveryCodes(tx, session.principal.id, deps);
        await recordChange(deps, tx, session, 'recovery_codes', call);
        return made;
      });
      return { status: 201, headers: { 'cache-control': 'no-store' }, body: { codes } };
    },
  });
}
