import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import type { Principal, TenantId } from '../../kernel/index.ts';
import { createDatabase } from '../../db/index.ts';
import { silentLogger } from '../../kernel/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createTestPolicy, person } from './support.ts';

let db: TestDatabase;
let tenant: TenantId;
beforeAll(async () => {
  db = await createTestDatabase();
});
beforeEach(async () => {
  tenant = await db.createTenant();
});
afterAll(() => db.close());

const audit = { type: 'audit' };
/** A clock that tests turn. */
const clockAt = (start: string) => {
  let at = Date.parse(start);
  return { clock: { now: () => new Date(at) }, turn: (milliseconds: number) => (at += milliseconds) };
};
const until = async (met: () => Promise<boolean>): Promise<void> => {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if (await met()) return;
    await new Promise((wake) => setTimeout(wake, 20));
  }
  throw new Error('it never came about');
};

describe('grants', () => {
  test('a grant gives its role, is recorded, and ends at its time', async () => {
    const { clock, turn } = clockAt('2026-01-01T00:00:00Z');
    const { policy, events } = createTestPolicy(db, { clock });
    const auditor = person(tenant);
    await db.database.withTenant(tenant, async (tx) => {
      await policy.installDefaultRoles(tx);
      await policy.grant(tx, auditor.id, 'auditor', {
        grantedBy: 'system',
        expiresAt: new Date('2026-01-01T01:00:00Z'),
      });
    });
    expect(events.at(-1)).toMatchObject({
      definition: { action: 'policy.grant_created' },
      detail: { role: 'auditor' },
    });
    expect((await policy.decide(auditor, 'audit.read', audit)).decision).toBe(true);
    expect(await policy.effectiveRoles(auditor)).toEqual(['auditor']);
    turn(3_599_000);
    expect((await policy.decide(auditor, 'audit.read', audit)).decision).toBe(true);
    turn(1_000);
    expect((await policy.decide(auditor, 'audit.read', audit)).decision).toBe(false);
    await policy.stop();
  });

  test('a clock that is turned back does not revive an expired grant', async () => {
    const { clock, turn } = clockAt('2026-01-01T00:00:00Z');
    const { policy } = createTestPolicy(db, { clock });
    const auditor = person(tenant);
    await db.database.withTenant(tenant, async (tx) => {
      await policy.installDefaultRoles(tx);
      await policy.grant(tx, auditor.id, 'auditor', {
        grantedBy: 'system',
        expiresAt: new Date('2026-01-01T00:10:00Z'),
      });
    });
    turn(600_000);
    expect((await policy.decide(auditor, 'audit.read', audit)).decision).toBe(false);
    turn(-3_600_000);
    // A change makes every cache be read anew, by the clock that was turned.
    await db.database.withTenant(tenant, (tx) => policy.installRole(tx, 'another', []));
    expect((await policy.decide(auditor, 'audit.read', audit)).decision).toBe(false);
  });

  test('a revoked grant ends at once, here and in another replica', async () => {
    const other = createDatabase({ urls: db.database.urls, logger: silentLogger });
    try {
      const here = createTestPolicy(db).policy;
      const there = createTestPolicy({ ...db, database: other }).policy;
      const auditor = person(tenant);
      const id = await db.database.withTenant(tenant, async (tx) => {
        await here.installDefaultRoles(tx);
        return here.grant(tx, auditor.id, 'auditor', { grantedBy: 'system' });
      });
      expect((await here.decide(auditor, 'audit.read', audit)).decision).toBe(true);
      expect((await there.decide(auditor, 'audit.read', audit)).decision).toBe(true);
      await db.database.withTenant(tenant, (tx) => here.revoke(tx, id));
      expect((await here.decide(auditor, 'audit.read', audit)).decision).toBe(false);
      await until(async () => !(await there.decide(auditor, 'audit.read', audit)).decision);
      await Promise.all([here.stop(), there.stop()]);
    } finally {
      await other.close();
    }
  });

  test('a change that is rolled back changes nothing', async () => {
    const { policy } = createTestPolicy(db);
    const auditor = person(tenant);
    await db.database.withTenant(tenant, (tx) => policy.installDefaultRoles(tx));
    const before = await policy.decide(auditor, 'audit.read', audit);
    await expect(
      db.database.withTenant(tenant, async (tx) => {
        await policy.grant(tx, auditor.id, 'auditor', { grantedBy: 'system' });
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    expect(await policy.decide(auditor, 'audit.read', audit)).toMatchObject({
      decision: false,
      revision: before.revision,
    });
  });

  test('the last use is noted once an hour', async () => {
    const { clock, turn } = clockAt('2026-01-01T00:00:00Z');
    const { policy } = createTestPolicy(db, { clock });
    const auditor = person(tenant);
    await db.database.withTenant(tenant, async (tx) => {
      await policy.installDefaultRoles(tx);
      await policy.grant(tx, auditor.id, 'auditor', { grantedBy: 'system' });
    });
    const used = async (): Promise<string | null> => {
      await policy.stop();
      const { rows } = await db.admin('select last_used_at from policy.grant where tenant_id = $1', [tenant]);
      return (rows[0] as { last_used_at: Date | null }).last_used_at?.toISOString() ?? null;
    };
    await policy.decide(auditor, 'dsr.execute', { type: 'dsr' });
    expect(await used()).toBeNull();
    await policy.decide(auditor, 'audit.read', audit);
    expect(await used()).toBe('2026-01-01T00:00:00.000Z');
    turn(1_800_000);
    await policy.decide(auditor, 'audit.read', audit);
    expect(await used()).toBe('2026-01-01T00:00:00.000Z');
    turn(5_400_001);
    await policy.decide(auditor, 'audit.read', audit);
    expect(await used()).toBe('2026-01-01T02:00:00.001Z');
  });

  test('nobody grants a role to himself, in the room or past it', async () => {
    const { policy } = createTestPolicy(db);
    const { id } = person(tenant);
    await db.database.withTenant(tenant, (tx) => policy.installDefaultRoles(tx));
    await expect(
      db.database.withTenant(tenant, (tx) => policy.grant(tx, id, 'dpo', { grantedBy: id })),
    ).rejects.toMatchObject({ code: 'ERR_POLICY_SELF_GRANT' });
    await expect(
      db.admin(
        `insert into policy.grant (tenant_id, id, principal_id, role, granted_by, reason, granted_at) values ($1, $2, $2, 'dpo', $2, 'x', now())`,
        [tenant, id],
      ),
    ).rejects.toMatchObject({ code: '23514' });
  });
});

describe('separate tenants', () => {
  test('a role and a grant of one tenant mean nothing in another', async () => {
    const { policy } = createTestPolicy(db);
    const other = await db.createTenant();
    const auditor = person(tenant);
    await db.database.withTenant(tenant, async (tx) => {
      await policy.installDefaultRoles(tx);
      await policy.grant(tx, auditor.id, 'auditor', { grantedBy: 'system' });
    });
    expect((await policy.decide(auditor, 'audit.read', audit)).decision).toBe(true);
    expect((await policy.decide({ ...auditor, tenantId: other }, 'audit.read', audit)).decision).toBe(false);
    expect(
      (await policy.decide({ ...auditor, tenantId: other, roles: ['auditor'] }, 'audit.read', audit))
        .decision,
    ).toBe(false);
    await policy.stop();
  });
});

describe('failing closed', () => {
  const admin = (): Principal => person(tenant, { roles: ['security_admin', 'auditor'] });

  test('a database that cannot be reached is a denial with a code', async () => {
    const away = createDatabase({
      urls: {
        admin: null,
        app: 'postgres://x:y@127.0.0.1:1/none',
        sequencer: 'postgres://x:y@127.0.0.1:1/none',
      },
      logger: silentLogger,
    });
    const { policy } = createTestPolicy({ ...db, database: away });
    expect(await policy.decide(admin(), 'audit.read', audit)).toMatchObject({
      decision: false,
      reasons: [{ code: 'ERR_POLICY_UNAVAILABLE' }],
      rowFilter: { kind: 'none' },
      fieldMask: { readable: [], masked: [] },
    });
    await away.close();
  });

  test('a database that does not answer in time is a denial', async () => {
    const { policy } = createTestPolicy(db, { timeoutMilliseconds: 100 });
    await db.database.withTenant(tenant, (tx) => policy.installDefaultRoles(tx));
    const client = new pg.Client({ connectionString: db.adminUrl });
    await client.connect();
    await client.query('begin; lock table policy.role in access exclusive mode');
    expect(await policy.decide(admin(), 'audit.read', audit)).toMatchObject({
      decision: false,
      reasons: [{ code: 'ERR_POLICY_TIMEOUT' }],
    });
    await client.query('rollback');
    await client.end();
    await until(async () => (await policy.decide(admin(), 'audit.read', audit)).decision);
  });

  test('a guardrail that cannot be loaded or that traps denies everything that reaches it', async () => {
    const trap = (): never => {
      throw Object.assign(new Error('trapped'), {
        name: 'GatehouseError',
        code: 'ERR_POLICY_GUARDRAIL_FAILED',
      });
    };
    const { policy } = createTestPolicy(db, {
      guardrail: { version: 'test', applies: trap, evaluate: trap },
    });
    await db.database.withTenant(tenant, (tx) => policy.installDefaultRoles(tx));
    expect(await policy.decide(admin(), 'audit.read', audit)).toMatchObject({
      decision: false,
      reasons: [{ code: 'ERR_POLICY_GUARDRAIL_FAILED' }],
    });
    const late = createTestPolicy(db, {
      guardrail: { version: 'test', applies: () => true, evaluate: trap },
    }).policy;
    expect(await late.decide(admin(), 'audit.read', audit)).toMatchObject({
      decision: false,
      reasons: [{ code: 'ERR_POLICY_GUARDRAIL_FAILED' }],
    });
    expect(await late.decide(admin(), 'audit.read', audit)).toMatchObject({ decision: false });
  });

  test('a guardrail denial overrides any grant, and its obligation travels with it', async () => {
    const { policy } = createTestPolicy(db);
    await db.database.withTenant(tenant, (tx) =>
      policy.installRole(tx, 'all', [{ action: 'manage', subject: 'all' }]),
    );
    const weak = person(tenant, {
      roles: ['all'],
      assurance: { level: 1, authenticatedAt: new Date(), methods: ['pwd'] },
    });
    expect(await policy.decide(weak, 'read', { type: 'contacts.contact' })).toMatchObject({
      decision: false,
      reasons: [{ code: 'ERR_POLICY_PURPOSE_REQUIRED' }],
    });
    expect(await policy.decide(weak, 'delete', { type: 'contacts.contact' })).toMatchObject({
      decision: false,
      reasons: [{ code: 'ERR_POLICY_ASSURANCE' }],
      obligations: [{ type: 'step_up' }],
    });
    expect(
      (await policy.decide(person(tenant, { roles: ['all'] }), 'delete', { type: 'contacts.contact' }))
        .decision,
    ).toBe(true);
    expect((await policy.decide(weak, 'delete', { type: 'todo' })).decision).toBe(true);
  });

  test('a property of the wrong type is a denial; a property that is not given fails the permit', async () => {
    const { policy } = createTestPolicy(db);
    await db.database.withTenant(tenant, (tx) =>
      policy.installRole(tx, 'regional', [
        { action: 'update', subject: 'contacts.contact', conditions: { region: { $ne: 'DE' } } },
      ]),
    );
    const decide = (properties: Record<string, unknown>) =>
      policy.decide(person(tenant, { roles: ['regional'] }), 'update', {
        type: 'contacts.contact',
        properties,
      });
    expect((await decide({ region: 'PL' })).decision).toBe(true);
    expect((await decide({ region: null })).decision).toBe(true);
    expect(await decide({ region: { toString: 'PL' } })).toMatchObject({
      decision: false,
      reasons: [{ code: 'ERR_POLICY_RESOURCE_MISMATCH' }],
    });
    expect((await decide({})).decision).toBe(false);
  });

  test('a principal without roles may ask about himself and nothing else', async () => {
    const { policy } = createTestPolicy(db);
    await db.database.withTenant(tenant, (tx) => policy.installDefaultRoles(tx));
    const { roles, actions } = await policy.permissions(person(tenant));
    expect(roles).toEqual([]);
    expect(Object.values(actions).every((allowed) => !allowed)).toBe(true);
    expect((await policy.decide(person(tenant), 'policy.permissions', { type: 'policy' })).decision).toBe(
      true,
    );
  });

  test('changing a principal object in place is noticed: only frozen ones are recognised by identity', async () => {
    const { policy } = createTestPolicy(db);
    await db.database.withTenant(tenant, (tx) => policy.installDefaultRoles(tx));
    const roles = ['auditor'];
    const principal = person(tenant, { roles });
    expect((await policy.decide(principal, 'audit.read', audit)).decision).toBe(true);
    roles.pop();
    expect((await policy.decide(principal, 'audit.read', audit)).decision).toBe(false);
  });
});

test('the default roles are least privilege', async () => {
  const { policy } = createTestPolicy(db);
  await db.database.withTenant(tenant, (tx) => policy.installDefaultRoles(tx));
  const allowed = async (role: string): Promise<readonly string[]> => {
    const { actions } = await policy.permissions(person(tenant, { roles: [role] }));
    return Object.entries(actions)
      .filter(([, may]) => may)
      .map(([action]) => action)
      .toSorted();
  };
  expect(await allowed('marketer')).toEqual(['gateway.read']);
  expect(await allowed('auditor')).toEqual([
    'audit.export',
    'audit.read',
    'crypto.read',
    'datamap.read',
    'dsr.read',
    'identity.read',
    'policy.read',
  ]);
  expect(await allowed('platform_engineer')).toEqual([
    'crypto.advise',
    'crypto.index',
    'crypto.migrate_column',
    'crypto.open',
    'crypto.read',
    'crypto.seal',
    'datamap.read',
    'gateway.read',
  ]);
  expect(await allowed('dpo')).not.toContain('audit.export');
  expect(await allowed('dpo')).not.toContain('policy.manage');
  expect(await allowed('security_admin')).not.toContain('dsr.approve');
  expect(await allowed('security_admin')).not.toContain('audit.export');
});
