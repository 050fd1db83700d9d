import type { Database, Tx } from '../../db/index.ts';
import type { AuditSink, CallContext, Clock, Logger, Principal, TenantId } from '../../kernel/index.ts';
import { sessionEnded } from '../events.ts';
import type { Sealing } from '../ports.ts';
import type { Connections } from '../relying-party/connections.ts';
import type { ProviderClients } from '../relying-party/provider-clients.ts';
import { sealedColumn } from '../sealed-values.ts';
import { endSession } from './store-sessions.ts';

/** Ends one session here, and at its provider as far as that answers. False when it had ended already. */
export type EndSession = (ended: {
  readonly tenantId: TenantId;
  readonly sessionId: string;
  readonly cause: 'sign_out' | 'revoked';
  readonly actor: Principal;
  readonly call: CallContext;
}) => Promise<boolean>;

type EndedRow = {
  readonly id: string;
  readonly user_id: string;
  readonly connection_id: string;
  readonly provider_id_token: Buffer | null;
};

const providerTimeoutMilliseconds = 3_000;

/** Builds the end of sessions. */
export function createEndSession(deps: {
  readonly database: Database;
  readonly crypto: Sealing;
  readonly audit: AuditSink<Tx>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly connections: Connections;
  readonly clients: ProviderClients;
}): EndSession {
  const sealed = sealedColumn(deps.crypto, 'session', 'provider_id_token');

  /** OpenID Connect RP-Initiated Logout, sent from here: the browser needs not to travel. */
  const endAtProvider = async (tenantId: TenantId, connectionId: string, idToken: string): Promise<void> => {
    const connection = await deps.connections.find(tenantId, connectionId);
    if (connection === null) return;
    const endpoint = (await deps.clients.of(tenantId, connection)).serverMetadata().end_session_endpoint;
    if (endpoint === undefined) return;
    const body = new URLSearchParams({ id_token_hint: idToken, client_id: connection.client_id });
    await fetch(endpoint, {
      method: 'POST',
      body,
      redirect: 'manual',
      signal: AbortSignal.timeout(providerTimeoutMilliseconds),
    });
  };

  return async ({ tenantId, sessionId, cause, actor, call }) => {
    await deps.crypto.warm(tenantId);
    const ended = await deps.database.withTenant(tenantId, async (tx) => {
      const { rows } = await tx.query<EndedRow>(endSession, [tenantId, sessionId, deps.clock.now(), cause]);
      const row = rows[0];
      if (row === undefined) return null;
      const targets = [{ type: 'identity.session', id: sessionId }];
      const detail = { sessionIds: [sessionId], cause };
      await deps.audit.append(tx, {
        definition: sessionEnded,
        tenantId,
        outcome: 'success',
        actor,
        call,
        targets,
        detail,
      });
      const hint =
        row.provider_id_token === null ? null : await sealed.open(tx, row.id, row.provider_id_token);
      return { row, hint };
    });
    if (ended === null) return false;
    if (ended.hint !== null) {
      await endAtProvider(tenantId, ended.row.connection_id, ended.hint).catch((error: unknown) =>
        deps.logger.warn('a session ended here; its provider could not be told', { sessionId, error }),
      );
    }
    return true;
  };
}
