import type { Logger } from '../kernel/index.ts';

/** Longer than any step takes while its dependencies answer. */
const patienceMilliseconds = 15_000;

/**
 * One step of the way out: a failure is reported and the next step still happens. So does one that does not come to an
 * end, such as writing to a database that went away: a process that was told to stop must stop.
 *
 * @param milliseconds - how long the step is waited for
 */
export async function stopStep(
  logger: Logger,
  what: string,
  work: () => Promise<unknown>,
  milliseconds: number = patienceMilliseconds,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), milliseconds);
  });
  try {
    if ((await Promise.race([work(), late])) === 'late')
      logger.error(`${what} took longer than ${milliseconds / 1_000} seconds and is left undone`);
  } catch (error) {
    logger.error(`${what} failed`, { error });
  } finally {
    clearTimeout(timer);
  }
}
