/*
 * CPU microseconds of this process (user + system), the best of windows that take turns: neighbours on a shared machine
 * only ever add, and they add to single windows, not to all works alike. Read the ratios.
 */
const windowMilliseconds = 250;
const windows = 7;

/** Something to measure; a promise is awaited. */
export type Work = () => unknown;

async function measureOnce(work: Work, batch: number): Promise<number> {
  globalThis.gc?.(); // nobody pays for the garbage of the one before
  const end = performance.now() + windowMilliseconds;
  const before = process.cpuUsage();
  let count = 0;
  while (performance.now() < end) {
    for (let step = 0; step < batch; step += 1) {
      const result = work();
      if (result instanceof Promise) await result;
    }
    count += batch;
  }
  const used = process.cpuUsage(before);
  return (used.user + used.system) / count;
}

/** Works take turns; the first turn warms up. @param batch - calls between two looks at the clock */
export async function measure<Name extends string>(
  works: Readonly<Record<Name, Work>>,
  batch = 50,
): Promise<Record<Name, number>> {
  const names = Object.keys(works) as Name[]; // the keys were just declared
  const samples = new Map<Name, number[]>(names.map((name) => [name, []]));
  for (let turn = 0; turn <= windows; turn += 1) {
    for (const name of names) {
      const value = await measureOnce(works[name], batch);
      if (turn > 0) samples.get(name)?.push(value);
    }
  }
  const least = (values: readonly number[]): number => Math.min(...values);
  return Object.fromEntries(names.map((name) => [name, round(least(samples.get(name) ?? [0]))])) as Record<
    Name,
    number
  >; // same names
}

/** Three digits behind the point. */
export const round = (value: number): number => Math.round(value * 1_000) / 1_000;
