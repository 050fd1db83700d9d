export type { Approval, ApprovalState } from './control/approval.ts';
export { createColumnAdministration, type ColumnAdministration } from './columns/administration.ts';
export {
  createColumnMigrations,
  readPhases as readColumnPhases,
  type ColumnMigrations,
} from './columns/column-migrations.ts';
export type { ColumnTarget, ColumnTargets } from './columns/column-target.ts';
export { createColumnRoutes, dropPlaintextAction } from './columns/routes.ts';
export type { StoredMigration } from './columns/store.ts';
export {
  createDualControl,
  type Approved,
  type DualControl,
  type Executor,
  type Executors,
  type Proposal,
} from './control/dual-control.ts';
export { createKeyInventory } from './control/inventory/key-inventory.ts';
export { parseCryptoperiods, type Cryptoperiods } from './control/inventory/cryptoperiods.ts';
export { awaitingSchema, awaitingSecondPerson } from './control/schema.ts';
export { createCrypto, type CryptoDeps } from './crypto.ts';
export type { EpochLife, Erasure, LifeOfKeys } from './erasure/erasure.ts';
export type { Horizon, HorizonBasis } from './erasure/horizon.ts';
export type { Reconciliation, ShredLedger } from './erasure/ledger/shred-ledger.ts';
export type { StandingSchedule } from './erasure/schedule.ts';
export { fromText, toText } from './ct1.ts';
export type { CryptoErrorCode } from './errors.ts';
export { fileHeadBytes, isFile, takeHead } from './files/file-head.ts';
export { cryptoEvents } from './events.ts';
export { readInventory } from './inventory.ts';
export type { CacheLimits } from './key-cache.ts';
export { createAwsKmsProvider, type AwsKmsOptions } from './providers/aws-kms.ts';
export { createPkcs11Provider, type Pkcs11Options } from './providers/pkcs11.ts';
export { createVaultTransitProvider, type VaultTransitOptions } from './providers/vault-transit.ts';
export type { CallReport } from './providers/guarded-provider.ts';
export { sealedError, type HouseSeal, type SealStatus, type Unsealing } from './providers/house-seal.ts';
export { houseUnsealed } from './providers/events.ts';
export {
  createLocalProvider,
  type LocalProvider,
  type LocalProviderOptions,
} from './providers/local-provider.ts';
export { reseal, type PresentSeal, type ResealPlace, type WantedSeal } from './providers/reseal.ts';
export { normaliseForIndex, normaliseForSearch } from './normalise.ts';
export {
  createMutualTlsAgent,
  type MutualTlsAgent,
  type MutualTlsAgentOptions,
} from './pki/mutual-tls-agent.ts';
export type { Refusal as MutualTlsRefusal } from './pki/mutual-tls-judge.ts';
export {
  createMutualTlsServer,
  type MutualTlsServer,
  type MutualTlsServerOptions,
} from './pki/mutual-tls-server.ts';
export { createPki, type Pki } from './pki/pki.ts';
export { createPkiRoutes } from './pki/routes.ts';
export type { MutualTlsMaterial } from './pki/types.ts';
export type { ProviderCall, RootProvider } from './root-provider.ts';
export { createCryptoRoutes, type CryptoRoutesDeps } from './routes.ts';
export type { SealedTable, SealedTables } from './sealed-table.ts';
export type * from './types.ts';
