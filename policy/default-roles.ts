import type { Tx } from '../db/index.ts';
import type { PolicyRule } from './schema.ts';

/** A role that comes with the house. */
export type DefaultRole = {
  readonly name: string;
  readonly description: string;
  readonly rules: readonly PolicyRule[];
};

const may = (actions: readonly string[]): readonly PolicyRule[] =>
  actions.map((action) => ({ action, subject: action.split('.')[0] ?? '' }));

/** What every principal of the house may: ask about himself. Not a stored role; subjects of own applications do not have it. */
export const everyone: DefaultRole = Object.freeze({
  name: 'everyone',
  description: 'Every principal',
  rules: [
    { action: 'policy.permissions', subject: 'policy' },
    { action: 'identity.self', subject: 'identity' },
    { action: 'server.overview', subject: 'server' },
  ],
});

/**
 * What each persona may ask of the guards, and nothing more. Rules over a tenant's data are the tenant's own: they are
 * added to these roles by {@link installDefaultRoles}' `extra`, or stand in roles of their own.
 */
export const defaultRoles: readonly DefaultRole[] = Object.freeze([
  {
    name: 'marketer',
    description: 'Works with campaigns and the permitted contacts',
    rules: may(['gateway.read']),
  },
  {
    name: 'security_admin',
    description:
      'Runs identities, roles, grants and keys; does not decide requests of data subjects and cannot export the trail',
    rules: may([
      'identity.read',
      'identity.manage',
      'policy.read',
      'policy.manage',
      'policy.evaluate',
      'crypto.read',
      'crypto.rotate',
      'crypto.advise',
      'crypto.manage_providers',
      'crypto.approve',
      'crypto.retire',
      'crypto.export_keys',
      'crypto.canary',
      'crypto.issue',
      'crypto.revoke',
      'crypto.bundle',
      'datamap.read',
      'gateway.read',
      'audit.read',
      'audit.manage',
      'audit.hold',
      'audit.change_retention',
      'audit.approve',
    ]),
  },
  {
    name: 'dpo',
    description: 'Answers requests of data subjects',
    rules: may([
      'dsr.read',
      'dsr.create',
      'dsr.plan',
      'dsr.approve',
      'dsr.execute',
      'dsr.refuse',
      'dsr.download',
      'datamap.read',
      'audit.read',
      'audit.hold',
      'audit.approve',
      'crypto.read',
      'crypto.approve',
      'crypto.shred',
      'policy.read',
    ]),
  },
  {
    name: 'auditor',
    description: 'Reads everything that was done and exports evidence; changes nothing',
    rules: may([
      'audit.read',
      'audit.export',
      'dsr.read',
      'crypto.read',
      'datamap.read',
      'policy.read',
      'identity.read',
    ]),
  },
  {
    name: 'platform_engineer',
    description:
      'Wraps data services; a person sees no personal data by this role, its service accounts seal, open and index values',
    rules: may([
      'datamap.read',
      'crypto.read',
      'crypto.migrate_column',
      'crypto.seal',
      'crypto.open',
      'crypto.index',
      'crypto.advise',
      'gateway.read',
    ]),
  },
]);

/** What installing needs of the room. */
export type RoleInstaller = (
  tx: Tx,
  name: string,
  role: { readonly description: string; readonly rules: readonly PolicyRule[] },
) => Promise<void>;

/**
 * Installs the default roles into a tenant, with a tenant's rules over its data added. Installing the same again changes
 * nothing that decisions see.
 *
 * @param extra - further rules by role name; a name that is not a default role becomes a role of its own
 */
export async function installRoles(
  tx: Tx,
  install: RoleInstaller,
  extra: Readonly<Record<string, readonly PolicyRule[]>> = {},
): Promise<void> {
  for (const role of defaultRoles) {
    await install(tx, role.name, {
      description: role.description,
      rules: [...role.rules, ...(extra[role.name] ?? [])],
    });
  }
  for (const [name, rules] of Object.entries(extra)) {
    if (defaultRoles.every((role) => role.name !== name)) await install(tx, name, { description: '', rules });
  }
}
