import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { encryptionPlan } from '../../datamap/index.ts';
import { isGatehouseError, type TenantId } from '../../kernel/index.ts';
import {
  createColumnHouse,
  createShop,
  engineer,
  insertPeople,
  noteField,
  writePlain,
  type ColumnHouse,
} from '../../tests/support/column-house.ts';
import { createCryptoFixture, type CryptoFixture } from '../crypto-fixture.ts';
import type { Crypto } from '../types.ts';
import { nextState, phaseOf, type ColumnState, type ColumnStep } from './states.ts';

const states: readonly ColumnState[] = ['dual_write', 'backfilled', 'verified', 'cut_over', 'reverted'];
const steps: readonly ColumnStep[] = ['start', 'backfill', 'verify', 'cut_over', 'revert'];

describe('the states of a column migration', () => {
  test('reads turn to the ciphertext only after a verification that followed the last step back', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...steps), { maxLength: 40 }), (taken) => {
        let state: ColumnState = 'dual_write';
        let verified = false;
        for (const step of taken) {
          const next = nextState(state, step);
          if (next === null) continue;
          if (step === 'verify') verified = true;
          if (step === 'revert') verified = false;
          if (next === 'cut_over') expect(verified).toBe(true);
          state = next;
        }
      }),
      { numRuns: 500 },
    );
  });

  test('from every state plaintext alone is at most three steps back', () => {
    for (const from of states) {
      let state = from;
      let count = 0;
      while (state !== 'reverted') {
        state = nextState(state, 'revert') ?? state;
        count += 1;
        expect(count).toBeLessThanOrEqual(3);
      }
      expect(phaseOf('prepared', state)).toBe('plain');
    }
  });
});

type Doing =
  | { readonly kind: 'step'; readonly step: ColumnStep }
  | {
      readonly kind: 'plain' | 'known' | 'delete' | 'insert';
      readonly id: number;
      readonly note: string | null;
    };

const doing: fc.Arbitrary<Doing> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('step' as const), step: fc.constantFrom(...steps) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('plain' as const, 'known' as const, 'delete' as const, 'insert' as const),
      id: fc.integer({ min: 1, max: 6 }),
      note: fc.option(
        fc.string({ maxLength: 8, unit: 'grapheme' }).map((text) => text.replaceAll('\0', '0')),
      ),
    }),
  },
);

describe('a table under any sequence of steps and writers', () => {
  let f: CryptoFixture;
  let crypto: Crypto;
  let house: ColumnHouse;
  beforeAll(async () => {
    f = await createCryptoFixture();
    crypto = f.make();
    await createShop(f.db);
    const none = async (): Promise<void> => undefined;
    house = createColumnHouse({
      database: f.db.database,
      adminUrl: f.db.adminUrl,
      crypto,
      audit: { append: none, record: none },
    });
    await f.db.createTenant();
  });
  afterAll(() => f.close());

  const planOf = (tenantId: TenantId) =>
    house.dataMap.current(tenantId).then((map) => {
      const collection = map.collection('shop.person');
      if (collection === null) throw new Error('no collection');
      return encryptionPlan(collection);
    });
  const take = async (tenantId: TenantId, step: ColumnStep): Promise<void> => {
    const { id } = await house.migrationOf(tenantId);
    const options = { actor: engineer, batchSize: 2 };
    if (step === 'backfill') await house.columns.backfill(tenantId, id, options);
    else if (step === 'verify') await house.columns.verify(tenantId, id, options);
    else if (step === 'start') await house.administration.start(noteField);
    else
      await f.db.database.withTenant(tenantId, (tx) =>
        house.columns[step === 'cut_over' ? 'cutOver' : 'revert'](tx, id, engineer),
      );
  };
  const writeKnown = async (tenantId: TenantId, id: number, note: string | null): Promise<void> => {
    const plan = await planOf(tenantId);
    await f.db.database.withTenant(tenantId, async (tx) => {
      const { rows } = await tx.run<{ subject_id: string }>({
        sql: 'select subject_id from shop.person where id = $1',
        parameters: [id],
      });
      if (rows[0] === undefined) return;
      const sealed = await crypto.sealFields(tx, plan, { id, subject_id: rows[0].subject_id, note });
      const names = Object.keys(sealed).filter((name) => name.startsWith('note'));
      const text = names.map((name, at) => `${name} = $${at + 2}`).join(', ');
      await tx.run({
        sql: `update shop.person set ${text} where id = $1`,
        parameters: [id, ...names.map((name) => sealed[name])],
      });
    });
  };
  const read = async (tenantId: TenantId): Promise<ReadonlyMap<number, unknown>> => {
    const plan = await planOf(tenantId);
    return f.db.database.withTenant(tenantId, async (tx) => {
      const { rows } = await tx.run({ sql: 'select * from shop.person', parameters: [] });
      const opened = await crypto.openRows(tx, plan, rows, ['note']);
      return new Map(opened.map((row) => [Number(row['id']), row['note']]));
    });
  };

  test('shows its readers what was written last, whatever the state', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(doing, { minLength: 1, maxLength: 14 }), async (list) => {
        const tenantId = await f.db.createTenant();
        const model = new Map<number, string | null>([1, 2, 3, 4].map((id) => [id, `first ${id}`]));
        await insertPeople(
          f.db,
          tenantId,
          [...model].map(([id, note]) => ({ id, note })),
        );
        await house.administration.start(noteField);
        let state: ColumnState = 'dual_write';
        for (const one of list) {
          if (one.kind === 'step') {
            const next = nextState(state, one.step);
            const failed = await take(tenantId, one.step).then(
              () => null,
              (error: unknown) => error,
            );
            if (failed !== null)
              expect(isGatehouseError(failed) ? failed.code : failed).toBe('ERR_CRYPTO_COLUMN');
            expect(failed === null).toBe(next !== null);
            state = next ?? state;
            expect((await house.migrationOf(tenantId)).state).toBe(state);
          } else if (one.kind === 'delete') {
            await f.db.admin('delete from shop.person where tenant_id = $1 and id = $2', [tenantId, one.id]);
            model.delete(one.id);
          } else if (one.kind === 'insert') {
            if (!model.has(one.id)) {
              await insertPeople(f.db, tenantId, [{ id: one.id, note: one.note, subject: randomUUID() }]);
              model.set(one.id, one.note);
            }
          } else if (model.has(one.id)) {
            const write = one.kind === 'plain' ? writePlain.bind(null, f.db.database) : writeKnown;
            await write(tenantId, one.id, one.note);
            model.set(one.id, one.note);
          }
          expect(await read(tenantId)).toEqual(model);
        }
      }),
      { numRuns: 25 },
    );
  }, 120_000);
});
