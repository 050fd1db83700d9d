import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../tests/support/database.ts';
import type { PipelineStep } from './pipeline.ts';
import { statement } from './statement.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
  await db.admin(
    'create table audit.probe (n integer primary key); grant select, insert on audit.probe to gatehouse_sequencer',
  );
});
afterAll(() => db.close());

const insert = statement('probe.insert', 'insert into audit.probe (n) values ($1::integer)');
const copyProbe = statement('probe.copy', 'copy audit.probe (n) from stdin (format binary)');
const put = (n: unknown): PipelineStep => ({ kind: 'statement', statement: insert, values: [n] });
const copy = (n: number): PipelineStep => {
  const row = Buffer.from([0, 1, 0, 0, 0, 4, 0, 0, 0, n, 0xff, 0xff]);
  const head = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)]);
  return { kind: 'copy', statement: copyProbe, rows: Buffer.concat([head, row]) };
};
const stored = async (): Promise<unknown> =>
  (await db.admin('select array_agg(n order by n) as all from audit.probe')).rows[0];

test('the steps are one transaction: what fails takes everything with it, and the connection serves on', async () => {
  const pipeline = await db.database.sequencerPipeline();
  await pipeline.run([put(1), copy(2), put(3)]);
  expect(await stored()).toEqual({ all: [1, 2, 3] });
  await expect(pipeline.run([put(4), copy(2), put(5)])).rejects.toMatchObject({ code: '23505' });
  await expect(pipeline.run([put('no number'), copy(6)])).rejects.toMatchObject({ code: '22P02' });
  expect(await stored()).toEqual({ all: [1, 2, 3] });
  await pipeline.run([copy(7), put(8)]);
  expect(await stored()).toEqual({ all: [1, 2, 3, 7, 8] });
  pipeline.release();
});

test('a connection that is cut fails the running transaction, and nobody is given it again', async () => {
  const pipeline = await db.database.sequencerPipeline();
  const wait = statement('probe.wait', 'select pg_sleep(30)');
  const running = pipeline.run([put(20), { kind: 'statement', statement: wait, values: [] }]);
  const failed = expect(running).rejects.toThrow();
  for (let cut = 0; cut === 0;) {
    const { rows } = await db.admin(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query like '%pg_sleep(30)' and application_name = 'gatehouse-sequencer'`,
    );
    cut = rows.length;
  }
  await failed;
  pipeline.release(new Error('cut'));
  const next = await db.database.sequencerPipeline();
  await next.run([put(21)]);
  next.release();
  expect(await stored()).toMatchObject({ all: expect.not.arrayContaining([20]) });
});
