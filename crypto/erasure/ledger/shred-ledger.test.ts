import { randomUUID } from 'node:crypto';
import { appendFile, mkdtemp, readdir, readFile, rm, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createDatabase, deriveConnectionUrls, type Database } from '../../../db/index.ts';
import { platformTenantId, silentLogger, type SubjectId, type TenantId } from '../../../kernel/index.ts';
import {
  contactPlan,
  createCryptoFixture,
  erasure,
  newSubject,
  type CryptoFixture,
} from '../../crypto-fixture.ts';
import type { Crypto } from '../../types.ts';
import { copyDatabase, dropDatabase } from '../restore-fixture.ts';

let fixture: CryptoFixture;
let tenant: TenantId;
let folder: string;
let crypto: Crypto;
beforeAll(async () => {
  fixture = await createCryptoFixture();
});
afterAll(() => fixture.close());
beforeEach(async () => {
  tenant = await fixture.db.createTenant();
  folder = await mkdtemp(join(tmpdir(), 'gatehouse-ledger-'));
  crypto = fixture.make({ ledgerFolder: folder });
  await crypto.shredLedger.reconcile();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

type Sealed = { readonly subject: SubjectId; readonly row: Record<string, unknown> };
const sealOne = async (database: Database = fixture.db.database): Promise<Sealed> => {
  const subject = newSubject();
  const plain = { id: subject, subject_id: subject, email: 'ada@example.com' };
  return {
    subject,
    row: await database.withTenant(tenant, (tx) => crypto.sealFields(tx, contactPlan, plain)),
  };
};
const shred = (subject: SubjectId): Promise<unknown> =>
  fixture.db.database.withTenant(tenant, (tx) => crypto.shred(tx, [subject], erasure));
const files = async (): Promise<string[]> =>
  (await readdir(folder)).filter((name) => name.endsWith('.shreds')).toSorted();
const linesOf = async (name: string): Promise<string[]> =>
  (await readFile(join(folder, name), 'utf8')).trimEnd().split('\n');
const again = async (): Promise<Crypto> => {
  await crypto.stop(); // what the database remembers of the files is written by then
  crypto = fixture.make({ ledgerFolder: folder });
  return crypto;
};

describe('the shred ledger outside the database', () => {
  test('has a line for every destroyed key when the shred is done, chained and without personal data', async () => {
    const [first, second] = [await sealOne(), await sealOne()];
    await shred(first.subject);
    const [name = ''] = await files();
    const before = (await linesOf(name)).length;
    await shred(second.subject);
    const lines = (await linesOf(name)).map((text) => JSON.parse(text) as { body: Record<string, unknown> });
    expect(lines).toHaveLength(before + 1);
    expect(lines.map(({ body }) => body['n'] ?? 0)).toEqual(lines.map((_, index) => index));
    expect(lines.at(-1)?.body).toMatchObject({ tenant, request: erasure.requestId, reason: erasure.reason });
    const text = await readFile(join(folder, name), 'utf8');
    expect(text).not.toContain(first.subject);
    expect(text).not.toContain('ada@example.com');
  });

  test('has no line of a shred that was rolled back', async () => {
    const { subject } = await sealOne();
    await shred((await sealOne()).subject);
    const [name = ''] = await files();
    const before = await linesOf(name);
    await expect(
      fixture.db.database.withTenant(tenant, async (tx) => {
        await crypto.shred(tx, [subject], erasure);
        throw new Error('rolled back');
      }),
    ).rejects.toThrow('rolled back');
    expect(await linesOf(name)).toEqual(before);
  });

  test('is not ready before it was compared, and agrees afterwards', async () => {
    await shred((await sealOne()).subject);
    const fresh = await again();
    expect(fresh.shredLedger.state().ok).toBe(false);
    expect(await fresh.shredLedger.reconcile()).toMatchObject({
      agrees: true,
      entries: expect.any(Number),
      replayed: 0,
    });
    expect(fresh.shredLedger.state()).toEqual({ ok: true, detail: 'agrees with the database' });
  });

  test('gets from the database what a process left out', async () => {
    const silent = fixture.make();
    const { subject } = await sealOne();
    await fixture.db.database.withTenant(tenant, (tx) => silent.shred(tx, [subject], erasure));
    expect((await crypto.shredLedger.reconcile()).written).toBeGreaterThan(0);
    expect((await crypto.shredLedger.reconcile()).written).toBe(0);
    const other = await sealOne();
    await fixture.db.database.withTenant(tenant, (tx) => silent.shred(tx, [other.subject], erasure));
    const before = (await linesOf((await files())[0] ?? '')).length;
    await crypto.shredLedger.tick();
    expect((await linesOf((await files())[0] ?? '')).length).toBe(before + 1);
  });

  test('a disk that refuses does not undo the shred; it is said, and written later', async () => {
    const { subject, row } = await sealOne();
    await rm(folder, { recursive: true });
    await writeFile(folder, 'not a folder');
    await shred(subject);
    const opened = await fixture.db.database.withTenant(tenant, (tx) =>
      crypto.openRows(tx, contactPlan, [row], ['email']),
    );
    expect(opened).toMatchObject([{ email: { tombstone: true } }]);
    expect(crypto.shredLedger.state()).toMatchObject({
      ok: false,
      detail: expect.stringContaining('written'),
    });
    await unlink(folder);
    await crypto.shredLedger.tick();
    expect(crypto.shredLedger.state().ok).toBe(true);
    expect(await files()).toHaveLength(1);
  });

  test('the end of a process in the middle of a line is no damage', async () => {
    await shred((await sealOne()).subject);
    const [name = ''] = await files();
    await (await again()).stop();
    await appendFile(join(folder, name), '{"body":{"ten');
    expect(await (await again()).shredLedger.reconcile()).toMatchObject({ agrees: true, findings: [] });
  });
});

describe('damage is found and named', () => {
  let name: string;
  beforeEach(async () => {
    for (let count = 0; count < 3; count += 1) await shred((await sealOne()).subject);
    [name = ''] = await files();
    await crypto.stop();
  });
  const compare = async () => {
    crypto = fixture.make({ ledgerFolder: folder });
    const result = await crypto.shredLedger.reconcile();
    return { result, state: crypto.shredLedger.state() };
  };
  const damages: readonly [string, string, () => Promise<void>][] = [
    [
      'lines cut off at the end',
      'truncated',
      async () => {
        const text = await readFile(join(folder, name), 'utf8');
        await truncate(join(folder, name), text.trimEnd().lastIndexOf('\n') + 1);
      },
    ],
    ['a file that is gone', 'missing', async () => unlink(join(folder, name))],
    [
      'a line taken out of the middle',
      'broken_chain',
      async () => {
        const lines = await linesOf(name);
        await writeFile(join(folder, name), `${lines.filter((_, index) => index !== 2).join('\n')}\n`);
      },
    ],
    [
      'a word changed',
      'bad_signature',
      async () => {
        const text = await readFile(join(folder, name), 'utf8');
        await writeFile(join(folder, name), text.replace(erasure.reason, 'something else'));
      },
    ],
  ];
  test.each(damages)('%s', async (_what, fault, damage) => {
    await damage();
    const { result, state } = await compare();
    expect(result.agrees).toBe(false);
    expect(result.findings.map((finding) => finding.fault)).toContain(fault);
    expect(state).toMatchObject({ ok: false, detail: expect.stringContaining(fault) });
    expect(
      fixture.events.some(
        (event) => event.tenantId === platformTenantId && event.definition.action === 'crypto.ledger_damaged',
      ),
    ).toBe(true);
    // An operator who has looked sets it aside; the ledger is whole again from the database.
    expect(await crypto.shredLedger.reconcile({ setAside: true })).toMatchObject({ agrees: true });
    expect(crypto.shredLedger.state().ok).toBe(true);
    const next = await again();
    expect(await next.shredLedger.reconcile()).toMatchObject({ agrees: true, replayed: 0, written: 0 });
  });

  test('a file of a stranger is not believed, whoever signed it', async () => {
    const strange = await mkdtemp(join(tmpdir(), 'gatehouse-ledger-'));
    const other = await createCryptoFixture();
    const stranger = other.make({ ledgerFolder: strange });
    await stranger.shredLedger.reconcile();
    const victim = await sealOne();
    const theirs = await other.db.createTenant();
    const subject = newSubject();
    await other.db.database.withTenant(theirs, async (tx) => {
      await stranger.sealFields(tx, contactPlan, {
        id: subject,
        subject_id: subject,
        email: 'x@example.com',
      });
      await stranger.shred(tx, [subject], erasure);
    });
    const [forged = ''] = (await readdir(strange)).filter((one) => one.endsWith('.shreds'));
    const text = await readFile(join(strange, forged), 'utf8');
    await writeFile(join(folder, forged), text);
    await other.close();
    await rm(strange, { recursive: true });
    const { result } = await compare();
    expect(result.findings).toEqual([{ file: forged, fault: 'unknown_key' }]);
    expect(result.replayed).toBe(0);
    const opened = await fixture.db.database.withTenant(tenant, (tx) =>
      crypto.openRows(tx, contactPlan, [victim.row], ['email']),
    );
    expect(opened).toMatchObject([{ email: 'ada@example.com' }]);
  });
});

describe('the drill: a backup from before an erasure is restored', () => {
  const restore = async (
    work: (copy: Database) => Promise<void>,
    before: () => Promise<void>,
  ): Promise<void> => {
    const name = `restored_${randomUUID().replaceAll('-', '')}`;
    const url = await copyDatabase(fixture.db.adminUrl, name);
    const copy = createDatabase({ urls: deriveConnectionUrls(url), logger: silentLogger });
    try {
      await before();
      await work(copy);
    } finally {
      await copy.close();
      await dropDatabase(name);
    }
  };

  test('without retiring, the ledger destroys the keys again before anybody is served; nobody else loses anything', async () => {
    const [gone, stays] = [await sealOne(), await sealOne()];
    await restore(
      async (copy) => {
        const open = (using: Crypto): Promise<Record<string, unknown>[]> =>
          copy.withTenant(tenant, (tx) => using.openRows(tx, contactPlan, [gone.row, stays.row], ['email']));
        const restored = fixture.make({ database: copy, ledgerFolder: folder });
        expect(restored.shredLedger.state().ok).toBe(false); // readiness refuses
        expect(await open(fixture.make({ database: copy }))).toMatchObject([
          { email: 'ada@example.com' }, // this is what the ledger is for
          { email: 'ada@example.com' },
        ]);
        const result = await restored.shredLedger.reconcile();
        expect(result).toMatchObject({ agrees: true, replayed: 2, requests: [erasure.requestId] });
        expect(restored.shredLedger.state()).toEqual({
          ok: true,
          detail:
            'agrees with the database; the database was older than the ledger: 2 keys were destroyed again',
        });
        expect(await open(restored)).toMatchObject([
          { email: { tombstone: true } },
          { email: 'ada@example.com' },
        ]);
        // A key that was made only after the backup stays destroyed as well.
        const { rows } = await copy.withTenant(tenant, (tx) =>
          restored.ledger(tx, { after: null, limit: 10 }).then((rows) => ({ rows })),
        );
        expect(rows).toHaveLength(2);
        expect((await restored.shredLedger.reconcile()).replayed).toBe(0);
        await expect(
          copy.withTenant(tenant, (tx) =>
            restored.sealFields(tx, contactPlan, {
              id: 'x',
              subject_id: gone.subject,
              email: 'x@example.com',
            }),
          ),
        ).rejects.toMatchObject({ code: 'ERR_CRYPTO_SHREDDED' });
      },
      async () => {
        await shred(gone.subject);
        await shred((await sealOne()).subject);
      },
    );
  }, 60_000);

  test('after retiring, the backup opens nothing of anybody, ledger or not', async () => {
    const [gone, stays] = [await sealOne(), await sealOne()];
    await restore(
      async (copy) => {
        for (const row of [gone.row, stays.row])
          await expect(
            copy.withTenant(tenant, (tx) =>
              fixture.make({ database: copy }).openRows(tx, contactPlan, [row], ['email']),
            ),
          ).rejects.toMatchObject({ code: 'ERR_CRYPTO_ROOT' });
      },
      async () => {
        await shred(gone.subject);
        await fixture.retire(crypto, tenant);
      },
    );
  }, 60_000);
});
