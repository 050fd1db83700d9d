import { expect, test } from '@jest/globals';
import { createDeadlines } from './deadlines.ts';

const pause = (milliseconds: number): Promise<void> => new Promise((wake) => setTimeout(wake, milliseconds));

test('what is not ended is called back once, what is ended never, whatever the order', async () => {
  const deadlines = createDeadlines(30);
  const late: number[] = [];
  const ends = Array.from({ length: 20 }, (_, at) => deadlines.begin(() => late.push(at)));
  for (const at of [3, 0, 19, 7]) ends[at]?.();
  await pause(10);
  const later = deadlines.begin(() => late.push(99));
  later();
  await pause(120);
  expect(late).toEqual([1, 2, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18]);
  const again = deadlines.begin(() => late.push(100));
  await pause(120);
  again();
  expect(late.at(-1)).toBe(100);
});
