/** Calls back when something took too long, with one timer for all that wait equally long. */
export type Deadlines = {
  /** @param onLate - called once, unless the returned function was called before */
  readonly begin: (onLate: () => void) => () => void;
};

type Waiting = { readonly at: number; onLate: (() => void) | null };

/**
 * What began first is late first, so a queue and one timer do; a timer for each of tens of thousands of events a second
 * would cost more than the hash of each.
 *
 * @param milliseconds - how long each may take; called back up to a tenth later
 */
export function createDeadlines(milliseconds: number): Deadlines {
  let queue: Waiting[] = [];
  let first = 0;
  let timer: NodeJS.Timeout | null = null;
  const look = (): void => {
    timer = null;
    const now = performance.now();
    for (
      let next = queue[first];
      next !== undefined && (next.onLate === null || next.at <= now);
      next = queue[first]
    ) {
      first += 1;
      next.onLate?.();
    }
    if (first > 0) queue = queue.slice(first);
    first = 0;
    if (queue.length > 0) arm();
  };
  const arm = (): void => {
    timer ??= setTimeout(look, Math.max(1, milliseconds / 10));
  };
  return Object.freeze({
    begin: (onLate: () => void) => {
      const waiting: Waiting = { at: performance.now() + milliseconds, onLate };
      queue.push(waiting);
      arm();
      return () => {
        waiting.onLate = null;
        if (queue.length > first && queue[first] === waiting) first += 1;
        if (first === queue.length) {
          queue = [];
          first = 0;
          if (timer !== null) clearTimeout(timer);
          timer = null;
        }
      };
    },
  });
}
