import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createDatabase, deriveConnectionUrls } from '../../db/index.ts';
import { silentLogger, type SubjectId } from '../../kernel/index.ts';
import {
  contactPlan,
  createCryptoFixture,
  erasure,
  newSubject,
  type CryptoFixture,
} from '../crypto-fixture.ts';
import { copyDatabase, dropDatabase } from './restore-fixture.ts';

let fixture: CryptoFixture;
beforeAll(async () => {
  fixture = await createCryptoFixture();
});
afterAll(() => fixture.close());

const { actor } = erasure;
const person = (id: string): Record<string, unknown> => ({
  id,
  subject_id: newSubject(),
  email: `${id}@example.com`,
});

test('a full copy of the database from before an erasure, with the root file of today, gives nothing back', async () => {
  const tenant = await fixture.db.createTenant();
  const rows = [person('ada'), person('eve')];
  const crypto = fixture.make();
  const { database } = fixture.db;
  const sealed = await database.withTenant(tenant, (tx) => crypto.sealRows(tx, contactPlan, rows));
  const name = `${new URL(fixture.db.adminUrl).pathname.slice(1)}_backup`;
  const copy = createDatabase({
    urls: deriveConnectionUrls(await copyDatabase(fixture.db.adminUrl, name)),
    logger: silentLogger,
  });
  try {
    const restored = fixture.make({ database: copy });
    const openCopy = (): Promise<unknown> =>
      copy.withTenant(tenant, (tx) =>
        fixture.make({ database: copy }).openRows(tx, contactPlan, sealed, ['email']),
      );
    // Neither shredding nor rotation alone reaches a backup: the epoch still lives at the provider.
    await database.withTenant(tenant, (tx) =>
      crypto.shred(tx, [rows[0]?.['subject_id'] as SubjectId], erasure),
    );
    await crypto.rotate(tenant, { actor });
    expect(await openCopy()).toMatchObject([{ email: 'ada@example.com' }, { email: 'eve@example.com' }]);

    await fixture.retire(crypto, tenant);

    await expect(openCopy()).rejects.toMatchObject({ code: 'ERR_CRYPTO_ROOT' });
    // Nor anybody else under the destroyed epoch: a restore needs a backup that is younger than the retirement.
    await expect(
      copy.withTenant(tenant, (tx) => restored.openRows(tx, contactPlan, sealed.slice(1), ['email'])),
    ).rejects.toMatchObject({ code: 'ERR_CRYPTO_ROOT' });
    await restored.stop();
    const live = await database.withTenant(tenant, (tx) =>
      crypto.openRows(tx, contactPlan, sealed, ['email']),
    );
    expect(live).toMatchObject([{ email: { tombstone: true } }, { email: 'eve@example.com' }]);
  } finally {
    await copy.close();
    await dropDatabase(name);
  }
}, 60_000);

test('a transaction that makes a key under the old epoch is waited for, and its key moves on', async () => {
  const tenant = await fixture.db.createTenant();
  const { database } = fixture.db;
  const crypto = fixture.make();
  const late = fixture.make();
  await crypto.warm(tenant);
  await late.warm(tenant);
  const row = person('late');
  let rotation: Promise<unknown> = Promise.resolve();
  const sealed = await database.withTenant(tenant, async (tx) => {
    const result = await late.sealRows(tx, contactPlan, [row]);
    rotation = crypto.rotate(tenant, { actor });
    await new Promise((wake) => setTimeout(wake, 500)); // the rotation arrives at the lock
    return result;
  });
  await rotation;
  const opened = await database.withTenant(tenant, (tx) =>
    fixture.make().openRows(tx, contactPlan, sealed, ['email']),
  );
  expect(opened).toMatchObject([{ email: 'late@example.com' }]);
});

test('the database refuses a data key under an epoch that is superseded or destroyed', async () => {
  const tenant = await fixture.db.createTenant();
  const crypto = fixture.make();
  await fixture.db.database.withTenant(tenant, (tx) => crypto.sealRows(tx, contactPlan, [person('ada')]));
  await crypto.rotate(tenant, { actor });
  const insert = `insert into crypto.dek (tenant_id, epoch, kid, subject_id, wrapped, commitment)
    values ($1, 1, '\\x0123456789abcdef', gen_random_uuid(), decode(repeat('00', 60), 'hex'), decode(repeat('00', 32), 'hex'))`;
  await expect(fixture.db.admin(insert, [tenant])).rejects.toMatchObject({ code: '55000' });
});
