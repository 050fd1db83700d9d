import { authorizationCodeGrant } from 'openid-client';
import type { Database, Tx } from '../../db/index.ts';
import {
  isGatehouseError,
  type AuditSink,
  type CallContext,
  type Clock,
  type NewId,
} from '../../kernel/index.ts';
import { systemActor } from '../accounts/users.ts';
import { sha256 } from '../digest.ts';
import { identityError } from '../errors.ts';
import { signInFailed } from '../events.ts';
import type { Ticket } from '../sessions/cookies.ts';
import type { LiveSession } from '../sessions/sessions.ts';
import type { Connections } from './connections.ts';
import type { OpenSession } from './open-session.ts';
import type { ProviderClients } from './provider-clients.ts';
import { readClaims, type AssertedIdentity } from './read-claims.ts';
import { takeFlow, type ConnectionRow, type FlowRow } from './store-connections.ts';

/** A browser that came back from the provider. */
export type Callback = {
  /** The full query string, without `?`. */
  readonly query: string;
  readonly flow: Ticket | null;
  /** The session that the browser holds already, if any. */
  readonly session: LiveSession | null;
  readonly call: CallContext;
};

/** What it is built from. */
export type FinishSignInDeps = {
  readonly database: Database;
  readonly audit: AuditSink<Tx>;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly publicUrl: string;
  readonly connections: Connections;
  readonly clients: ProviderClients;
  readonly openSession: OpenSession;
};

/** A finished sign-in. */
export type FinishedSignIn = { readonly ticket: Ticket; readonly returnTo: string };

type Proof = { readonly asserted: AssertedIdentity; readonly idToken: string };

/** Ends the flow: takes it (once), exchanges the code, believes the verified claims, opens the session. */
export function createFinishSignIn(deps: FinishSignInDeps): (callback: Callback) => Promise<FinishedSignIn> {
  const refused = async (
    ticket: Ticket,
    connectionId: string | null,
    call: CallContext,
    reason: string,
  ): Promise<void> => {
    const detail = { stage: 'callback' as const, connectionId };
    await deps.audit.record({
      definition: signInFailed,
      tenantId: ticket.tenantId,
      outcome: 'failure',
      reason,
      actor: systemActor,
      detail,
      call,
    });
  };
  return async (callback) => {
    const { flow: ticket, call } = callback;
    if (ticket === null) throw expired();
    const flow = await takeFlowOf(deps, ticket);
    if (flow === null) {
      await refused(ticket, null, call, 'flow_unknown');
      throw expired();
    }
    try {
      const connection = await activeConnection(deps, ticket, flow);
      const proof = await exchange(deps, ticket, flow, connection, callback.query);
      const opened = await deps.openSession({
        ticket,
        flow,
        connection,
        ...proof,
        previous: callback.session,
        call,
      });
      return { ticket: opened, returnTo: flow.return_to };
    } catch (error) {
      await refused(ticket, flow.connection_id, call, reasonOf(error));
      if (isGatehouseError(error)) throw error;
      throw identityError(
        'ERR_SIGN_IN_FAILED',
        400,
        'the answer of the identity provider does not hold; start the sign-in again',
        { cause: error },
      );
    }
  };
}

async function takeFlowOf(deps: FinishSignInDeps, ticket: Ticket): Promise<FlowRow | null> {
  const take = (tx: Tx) =>
    tx.query<FlowRow>(takeFlow, [ticket.tenantId, ticket.id, sha256(ticket.secret), deps.clock.now()]);
  return (await deps.database.withTenant(ticket.tenantId, take)).rows[0] ?? null;
}

/** A connection that was disabled meanwhile ends the flows under way. */
async function activeConnection(
  deps: FinishSignInDeps,
  ticket: Ticket,
  flow: FlowRow,
): Promise<ConnectionRow> {
  const connection = await deps.connections.find(ticket.tenantId, flow.connection_id);
  if (connection?.state === 'active') return connection;
  throw identityError(
    'ERR_CONNECTION_UNKNOWN',
    403,
    'this identity provider is not active any more; start the sign-in again',
  );
}

async function exchange(
  deps: FinishSignInDeps,
  ticket: Ticket,
  flow: FlowRow,
  connection: ConnectionRow,
  query: string,
): Promise<Proof> {
  const configuration = await deps.clients.of(ticket.tenantId, connection);
  const tokens = await authorizationCodeGrant(
    configuration,
    new URL(`${deps.publicUrl}/auth/callback?${query}`),
    {
      pkceCodeVerifier: flow.code_verifier,
      expectedState: flow.state,
      expectedNonce: flow.nonce,
      idTokenExpected: true,
      ...(flow.max_age === null ? {} : { maxAge: flow.max_age }),
    },
  );
  const claims = tokens.claims();
  if (claims === undefined || tokens.id_token === undefined)
    throw identityError('ERR_SIGN_IN_FAILED', 400, 'the identity provider sent no ID token');
  return { asserted: readClaims(claims, connection), idToken: tokens.id_token };
}

/** Errors of openid-client carry codes as ours do. */
function reasonOf(error: unknown): string {
  const { code } = error as { code?: unknown }; // probing an unknown
  return typeof code === 'string' ? code.slice(0, 100) : 'ERR_SIGN_IN_FAILED';
}

function expired(): Error {
  return identityError(
    'ERR_SIGN_IN_FAILED',
    400,
    'this sign-in has expired, was opened in another browser, or was used already; start again',
  );
}
