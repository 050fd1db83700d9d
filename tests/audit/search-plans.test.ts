import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { TrailFilter } from '../../audit/index.ts';
import { readOperators } from '../../audit/trail-filter.ts';
import { searchEntries } from '../../audit/search/search-entries.ts';
import { readSeqRun } from '../../audit/search/time-range.ts';
import type { Tx } from '../../db/index.ts';
import type { TenantId } from '../../kernel/index.ts';
import { createAuditFixture, newId, type AuditFixture } from './fixture.ts';

// 30,000 rows of what search reads, without leaves: enough for the planner to choose as it does in a large log.

const count = 30_000;
const begin = Date.UTC(2026, 0, 1);
const minute = 60_000;
const subject = newId();
const late = 29_000;
let house: AuditFixture;
let tenant: TenantId;

beforeAll(async () => {
  house = await createAuditFixture();
  tenant = await house.db.createTenant('plans');
  const { admin } = house.db;
  await house.audit.ensureLog(tenant);
  await admin(
    `insert into audit.entry (tenant_id, seq, id, occurred_at, received_at, action, outcome, actor_id, leaf_hash, body)
     select $1, n, gen_random_uuid(), to_timestamp($2 + n * 60), to_timestamp($2 + n * 60),
       case when n % 300 = 0 then 'crypto.key_rotated' else 'contacts.contact_read' end,
       case when n % 50 = 7 then 'denied' else 'success' end, 'actor-' || n % 100, '', convert_to(repeat('x', 700), 'UTF8')
     from generate_series(0, $3::integer - 1) n where n <> ${late}`,
    [tenant, begin / 1_000, count],
  );
  await admin(
    `insert into audit.entry (tenant_id, seq, id, occurred_at, received_at, action, outcome, actor_id, leaf_hash, body)
     values ($1, ${late}, gen_random_uuid(), to_timestamp($2 + 1010 * 60), now(), 'contacts.contact_read', 'success', 'actor-0', '', 'x')`,
    [tenant, begin / 1_000],
  );
  await admin(
    `insert into audit.entry_subject select $1, case when n % 3000 = 1 then $2::uuid else gen_random_uuid() end, n from generate_series(0, ${count - 1}) n`,
    [tenant, subject],
  );
  const prefix = tenant.replaceAll('-', '').slice(0, 8);
  await admin(
    `insert into audit.search_entry select $1, n, array_to_tsvector(array[$2 || 'w:common', $2 || 'w:word' || n, $2 || 'session:s' || n / 100])
     from generate_series(0, ${count - 1}) n`,
    [tenant, prefix],
  );
  await admin('update audit.head set size = $2 where tenant_id = $1', [tenant, count]);
  await admin('insert into audit.search_cursor (tenant_id, next_seq) values ($1, $2)', [tenant, count]);
  await admin('vacuum (analyze) audit.entry, audit.entry_subject, audit.search_entry');
});
afterAll(() => house.close());

const minuteOf = (seq: number): Date => new Date(begin + seq * minute);

/** Runs a search as readers run it. @returns the numbers found, and the plans of its statements */
async function explain(
  filter: TrailFilter,
  before: number | null = null,
): Promise<{ readonly seqs: readonly number[]; readonly plans: string; readonly read: number }> {
  return house.db.database.withTenant(tenant, async (tx) => {
    const plans: string[] = [];
    const run: Tx['run'] = async (compiled) => {
      const explained = await tx.run({
        ...compiled,
        sql: `explain (analyze, timing off, format text) ${compiled.sql}`,
      });
      plans.push(explained.rows.map((row) => Object.values(row).join('')).join('\n'));
      return tx.run(compiled);
    };
    const found = await searchEntries({ ...tx, run }, filter, { before, limit: 51 });
    const text = plans.join('\n');
    const removed = [...text.matchAll(/Rows Removed by Filter: (\d+)/g)].reduce(
      (sum, [, rows]) => sum + Number(rows),
      0,
    );
    return { seqs: found.map(({ seq }) => seq), plans: text, read: removed };
  });
}

describe('a page of a large log reads by', () => {
  test.each<readonly [string, TrailFilter, RegExp]>([
    ['number without a filter', {}, /Index Scan Backward using entry_pkey/],
    ['actor', { actor: 'actor-5' }, /Index Scan Backward using entry_actor\b/],
    ['refusals', { outcome: 'denied' }, /Index Scan Backward using entry_trouble/],
    ['refusals of an actor', { actor: 'actor-7', outcome: 'denied' }, /using entry_actor_trouble/],
    ['action', { action: 'crypto.key_rotated' }, /entry_action/],
    ['beginning of an action', { action: 'crypto.*' }, /entry_action/],
    ['beginning of an action that never happened', { action: 'billing.*' }, /entry_action/],
    ['subject', { subject }, /entry_subject_pkey/],
    ['common word', { q: 'common' }, /search_entry_pkey/],
    ['time', { from: minuteOf(1_000), to: minuteOf(1_500) }, /entry_time/],
  ])('%s', async (_what, filter, index) => {
    const { plans } = await explain(filter);
    expect(plans).toMatch(index);
    expect(plans).not.toMatch(/Seq Scan/);
  });
});

test('a page of a time is looked for where it stands, and holds what came late', async () => {
  const { seqs, read } = await explain({ from: minuteOf(1_000), to: minuteOf(1_040) });
  expect(seqs).toEqual([late, ...Array.from({ length: 40 }, (_, at) => 1_039 - at)]);
  expect(read).toBeLessThan(5_000);
});

test('pages of a time follow each other without a gap', async () => {
  const first = await explain({ from: minuteOf(1_000), to: minuteOf(1_070) });
  const second = await explain({ from: minuteOf(1_000), to: minuteOf(1_070) }, first.seqs.at(-1) ?? null);
  expect([...first.seqs, ...second.seqs]).toEqual([
    late,
    ...Array.from({ length: 70 }, (_, at) => 1_069 - at),
  ]);
});

test.each<readonly [string, TrailFilter]>([
  ['a word', { q: 'word10' }],
  ['an actor', { actor: 'actor-10' }],
])('a time together with %s finds the same as both apart', async (_what, filter) => {
  const range = { from: minuteOf(900), to: minuteOf(1_200) };
  const both = await explain({ ...filter, ...range });
  const time = new Set((await pages(range)).map(Number));
  const expected = (await pages(filter)).filter((seq) => time.has(seq));
  expect(expected.length).toBeGreaterThan(1);
  expect(both.seqs).toEqual(expected.slice(0, 51));
});

async function pages(filter: TrailFilter): Promise<readonly number[]> {
  const all: number[] = [];
  for (let before: number | null = null; ;) {
    const { seqs }: { readonly seqs: readonly number[] } = await explain(filter, before);
    all.push(...seqs);
    before = seqs.at(-1) ?? null;
    if (seqs.length < 51) return all;
  }
}

test('halving finds the number of a time, at both ends and between', async () => {
  const run = (filter: TrailFilter) =>
    house.db.database.withTenant(tenant, (tx) => readSeqRun(tx, readOperators(filter)));
  expect(await run({ from: minuteOf(-5), to: minuteOf(count + 5) })).toEqual({ low: 0, high: count });
  expect(await run({ from: minuteOf(12_345) })).toEqual({ low: 12_345, high: null });
  expect(await run({})).toBeNull();
});
