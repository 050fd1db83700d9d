import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../kernel/index.ts';
import type { Flow } from './sequencer-flow.ts';

const baseMilliseconds = 10;
const capMilliseconds = 2_000;

/** Waits from 10 ms to 2 s, doubling with every failure in a row, with jitter. */
export function createPause(flow: Flow, logger: Logger): (error: unknown) => Promise<void> {
  return async (error) => {
    flow.failures += 1;
    flow.trouble = 'the log cannot be written at the moment';
    logger.warn('writing the log failed; trying again', { error, failures: flow.failures });
    const cap = Math.min(capMilliseconds, baseMilliseconds * 2 ** Math.min(flow.failures, 10));
    await sleep(cap / 2 + Math.random() * (cap / 2));
  };
}

/** A moment between two writers who met, so that they do not meet again. */
export async function stepAside(): Promise<void> {
  await sleep(Math.random() * baseMilliseconds);
}
