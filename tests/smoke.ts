import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startHouse, type House } from './support/house-process.ts';

/** `npm start` as a person runs it: ready within a minute once installed, gone within five seconds of SIGTERM. */
const readyWithinMilliseconds = 60_000;

async function smoke(): Promise<readonly string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-smoke-'));
  try {
    const house = await startHouse({
      command: ['npm', 'start'],
      logFile: join(folder, 'log.txt'),
      readyWithinMilliseconds,
    });
    console.log(`smoke: ready after ${house.readyAfterMilliseconds} ms at ${house.url}`);
    const problems = await look(house);
    const stoppedAt = performance.now();
    problems.push(...(await house.stop()));
    console.log(`smoke: ended ${Math.round(performance.now() - stoppedAt)} ms after SIGTERM`);
    return problems;
  } catch (error) {
    return [(error as Error).message]; // startHouse throws Errors
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function look(house: House): Promise<string[]> {
  const problems: string[] = [];
  for (const [path, status] of [
    ['/health/live', 200],
    ['/', 200],
    ['/openapi.json', 200],
    ['/v1/audit/events', 401],
  ] as const) {
    const answer = await fetch(`${house.url}${path}`, { signal: AbortSignal.timeout(10_000) });
    await answer.arrayBuffer();
    if (answer.status !== status) problems.push(`${path} answered ${answer.status} instead of ${status}`);
  }
  const bootstrap = JSON.parse(await readFile(house.bootstrapFile, 'utf8')) as {
    tenants?: readonly unknown[];
  }; // its documented shape
  if (bootstrap.tenants?.length !== 2) problems.push('bootstrap.json does not name two tenants');
  return problems;
}

const problems = await smoke();
for (const problem of problems) console.log(`FAILED: smoke: ${problem}`);
console.log(problems.length === 0 ? '1 passed, 0 failed' : `0 passed, ${problems.length} failed`);
process.exitCode = problems.length === 0 ? 0 : 1;
