/*
 * `gatehouse/crypto`: field encryption for programs of your own, with the data map as the only configuration.
 * See docs/crypto/package.md.
 */
export type { RootProvider, Tombstone } from '../crypto/index.ts';
export { connect, type ConnectOptions, type Vault } from './connect.ts';
export { indexTerms, openFields, sealFields, type SealedRow, type TenantVault } from './vault.ts';
