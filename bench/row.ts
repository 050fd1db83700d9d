/** One line of a benchmark: what we do, the bare primitive beneath it, and others doing the same in the same run. */
export type BenchRow = {
  /** What is measured, e.g. `seal 64-byte field`. */
  readonly work: string;
  /** `…/s` when more is better, otherwise a time per operation such as `us` or `ms`. */
  readonly unit: string;
  readonly ours: number;
  /** The primitive without our part around it; null where there is none. */
  readonly bare: number | null;
  /** Name of a peer → its value, in the same unit. */
  readonly peers: Readonly<Record<string, number>>;
  /** Ours against bare (or against the best peer where the goal says so), as the goal reads it. */
  readonly ratio: number | null;
  /** The goal in words, e.g. `>= 0.9 of bare`. */
  readonly goal: string;
  /** Whether this run met the goal; null where it could not be judged. */
  readonly holds: boolean | null;
};
