import { setTimeout as pause } from 'node:timers/promises';

const passing: ReadonlySet<unknown> = new Set(['40001', '40P01', '55P03']);

/** A deadlock, a serialisation failure or a lock not got: nothing was changed, so the batch runs again. */
export async function retried<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (attempt === 10 || !passing.has((error as { code?: unknown }).code)) throw error; // pg's errors carry SQLSTATE as code
      await pause(attempt * 10);
    }
  }
}
