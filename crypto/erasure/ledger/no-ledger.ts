import type { Reconciliation, ShredLedger } from './shred-ledger.ts';

const nothing: Reconciliation = Object.freeze({
  agrees: true,
  files: 0,
  entries: 0,
  replayed: 0,
  requests: [],
  written: 0,
  unknownTenants: 0,
  findings: [],
});

/** Stands where no folder is configured: the ledger of the database is all there is. */
export const noLedger: ShredLedger = Object.freeze({
  record: () => undefined,
  reconcile: async () => nothing,
  tick: async () => 0,
  state: () => ({ ok: true, detail: 'no folder is configured; a restored backup cannot be found out' }),
  last: () => nothing,
  stop: async () => undefined,
});
