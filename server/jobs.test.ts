import { expect, test } from '@jest/globals';
import { silentLogger } from '../kernel/index.ts';
import { startTicker } from './jobs.ts';

const idleMilliseconds = 60_000;

test('a ticker that is told to stop while its tick runs does not pause after it', async () => {
  const tick = Promise.withResolvers<number>();
  const ticker = startTicker({ name: 'slow', tick: () => tick.promise, idleMilliseconds }, silentLogger);
  const stopped = ticker.stop();
  tick.resolve(0);
  expect(await stopped).toBeUndefined(); // the pause is longer than a test may take
});

test('nor when that tick fails', async () => {
  const tick = Promise.withResolvers<number>();
  const ticker = startTicker({ name: 'broken', tick: () => tick.promise, idleMilliseconds }, silentLogger);
  const stopped = ticker.stop();
  tick.reject(new Error('planted'));
  expect(await stopped).toBeUndefined();
});

test('a ticker that pauses is woken to stop', async () => {
  let ticks = 0;
  const ticker = startTicker(
    {
      name: 'idle',
      tick: () => {
        ticks += 1;
        return Promise.resolve(0);
      },
      idleMilliseconds,
    },
    silentLogger,
  );
  await new Promise((turn) => setImmediate(turn));
  await ticker.stop();
  expect(ticks).toBe(1);
});
