import { createHash } from 'node:crypto';
import {
  notFound,
  parsePrincipalId,
  type AuditEvent,
  type AuditSink,
  type Clock,
  type NewId,
  type PrincipalId,
  type Principal,
} from '../kernel/index.ts';
import { exactlyOne, sqlState, sqlStates, type Tx } from '../db/index.ts';
import { resourceHash } from './evaluation-event.ts';
import { policyError } from './errors.ts';
import { grantCreated, grantRevoked, resourceTypeChanged, roleChanged, subjectChanged } from './events.ts';
import type { PolicyRule } from './schema.ts';
import * as store from './store.ts';

/** Who changes policy. */
export type Administrator = AuditEvent['actor'];
/** What a change is recorded with. */
export type ChangeContext = { readonly actor: Administrator; readonly call?: AuditEvent['call'] };
/** A role to grant. */
export type GrantRequest = {
  readonly principalId: PrincipalId;
  readonly role: string;
  readonly reason: string;
  readonly expiresAt?: Date | null;
};

/** Changes a tenant's policy; each change bumps the revision and is recorded in the same transaction. */
export type Administration = {
  readonly putRole: (
    tx: Tx,
    name: string,
    role: { readonly description: string; readonly rules: readonly PolicyRule[]; readonly builtIn: boolean },
    by: ChangeContext,
  ) => Promise<void>;
  readonly removeRole: (tx: Tx, name: string, by: ChangeContext) => Promise<void>;
  readonly grant: (tx: Tx, request: GrantRequest, by: ChangeContext) => Promise<string>;
  readonly revoke: (tx: Tx, grantId: string, by: ChangeContext) => Promise<void>;
  readonly putSubject: (
    tx: Tx,
    subject: {
      readonly type: string;
      readonly id: string;
      readonly properties: Readonly<Record<string, unknown>>;
      readonly roles: readonly string[];
    },
    by: ChangeContext,
  ) => Promise<void>;
  readonly removeSubject: (tx: Tx, type: string, id: string, by: ChangeContext) => Promise<void>;
  readonly putResourceType: (
    tx: Tx,
    type: string,
    fields: readonly { readonly name: string; readonly type: string }[],
    by: ChangeContext,
  ) => Promise<void>;
};

/** @param drop - forgets the tenant's cached policy in this process; others hear it by NOTIFY */
export function createAdministration(deps: {
  readonly audit: AuditSink<Tx>;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly drop: (tenantId: Tx['tenantId']) => void;
}): Administration {
  const { audit, clock, newId } = deps;
  const bump = async (tx: Tx): Promise<number> => {
    tx.onCommit(() => deps.drop(tx.tenantId));
    return exactlyOne(
      await tx.query<{ number: number }>(store.bumpRevision, [tx.tenantId, clock.now()]),
      'revision',
    ).number;
  };
  const record = (
    tx: Tx,
    by: ChangeContext,
    event: Pick<AuditEvent, 'definition' | 'detail' | 'targets'>,
  ): Promise<void> =>
    audit.append(tx, {
      ...event,
      tenantId: tx.tenantId,
      outcome: 'success',
      actor: by.actor,
      ...(by.call === undefined ? {} : { call: by.call }),
    });

  return Object.freeze({
    putRole: async (tx, name, role, by) => {
      const existing = await tx.query<{ builtIn: boolean }>(store.selectRoleForUpdate, [tx.tenantId, name]);
      const builtIn = existing.rows[0]?.builtIn;
      if (builtIn === true && !role.builtIn)
        throw policyError(
          'ERR_POLICY_BUILT_IN',
          `the role "${name}" comes with the house; make one of another name`,
          { status: 409 },
        );
      const text = JSON.stringify(role.rules);
      const written = await tx.query(store.upsertRole, [
        tx.tenantId,
        name,
        role.description,
        text,
        role.builtIn,
        clock.now(),
      ]);
      if (written.rowCount === 0) return; // the same as before: nothing changed, nothing to record
      const detail = {
        role: name,
        change: builtIn === undefined ? 'installed' : 'replaced',
        rules: role.rules.length,
        rulesSha256: sha256(text),
        revision: await bump(tx),
      };
      await record(tx, by, { definition: roleChanged, detail, targets: [{ type: 'policy.role', id: name }] });
    },
    removeRole: async (tx, name, by) => {
      const existing = await tx.query<{ builtIn: boolean }>(store.selectRoleForUpdate, [tx.tenantId, name]);
      if (existing.rows.length === 0) throw notFound('role', name);
      if (existing.rows[0]?.builtIn === true)
        throw policyError('ERR_POLICY_BUILT_IN', `the role "${name}" comes with the house and stays`, {
          status: 409,
        });
      try {
        await tx.query(store.deleteRole, [tx.tenantId, name]);
      } catch (cause) {
        if (sqlState(cause) !== sqlStates.foreignKeyViolation) throw cause;
        throw policyError(
          'ERR_POLICY_ROLE_IN_USE',
          `the role "${name}" is granted to somebody; revoke the grants first`,
          { status: 409, cause },
        );
      }
      const detail = { role: name, change: 'removed', rules: 0, rulesSha256: '', revision: await bump(tx) };
      await record(tx, by, { definition: roleChanged, detail, targets: [{ type: 'policy.role', id: name }] });
    },
    grant: async (tx, request, by) => {
      if (by.actor.id === request.principalId)
        throw policyError(
          'ERR_POLICY_SELF_GRANT',
          'nobody grants a role to himself; ask another administrator',
          { status: 403 },
        );
      const grantedBy = by.actor.kind === 'system' ? systemGranter : parsePrincipalId(by.actor.id);
      const expiresAt = request.expiresAt ?? null;
      const now = clock.now();
      if (expiresAt !== null && expiresAt.getTime() <= now.getTime())
        throw policyError('ERR_POLICY_INVALID_RULE', 'expiresAt must lie in the future');
      await requireRoles(tx, [request.role]);
      const values = [
        tx.tenantId,
        newId(),
        request.principalId,
        request.role,
        grantedBy,
        request.reason,
        now,
        expiresAt,
      ];
      const { id } = exactlyOne(await tx.query<{ id: string }>(store.upsertGrant, values), 'grant');
      const detail = {
        grantId: id,
        role: request.role,
        expiresAt: expiresAt?.toISOString() ?? null,
        revision: await bump(tx),
      };
      await record(tx, by, {
        definition: grantCreated,
        detail,
        targets: [{ type: 'principal', id: request.principalId }],
      });
      return id;
    },
    revoke: async (tx, grantId, by) => {
      const removed = await tx.query<{ principalId: string; role: string }>(store.deleteGrant, [
        tx.tenantId,
        grantId,
      ]);
      const [row] = removed.rows;
      if (row === undefined) throw notFound('grant', grantId);
      const detail = { grantId, role: row.role, revision: await bump(tx) };
      await record(tx, by, {
        definition: grantRevoked,
        detail,
        targets: [{ type: 'principal', id: row.principalId }],
      });
    },
    putSubject: async (tx, subject, by) => {
      await requireRoles(tx, subject.roles);
      await tx.query(store.upsertSubject, [
        tx.tenantId,
        subject.type,
        subject.id,
        JSON.stringify(subject.properties),
        subject.roles,
        clock.now(),
      ]);
      const detail = {
        subjectHash: resourceHash(tx.tenantId, subject.type, subject.id),
        roles: [...subject.roles],
        change: 'stored',
        revision: await bump(tx),
      };
      await record(tx, by, { definition: subjectChanged, detail });
    },
    removeSubject: async (tx, type, id, by) => {
      const removed = await tx.query(store.deleteSubject, [tx.tenantId, type, id]);
      if (removed.rowCount === 0) throw notFound('subject', `${type}/${id}`);
      const detail = {
        subjectHash: resourceHash(tx.tenantId, type, id),
        roles: [],
        change: 'removed',
        revision: await bump(tx),
      };
      await record(tx, by, { definition: subjectChanged, detail });
    },
    putResourceType: async (tx, type, fields, by) => {
      await tx.query(store.upsertResourceType, [tx.tenantId, type, JSON.stringify(fields), clock.now()]);
      const detail = { type, fields: fields.length, revision: await bump(tx) };
      await record(tx, by, {
        definition: resourceTypeChanged,
        detail,
        targets: [{ type: 'policy.resource_type', id: type }],
      });
    },
  });
}

/** Stands in `granted_by` for what the house itself granted at set-up. */
export const systemGranter = '00000000-0000-7000-8000-000000000001';

async function requireRoles(tx: Tx, names: readonly string[]): Promise<void> {
  const found = await tx.query<{ name: string }>(store.selectRoleNames, [tx.tenantId, names]);
  const missing = names.find((name) => found.rows.every((row) => row.name !== name));
  if (missing !== undefined)
    throw policyError('ERR_POLICY_UNKNOWN_ROLE', `the role "${missing}" does not exist; install it first`);
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A principal as who changes. */
export const byPrincipal = (principal: Principal, call: ChangeContext['call']): ChangeContext => ({
  actor: principal,
  ...(call === undefined ? {} : { call }),
});
