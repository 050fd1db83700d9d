import { createFiller, fingerprint } from './audit-growth-fill.ts';
import {
  createGrowthServer,
  growthSettings,
  type GrowthHouse,
  type GrowthServer,
} from './audit-growth-house.ts';
import { createShapes, proveSome, type Shape } from './audit-growth-shapes.ts';
import type { BenchRow } from './row.ts';

// Measures: how long reading the trail takes as one tenant's log grows tenfold, up to GATEHOUSE_BENCH_EVENTS events
// (default ten million, which take about 40 GB of disk and an hour), through the functions that the routes call, with
// row-level security. Each reading runs 40 times with values of 40 events of the log, after one round that warms; the
// first reading after a restart of PostgreSQL stands beside (its own cache is empty then, that of the system is not).
// Limits: one process, one reader; indexes were built over full tables, so that they are denser than grown ones;
// personal groups are sealed once per actor. SIGINT to the bench ends it with the sizes that are done.

const largest = Number(process.env['GATEHOUSE_BENCH_EVENTS'] ?? 10_000_000);
const runs = 40;
const goalMilliseconds = 20;

type Times = { readonly p50: number; readonly p95: number };

/** The growth of the reading. Not part of a run without names. */
export async function bench(): Promise<readonly BenchRow[]> {
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  const server = await createGrowthServer(process.env['GATEHOUSE_BENCH_FOLDER']);
  let house = await server.open();
  const rows: BenchRow[] = [];
  try {
    const filler = await createFiller(house, stop.signal);
    for (let events = 10_000; events <= largest; events *= 10) {
      const last = await filler.fillTo(house, events);
      await proveSome(house, events);
      if (rows.length === 0) rows.push(await benchProjector(house));
      rows.push(...(await readSizes(house, events)));
      const shapes = await createShapes(house, events, last);
      const warm = new Map<string, Times>();
      for (const shape of shapes) warm.set(shape.name, await measure(shape));
      const cold = await measureCold(server, house, events, last);
      house = cold.house;
      for (const shape of shapes)
        rows.push(...rowsOf(shape, events, warm.get(shape.name), cold.first.get(shape.name)));
      console.error(
        `  ${new Date().toISOString()} ${events.toLocaleString('en-US')} events done (${growthSettings.join(', ')})`,
      );
    }
    return rows;
  } catch (error) {
    if (stop.signal.aborted && rows.length > 0) return rows;
    throw error;
  } finally {
    await house.close();
    await server.remove();
  }
}

async function measure({ read }: Shape): Promise<Times> {
  for (let run = 0; run < runs; run += 1) await read(run);
  const times: number[] = [];
  for (let run = 0; run < runs; run += 1) times.push(await timed(() => read(run)));
  times.sort((left, right) => left - right);
  return { p50: times[Math.floor(runs * 0.5)] ?? 0, p95: times[Math.ceil(runs * 0.95) - 1] ?? 0 };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** The first of each reading after a restart; connections and keys are warm. */
async function measureCold(
  server: GrowthServer,
  house: GrowthHouse,
  events: number,
  last: Date,
): Promise<{ readonly house: GrowthHouse; readonly first: ReadonlyMap<string, number> }> {
  await house.close();
  const fresh = await server.open();
  fresh.setTime(last);
  await fresh.audit.prepare(fresh.tenant);
  await fresh.admin('select 1');
  const first = new Map<string, number>();
  for (const { name, read } of await createShapes(fresh, events, last))
    first.set(name, await timed(() => read(0)));
  return { house: fresh, first };
}

function rowsOf(
  { name, page }: Shape,
  events: number,
  times: Times | undefined,
  cold: number | undefined,
): BenchRow[] {
  const work = `${name}, ${events.toLocaleString('en-US')} events`;
  const row = (what: string, ours: number): BenchRow => ({
    work: `${work}, ${what}`,
    unit: 'ms',
    ours,
    bare: null,
    peers: {},
    ratio: null,
    goal: '',
    holds: null,
  });
  const { p50 = 0, p95 = 0 } = times ?? {};
  const judged = page ? { goal: '< 20 ms of ten million', holds: p95 < goalMilliseconds } : {};
  return [row('p50', p50), { ...row('p95', p95), ...judged }, row('first after a restart', cold ?? 0)];
}

/** The projector itself over the first size. @throws Error unless its rows are those that were filled in */
async function benchProjector(house: GrowthHouse): Promise<BenchRow> {
  const { audit, database, tenant } = house;
  const filled = await fingerprint(house);
  await database.withTenant(tenant, (tx) => audit.projector.reset(tx));
  let events = 0;
  const milliseconds = await timed(async () => void (events = await audit.projector.catchUp(tenant)));
  if ((await fingerprint(house)) !== filled)
    throw new Error('the projection that was filled in is not what the projector makes');
  return sized(
    `projection for search, ${events.toLocaleString('en-US')} events`,
    'events/s',
    events / (milliseconds / 1_000),
  );
}

async function readSizes({ admin }: GrowthHouse, events: number): Promise<readonly BenchRow[]> {
  const { rows } = await admin(`select relname as name, pg_relation_size(oid)::float8 as bytes from pg_class
    where relnamespace = 'audit'::regnamespace and relkind in ('r', 'i') and relname ~ '^(entry|search_entry|tile)'
    and pg_relation_size(oid) > 0 order by relname`);
  return (rows as readonly { name: string; bytes: number }[]).map(({ name, bytes }) =>
    sized(`disk of audit.${name}, ${events.toLocaleString('en-US')} events`, 'bytes/event', bytes / events),
  );
}

function sized(work: string, unit: string, ours: number): BenchRow {
  return { work, unit, ours, bare: null, peers: {}, ratio: null, goal: '', holds: null };
}
