import { createHmac } from 'node:crypto';
import type { Database, Tx } from '../../db/index.ts';
import {
  parsePrincipalId,
  type Clock,
  type NewId,
  type Principal,
  type RandomBytes,
  type TenantId,
} from '../../kernel/index.ts';
import { newSecret, sameDigest, sha256 } from '../digest.ts';
import { identityError } from '../errors.ts';
import type { SessionLifetimes } from '../ports.ts';
import { parseTicket, type Ticket } from './cookies.ts';
import {
  findSession,
  insertSession,
  rotateSession,
  touchSession,
  type SessionRow,
} from './store-sessions.ts';

/** A living session and who it speaks for. */
export type LiveSession = {
  readonly row: SessionRow;
  readonly principal: Principal;
  readonly csrfToken: string;
};

/** What a new session begins with. */
export type NewSession = {
  readonly userId: string;
  readonly connectionId: string;
  readonly level: 1 | 2 | 3;
  readonly authenticatedAt: Date | null;
  readonly methods: readonly string[];
  readonly providerIdToken: Buffer | null;
  readonly ip: string | null;
  readonly userAgent: string | null;
};

/** Sessions as rows. */
export type Sessions = {
  /** The session of a cookie value, or null when there is none that lives. */
  readonly find: (cookie: string | null) => Promise<LiveSession | null>;
  readonly open: (tx: Tx, id: string, session: NewSession) => Promise<Ticket>;
  /** Raises the level and changes id and secret. @throws ERR_SESSION_ENDED when it ended meanwhile */
  readonly rotate: (
    tx: Tx,
    sessionId: string,
    raise: { level: 2 | 3; methods: readonly string[] },
  ) => Promise<Ticket>;
  readonly absoluteSeconds: number;
};

const touchEveryMilliseconds = 60_000;

/** The anti-forgery token of a session: computed from its secret, so that it changes whenever the cookie does. */
export function csrfTokenOf(secret: string): string {
  return createHmac('sha256', secret).update('gatehouse csrf v1').digest('base64url');
}

/** Builds the sessions. */
export function createSessions(deps: {
  readonly database: Database;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly randomBytes: RandomBytes;
  readonly lifetimes: SessionLifetimes;
}): Sessions {
  const { database, clock, lifetimes } = deps;
  return Object.freeze({
    absoluteSeconds: lifetimes.absoluteSeconds,
    find: async (cookie: string | null) => {
      const ticket = parseTicket(cookie);
      if (ticket === null) return null;
      const now = clock.now();
      const row = await database.withTenant(ticket.tenantId, async (tx) => {
        const { rows } = await tx.query<SessionRow>(findSession, [ticket.tenantId, now, ticket.id]);
        const found = rows[0];
        if (found === undefined || !sameDigest(found.secret_hash, sha256(ticket.secret))) return null;
        const stale = now.getTime() - found.last_seen_at.getTime() > touchEveryMilliseconds;
        if (stale) await tx.query(touchSession, [ticket.tenantId, found.id, now]);
        return found;
      });
      return row === null
        ? null
        : { row, principal: principalOf(ticket.tenantId, row), csrfToken: csrfTokenOf(ticket.secret) };
    },
    open: async (tx: Tx, id: string, session: NewSession) => {
      const secret = newSecret(deps.randomBytes);
      const now = clock.now();
      const expiresAt = new Date(now.getTime() + lifetimes.absoluteSeconds * 1000);
      await tx.query(insertSession, [
        tx.tenantId, id, sha256(secret), session.userId, session.connectionId, session.level, session.authenticatedAt,
        session.methods, session.providerIdToken, session.ip, session.userAgent?.slice(0, 300) ?? null, now,
        lifetimes.idleSeconds, expiresAt,
      ]); // prettier-ignore
      return { tenantId: tx.tenantId, id, secret };
    },
    rotate: async (tx: Tx, sessionId: string, raise: { level: 2 | 3; methods: readonly string[] }) => {
      const ticket = { tenantId: tx.tenantId, id: deps.newId(), secret: newSecret(deps.randomBytes) };
      const values = [
        tx.tenantId,
        sessionId,
        ticket.id,
        sha256(ticket.secret),
        raise.level,
        clock.now(),
        raise.methods,
      ];
      const rotated = await tx.query(rotateSession, values);
      if (rotated.rowCount !== 1)
        throw identityError('ERR_SESSION_ENDED', 401, 'the session ended meanwhile; sign in again');
      return ticket;
    },
  });
}

/** Who a session speaks for. */
export function principalOf(tenantId: TenantId, row: SessionRow): Principal {
  return Object.freeze({
    kind: 'user',
    tenantId,
    id: parsePrincipalId(row.user_id),
    displayName: row.display_name,
    email: row.email,
    roles: row.roles,
    attributes: row.attributes,
    assurance: { level: row.level, authenticatedAt: row.authenticated_at, methods: row.methods },
    sessionId: row.id,
  });
}
