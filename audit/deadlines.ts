/** Calls back when something took too long, with one timer for all that wait equally long. */
export type Deadlines = {
  /** @param onLate - called once, unless the returned function was called before */
  readonly begin: (onLate: () => void) => () => void;
};

type Waiting = { at: number; onLate: () => void; before: Waiting; after: Waiting };

/**
 * What began first is late first, so a ring in that order and one timer do; a timer for each of tens of thousands of
 * events a second would cost more than the hash of each. What ended leaves the ring at once, so that nothing of it
 * outlives its commit.
 *
 * @param milliseconds - how long each may take; called back up to a tenth later
 */
export function createDeadlines(milliseconds: number): Deadlines {
  const ring = createRing();
  let timer: NodeJS.Timeout | null = null;
  const look = (): void => {
    timer = null;
    const now = performance.now();
    for (let next = ring.after; next !== ring && next.at <= now; next = ring.after) {
      leave(next);
      next.onLate();
    }
    if (ring.after !== ring) arm();
  };
  const arm = (): void => {
    timer ??= setTimeout(look, Math.max(1, milliseconds / 10));
  };
  return Object.freeze({
    begin: (onLate: () => void) => {
      const waiting: Waiting = {
        at: performance.now() + milliseconds,
        onLate,
        before: ring.before,
        after: ring,
      };
      ring.before.after = waiting;
      ring.before = waiting;
      arm();
      return () => {
        leave(waiting);
        if (ring.after !== ring || timer === null) return;
        clearTimeout(timer);
        timer = null;
      };
    },
  });
}

function createRing(): Waiting {
  const ring = { at: Infinity, onLate: () => undefined } as unknown as Waiting; // closed in the next line
  return Object.assign(ring, { before: ring, after: ring });
}

/** Out of the ring; harmless when it left before. */
function leave(waiting: Waiting): void {
  waiting.before.after = waiting.after;
  waiting.after.before = waiting.before;
  waiting.before = waiting;
  waiting.after = waiting;
}
