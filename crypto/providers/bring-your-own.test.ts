import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Tx } from '../../db/index.ts';
import {
  platformTenantId,
  systemClock,
  type Principal,
  type PrincipalId,
  type TenantId,
} from '../../kernel/index.ts';
import { contactPlan, createCryptoFixture, newSubject, type CryptoFixture } from '../crypto-fixture.ts';
import type { Crypto, Row } from '../types.ts';
import { providerInput } from './configuration.ts';
import { startKeyService, type KeyService } from './key-service-fixture.ts';
import * as providerStore from './store.ts';

let fixture: CryptoFixture;
let service: KeyService;
let crypto: Crypto;
let tenant: TenantId;
let minutes = 0;
const clock = { now: () => new Date(systemClock.now().getTime() + minutes * 60_000) };
const addressRules = { development: true, allowPrivate: false };

beforeAll(async () => {
  fixture = await createCryptoFixture();
  service = await startKeyService();
  crypto = fixture.make({ clock, addressRules });
});
afterAll(async () => {
  await service.close();
  await fixture.close();
});
beforeEach(async () => {
  tenant = await fixture.db.createTenant();
  service.fault = null;
});

function personOf(tenantId: TenantId): Principal {
  return {
    ...{ kind: 'user', tenantId, id: randomUUID() as PrincipalId, displayName: 'Ada', email: null }, // a fresh uuid
    ...{ roles: [], attributes: {}, sessionId: null },
    assurance: { level: 2, authenticatedAt: clock.now(), methods: ['pwd', 'otp'] },
  };
}
const inTenant = <T>(tenantId: TenantId, work: (tx: Tx) => Promise<T>): Promise<T> =>
  fixture.db.database.withTenant(tenantId, work);
const person = (): Row => ({ id: randomUUID(), subject_id: newSubject(), email: 'ada@example.com' });
const seal = async (tenantId: TenantId, row: Row): Promise<Record<string, unknown>> => {
  await crypto.warm(tenantId);
  return inTenant(tenantId, (tx) => crypto.sealFields(tx, contactPlan, row));
};
const read = async (tenantId: TenantId, row: Row, reader = crypto): Promise<unknown> => {
  await reader.warm(tenantId);
  const [opened] = await inTenant(tenantId, (tx) => reader.openRows(tx, contactPlan, [row], ['email']));
  return opened?.['email'];
};
const hyok = (extra: object = {}) =>
  providerInput.parse({ kind: 'hyok', url: service.url, keyId: 'key-1', algorithm: 'ECDH-ES', ...extra });
const configure = async (name = 'ours', tenantId = tenant): Promise<void> => {
  const shown = await crypto.providers.configure(personOf(tenantId), name, hyok());
  service.publicKey = shown['publicKey'] as KeyService['publicKey']; // as the owner of the service would install it
};
const changeTo = (provider: string, tenantId = tenant): Promise<unknown> =>
  crypto.providers.change({
    ...{ tenantId, payload: { provider }, proposedBy: randomUUID(), proposalId: randomUUID() },
    approvedBy: personOf(tenantId),
  });
const epochs = async (tenantId = tenant): Promise<unknown[]> => {
  const { rows } = await fixture.db.admin(
    `select epoch, provider, state from crypto.kek where tenant_id = '${tenantId}' order by epoch`,
  );
  return rows;
};

test('PostgreSQL prepares every statement of the folder', async () => {
  for (const { name, text } of Object.values(providerStore))
    await fixture.db.admin(`prepare "${name}" as ${text}`);
});

describe('a tenant brings its own key service', () => {
  test('gives, takes away and gives back: unreadable within the cache period, and nothing is lost', async () => {
    const [stranger, row] = [await fixture.db.createTenant(), person()];
    const sealed = await seal(tenant, row);
    const another = await seal(tenant, person());
    const foreign = await seal(stranger, row);
    await configure();
    expect(await changeTo('ours')).toMatchObject({ from: 'local', to: 'ours', epoch: 2 });
    expect(await epochs()).toContainEqual({ epoch: 2, provider: 'ours', state: 'active' });
    expect(await read(tenant, sealed)).toBe('ada@example.com');

    service.fault = 'refused';
    minutes += 4;
    // Opened late by a tenant key that is in the cache: it must not outlive that key.
    expect(await read(tenant, another)).toBe('ada@example.com');
    minutes += 1.1;
    const cold = inTenant(tenant, (tx) => crypto.openRows(tx, contactPlan, [another], ['email']));
    await expect(cold).rejects.toMatchObject({ code: 'ERR_CRYPTO_KEY_REVOKED' });
    await expect(read(tenant, sealed)).rejects.toMatchObject({
      code: 'ERR_CRYPTO_KEY_REVOKED',
      expose: true,
      message: expect.stringContaining("the tenant's own key service refused"),
    });
    await expect(seal(tenant, person())).rejects.toMatchObject({ code: 'ERR_CRYPTO_KEY_REVOKED' });
    expect(await read(stranger, foreign)).toBe('ada@example.com');
    await crypto.warm(platformTenantId);

    service.fault = null;
    minutes += 1;
    expect(await read(tenant, sealed)).toBe('ada@example.com');
  });

  test('another process opens it too, by what stands in the database', async () => {
    const sealed = await seal(tenant, person());
    await configure();
    await changeTo('ours');
    const other = fixture.make({ clock, addressRules });
    expect(await read(tenant, sealed, other)).toBe('ada@example.com');
  });

  test('asks the key service once per epoch and cache period, also when very many ask at once', async () => {
    const sealed = await seal(tenant, person());
    await configure();
    await changeTo('ours');
    const other = fixture.make({ clock, addressRules });
    const before = service.calls.count;
    await Promise.all(Array.from({ length: 40 }, () => read(tenant, sealed, other)));
    for (let round = 0; round < 20; round += 1) await read(tenant, sealed, other);
    expect(service.calls.count - before).toBe(1);
  });

  test('goes back to the house, retires its epochs and takes the service away for good', async () => {
    const sealed = await seal(tenant, person());
    await configure();
    await changeTo('ours');
    const remove = (): Promise<void> => crypto.providers.remove(personOf(tenant), 'ours');
    await expect(remove()).rejects.toMatchObject({ code: 'ERR_CONFLICT' });
    expect(await changeTo('local')).toMatchObject({ from: 'ours', to: 'local' });
    await fixture.db.admin(
      `update crypto.kek set state = 'destroyed' where tenant_id = '${tenant}' and state = 'superseded'`,
    );
    await remove();
    service.fault = 'gone';
    minutes += 6;
    expect(await read(tenant, sealed)).toBe('ada@example.com');
    await expect(crypto.providers.configure(personOf(tenant), 'ours', hyok())).rejects.toMatchObject({
      code: 'ERR_CONFLICT',
    });
  });

  test('says whether it answers and why not; of the house it says no more than that', async () => {
    await configure();
    const health = (name: string, of = tenant) => crypto.providers.health(of, name);
    expect(await health('ours')).toMatchObject({ ok: true });
    service.fault = 'refused';
    expect(await health('ours')).toEqual({ ok: false, detail: expect.stringMatching(/\w/) });
    expect(await health('local')).toEqual({ ok: true, detail: '' });
    await expect(health('ours', await fixture.db.createTenant())).rejects.toMatchObject({
      code: 'ERR_NOT_FOUND',
    });
  });

  test('records who laid it down, tried it, changed to it and removed it', async () => {
    const before = fixture.events.length;
    await seal(tenant, person());
    await configure();
    await crypto.providers.try(personOf(tenant), 'ours');
    await changeTo('ours');
    const actions = fixture.events.slice(before).map(({ definition }) => definition.action);
    expect(actions).toEqual(
      expect.arrayContaining([
        'crypto.provider_configured',
        'crypto.provider_tried',
        'crypto.provider_changed',
        'crypto.rotation_started',
      ]),
    );
  });
});

describe('a change that cannot work', () => {
  test.each(['refused', 'not_json', 'other_kid', 'throttle'] as const)(
    'is stopped by the trial before anything changes (%s)',
    async (fault) => {
      const sealed = await seal(tenant, person());
      await configure();
      service.fault = fault;
      const trial = await crypto.providers.try(personOf(tenant), 'ours');
      expect(trial).toMatchObject({ ok: false });
      expect(trial.steps.at(-1)).toMatchObject({ step: 'wrap', ok: false });
      await expect(changeTo('ours')).rejects.toMatchObject({ code: 'ERR_CRYPTO_PROVIDER', expose: true });
      expect(await epochs()).toEqual([{ epoch: 1, provider: 'local', state: 'active' }]);
      expect(await read(tenant, sealed)).toBe('ada@example.com');
    },
  );

  test('is taken back when the service fails after the trial', async () => {
    const sealed = await seal(tenant, person());
    await configure();
    const calls = { left: 3 }; // wrap, unwrap and the wrap for nobody of the trial
    const count = service.calls.count;
    const watch = setInterval(() => {
      if (service.calls.count - count >= calls.left - 1) service.fault = 'refused';
    }, 0);
    try {
      await expect(changeTo('ours')).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_CRYPTO/) });
    } finally {
      clearInterval(watch);
    }
    expect(await epochs()).toEqual([{ epoch: 1, provider: 'local', state: 'active' }]);
    service.fault = null;
    expect(await read(tenant, sealed)).toBe('ada@example.com');
    const { rows } = await fixture.db.admin(
      `select state from crypto.provider where tenant_id = '${tenant}'`,
    );
    expect(rows).toEqual([{ state: 'ready' }]);
  });
});

describe('what stands in the database', () => {
  test('shows nothing of the secrets of a configuration, and the row never changes its meaning', async () => {
    await crypto.providers.configure(personOf(tenant), 'ours', hyok({ bearer: 'a-very-secret-bearer' }));
    const { rows } = await fixture.db.admin(`select * from crypto.provider where tenant_id = '${tenant}'`);
    const dump = JSON.stringify(rows) + Buffer.from(rows[0]?.['configuration'] as Buffer).toString('latin1');
    expect(dump).not.toContain('a-very-secret-bearer');
    expect(JSON.parse(String(rows[0]?.['shown']))).not.toHaveProperty('bearer');
    expect(String(rows[0]?.['shown'])).not.toContain('"d"');
    await expect(
      fixture.db.admin(
        `update crypto.provider set configuration = '\\x${'00'.repeat(60)}' where tenant_id = '${tenant}'`,
      ),
    ).rejects.toThrow('never changes');
  });

  test('a configuration moved to another tenant does not open', async () => {
    await configure();
    const thief = await fixture.db.createTenant();
    await fixture.db.admin(
      `insert into crypto.provider select '${thief}', name, kind, configuration, shown, state, created_by, created_at
       from crypto.provider where tenant_id = '${tenant}'`,
    );
    await expect(crypto.providers.try(personOf(thief), 'ours')).rejects.toMatchObject({
      code: 'ERR_CRYPTO_DECRYPT',
    });
  });

  test('the platform cannot bring a key service, and names of the house are not to be had', async () => {
    await expect(
      crypto.providers.configure(personOf(platformTenantId), 'ours', hyok()),
    ).rejects.toMatchObject({ code: 'ERR_CRYPTO_INPUT' });
    await expect(crypto.providers.configure(personOf(tenant), 'local', hyok())).rejects.toMatchObject({
      code: 'ERR_CRYPTO_INPUT',
    });
  });
});
