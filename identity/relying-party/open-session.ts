import type { Database, Tx } from '../../db/index.ts';
import { exactlyOne } from '../../db/index.ts';
import { parsePrincipalId } from '../../kernel/index.ts';
import type { AuditSink, CallContext, Clock, NewId, Principal, TenantId } from '../../kernel/index.ts';
import {
  findFederatedIdentity,
  insertFederatedIdentity,
  insertUser,
  lockUser,
  markSignedIn,
} from '../accounts/store-accounts.ts';
import { systemActor } from '../accounts/users.ts';
import { identityError } from '../errors.ts';
import { signInSucceeded, stepUpSucceeded, userCreated } from '../events.ts';
import type { Sealing } from '../ports.ts';
import { sealedColumn } from '../sealed-values.ts';
import type { Ticket } from '../sessions/cookies.ts';
import type { LiveSession, Sessions } from '../sessions/sessions.ts';
import { endSession } from '../sessions/store-sessions.ts';
import type { AssertedIdentity } from './read-claims.ts';
import type { ConnectionRow, FlowRow } from './store-connections.ts';

/** A sign-in whose claims were verified. */
export type ProvenSignIn = {
  readonly ticket: Ticket;
  readonly flow: FlowRow;
  readonly connection: ConnectionRow;
  readonly asserted: AssertedIdentity;
  readonly idToken: string;
  readonly previous: LiveSession | null;
  readonly call: CallContext;
};

/** Opens the session of a verified sign-in. Throws ERR_FORBIDDEN for a disabled user, ERR_STEP_UP_REQUIRED for too weak a proof. */
export type OpenSession = (signIn: ProvenSignIn) => Promise<Ticket>;

/** What it is built from. */
export type OpenSessionDeps = {
  readonly database: Database;
  readonly crypto: Sealing;
  readonly audit: AuditSink<Tx>;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly sessions: Sessions;
};

/** The user, made at the first sign-in when need be, and a fresh session in place of the one the browser held. */
export function createOpenSession(deps: OpenSessionDeps): OpenSession {
  const sealed = sealedColumn(deps.crypto, 'session', 'provider_id_token');
  return async (signIn) => {
    const { tenantId } = signIn.ticket;
    await deps.crypto.warm(tenantId);
    return deps.database.withTenant(tenantId, async (tx) => {
      const user = await findOrCreateUser(tx, signIn);
      requireStepUp(signIn, user.id);
      await markUser(tx, user.id, signIn);
      const id = deps.newId();
      const idToken =
        signIn.connection.kind === 'embedded' ? null : await sealed.seal(tx, id, signIn.idToken);
      const { asserted, call } = signIn;
      const opened = await deps.sessions.open(tx, id, {
        userId: user.id,
        connectionId: signIn.connection.id,
        level: asserted.level,
        authenticatedAt: asserted.authenticatedAt,
        methods: asserted.methods,
        providerIdToken: idToken,
        ip: call.origin.ip,
        userAgent: call.origin.userAgent,
      });
      await endPrevious(tx, signIn);
      await record(tx, signIn, user, id);
      return opened;
    });
  };

  async function findOrCreateUser(
    tx: Tx,
    { connection, asserted, call }: ProvenSignIn,
  ): Promise<{ id: string; created: boolean }> {
    const key = [tx.tenantId, connection.id, asserted.subject];
    const known = (await tx.query<{ user_id: string }>(findFederatedIdentity, key)).rows[0];
    if (known !== undefined) return requireActive(tx, known.user_id);
    if (connection.kind === 'embedded')
      throw identityError('ERR_FORBIDDEN', 403, 'this user does not belong to the tenant');
    const id = deps.newId();
    const now = deps.clock.now();
    // Identity is (connection, subject): an e-mail that somebody else has here links nothing.
    await tx.query(insertUser, [
      tx.tenantId,
      id,
      asserted.email,
      asserted.displayName,
      null,
      null,
      asserted.roles,
      {},
      now,
    ]);
    const linked = await tx.query(insertFederatedIdentity, [...key, id, now]);
    if (linked.rowCount !== 1)
      throw identityError('ERR_SIGN_IN_FAILED', 409, 'two first sign-ins at once; start again');
    await deps.audit.append(tx, {
      definition: userCreated, tenantId: tx.tenantId, outcome: 'success', actor: systemActor, call,
      targets: [{ type: 'identity.user', id }], detail: { userId: id, origin: 'first_sign_in' },
    }); // prettier-ignore
    return { id, created: true };
  }

  /** Deactivation is sticky; the lock makes a sign-in and a deactivation wait for each other. */
  async function requireActive(tx: Tx, userId: string): Promise<{ id: string; created: boolean }> {
    const user = exactlyOne(await tx.query<{ state: string }>(lockUser, [tx.tenantId, userId]), 'user');
    if (user.state !== 'active')
      throw identityError('ERR_FORBIDDEN', 403, 'this user is disabled here; ask the administrator');
    return { id: userId, created: false };
  }

  async function markUser(tx: Tx, userId: string, { connection, asserted }: ProvenSignIn): Promise<void> {
    const foreign = connection.kind !== 'embedded';
    const name = foreign ? asserted.displayName : null;
    await tx.query(markSignedIn, [
      tx.tenantId,
      userId,
      deps.clock.now(),
      asserted.roles,
      name,
      foreign ? asserted.email : null,
    ]);
  }

  async function endPrevious(tx: Tx, { previous }: ProvenSignIn): Promise<void> {
    if (previous === null || previous.principal.tenantId !== tx.tenantId) return;
    await tx.query(endSession, [tx.tenantId, previous.row.id, deps.clock.now(), 'replaced']);
  }

  async function record(
    tx: Tx,
    signIn: ProvenSignIn,
    user: { id: string; created: boolean },
    sessionId: string,
  ): Promise<void> {
    const { asserted, call, connection, flow } = signIn;
    const targets = [{ type: 'identity.user', id: user.id }];
    const { level, methods } = asserted;
    const actor = personOf(tx.tenantId, signIn, user.id, sessionId);
    const common = { tenantId: tx.tenantId, outcome: 'success' as const, actor, targets, call };
    const detail = {
      connectionId: connection.id,
      sessionId,
      level,
      methods: [...methods],
      created: user.created,
    };
    await deps.audit.append(tx, { ...common, definition: signInSucceeded, detail });
    if (flow.session_id !== null) {
      const raised = { fromSessionId: flow.session_id, sessionId, level, method: 'redirect' as const };
      await deps.audit.append(tx, { ...common, definition: stepUpSucceeded, detail: raised });
    }
  }
}

/** Who has just proved to be here, as the trail names them. */
function personOf(
  tenantId: TenantId,
  { asserted }: ProvenSignIn,
  userId: string,
  sessionId: string,
): Principal {
  const { level, authenticatedAt, methods, roles, email, displayName } = asserted;
  return {
    kind: 'user',
    tenantId,
    id: parsePrincipalId(userId),
    displayName: displayName ?? userId,
    email,
    roles,
    attributes: {},
    assurance: { level, authenticatedAt, methods },
    sessionId,
  };
}

/** A step-up is for the same person and session, and only believed from the returned acr and auth_time. */
function requireStepUp({ flow, previous, asserted }: ProvenSignIn, userId: string): void {
  if (flow.session_id === null) return;
  if (previous?.row.id !== flow.session_id || previous.row.user_id !== userId) {
    throw identityError(
      'ERR_FORBIDDEN',
      403,
      'the step-up was made by another person or in another session; sign in again',
    );
  }
  if (asserted.level < 2)
    throw identityError(
      'ERR_STEP_UP_REQUIRED',
      401,
      'the identity provider did not prove a second factor; try again with one',
    );
}
