/** Tells the time; domain code never asks the process directly. */
export type Clock = { readonly now: () => Date };

/** The machine's clock. */
export const systemClock: Clock = Object.freeze({ now: () => new Date() });
