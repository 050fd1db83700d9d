import type { Tx } from '../../db/index.ts';
import { sqlState, sqlStates } from '../../db/index.ts';
import {
  notFound,
  type AuditSink,
  type CallContext,
  type Clock,
  type NewId,
  type Principal,
  type RandomBytes,
  type Secret,
} from '../../kernel/index.ts';
import { identityError } from '../errors.ts';
import { sessionEnded, userChanged, userCreated, userDisabled, userEnabled } from '../events.ts';
import { bucketKey } from '../factors/limiter.ts';
import { hashPassword } from '../factors/passwords.ts';
import type { SecondFactors } from '../factors/second-factor.ts';
import { forgetAttempts } from '../factors/store-factors.ts';
import { endSessionsOfUser } from '../sessions/store-sessions.ts';
import {
  findUser,
  insertFederatedIdentity,
  insertUser,
  lockUser,
  updateUser,
  type UserRow,
} from './store-accounts.ts';

/** Facts about a principal for policy conditions. */
export type Attributes = Readonly<Record<string, string | readonly string[]>>;

/** A user to be created at the embedded provider. */
export type NewUser = {
  readonly email: string;
  readonly displayName: string;
  /** Without one the user cannot sign in at the embedded provider yet. */
  readonly password?: Secret;
  readonly attributes?: Attributes;
  /** Base32; a confirmed factor from the start. */
  readonly totpSecret?: Secret;
};

/** Who asked for a change. */
export type ActorOfChange = { readonly actor: Principal | SystemActor; readonly call?: CallContext };
type SystemActor = { readonly kind: 'system'; readonly id: string; readonly displayName: string };
/** The house itself as actor. */
export const systemActor: SystemActor = Object.freeze({
  kind: 'system',
  id: 'identity',
  displayName: 'identity',
});

/** What may be changed about a user. */
export type UserChange = {
  readonly state?: 'active' | 'disabled' | undefined;
  readonly displayName?: string | undefined;
  readonly attributes?: Attributes | undefined;
};

/** The users of a tenant. */
export type Users = {
  /** @throws ERR_USER_EXISTS */
  readonly create: (tx: Tx, user: NewUser, by?: ActorOfChange) => Promise<{ readonly id: string }>;
  /** Disabling ends every session in the same transaction. @throws ERR_NOT_FOUND */
  readonly change: (tx: Tx, userId: string, change: UserChange, by: ActorOfChange) => Promise<UserRow>;
};

/** What it is built from. */
export type UserDeps = {
  readonly audit: AuditSink<Tx>;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly randomBytes: RandomBytes;
  readonly factors: SecondFactors;
  /** Makes sure the tenant has the embedded provider; gives its connection's id. */
  readonly embeddedConnection: (tx: Tx) => Promise<string>;
};

/** Subject of a user at the embedded provider: it also finds the tenant. */
export const embeddedSubject = (tenantId: string, userId: string): string => `${tenantId}.${userId}`;

type LockedUser = { readonly id: string; readonly state: string; readonly login_email: string | null };

/** Builds the users. */
export function createUsers(deps: UserDeps): Users {
  return Object.freeze({
    create: async (tx: Tx, user: NewUser, by: ActorOfChange = { actor: systemActor }) => {
      const id = deps.newId();
      const login = user.password === undefined ? null : user.email.toLowerCase();
      const hash =
        user.password === undefined ? null : await hashPassword(user.password.reveal(), deps.randomBytes);
      const now = deps.clock.now();
      try {
        await tx.query(insertUser, [
          tx.tenantId,
          id,
          user.email,
          user.displayName,
          login,
          hash,
          [],
          user.attributes ?? {},
          now,
        ]);
      } catch (error) {
        if (sqlState(error) !== sqlStates.uniqueViolation) throw error;
        throw identityError(
          'ERR_USER_EXISTS',
          409,
          'a user with this e-mail address signs in here already; choose another address',
        );
      }
      const connectionId = await deps.embeddedConnection(tx);
      await tx.query(insertFederatedIdentity, [
        tx.tenantId,
        connectionId,
        embeddedSubject(tx.tenantId, id),
        id,
        now,
      ]);
      if (user.totpSecret !== undefined) await deps.factors.plant(tx, id, user.totpSecret.reveal());
      await deps.audit.append(tx, {
        ...by, definition: userCreated, tenantId: tx.tenantId, outcome: 'success', targets: [{ type: 'identity.user', id }],
        detail: { userId: id, origin: 'administrator' },
      }); // prettier-ignore
      return { id };
    },
    change: async (tx: Tx, userId: string, change: UserChange, by: ActorOfChange) => {
      const before = await tx.query<LockedUser>(lockUser, [tx.tenantId, userId]);
      const locked = before.rows[0];
      if (locked === undefined) throw notFound('user', userId);
      const { state } = locked;
      const attributes = change.attributes === undefined ? null : JSON.stringify(change.attributes);
      const now = deps.clock.now();
      await tx.query(updateUser, [
        tx.tenantId,
        userId,
        change.state ?? null,
        change.displayName ?? null,
        attributes,
        now,
      ]);
      if (change.state === 'disabled' && state === 'active') await endEverything(tx, userId, by);
      if (change.state === 'active' && state === 'disabled') await letIn(tx, locked, by);
      await recordChange(tx, userId, change, by);
      const after = await tx.query<UserRow>(findUser, [tx.tenantId, userId]);
      return after.rows[0] ?? Promise.reject(notFound('user', userId));
    },
  });

  async function endEverything(tx: Tx, userId: string, by: ActorOfChange): Promise<void> {
    const ended = await tx.query<{ id: string }>(endSessionsOfUser, [
      tx.tenantId,
      userId,
      deps.clock.now(),
      'user_disabled',
      null,
    ]);
    const common = {
      ...by,
      tenantId: tx.tenantId,
      outcome: 'success' as const,
      targets: [{ type: 'identity.user', id: userId }],
    };
    const sessionIds = ended.rows.slice(0, 1_000).map((row) => row.id);
    await deps.audit.append(tx, {
      ...common,
      definition: userDisabled,
      detail: { userId, sessionsEnded: ended.rowCount },
    });
    if (sessionIds.length > 0) {
      await deps.audit.append(tx, {
        ...common,
        definition: sessionEnded,
        detail: { sessionIds, cause: 'user_disabled' },
      });
    }
  }

  /** Enabling also ends a lock after too many failures, of the code as well as of the password. */
  async function letIn(
    tx: Tx,
    { id: userId, login_email: email }: LockedUser,
    by: ActorOfChange,
  ): Promise<void> {
    const buckets = [bucketKey({ kind: 'second_factor', userId })];
    if (email !== null) buckets.push(bucketKey({ kind: 'password', email }));
    await tx.query(forgetAttempts, [tx.tenantId, buckets]);
    const targets = [{ type: 'identity.user', id: userId }];
    await deps.audit.append(tx, {
      ...by,
      definition: userEnabled,
      tenantId: tx.tenantId,
      outcome: 'success',
      targets,
      detail: { userId },
    });
  }

  async function recordChange(tx: Tx, userId: string, change: UserChange, by: ActorOfChange): Promise<void> {
    const fields = (['displayName', 'attributes'] as const).filter((field) => change[field] !== undefined);
    if (fields.length === 0) return;
    const targets = [{ type: 'identity.user', id: userId }];
    await deps.audit.append(tx, {
      ...by,
      definition: userChanged,
      tenantId: tx.tenantId,
      outcome: 'success',
      targets,
      detail: { userId, fields },
    });
  }
}
