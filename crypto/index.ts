export { createCrypto, type CryptoDeps } from './crypto.ts';
export { fromText, overheadBytes, toText } from './ct1.ts';
export type { CryptoErrorCode } from './errors.ts';
export { cryptoEvents } from './events.ts';
export type { CacheLimits } from './key-cache.ts';
export { createLocalProvider, type LocalProviderOptions } from './local-provider.ts';
export { normaliseForIndex, normaliseForSearch } from './normalise.ts';
export type { RootProvider } from './root-provider.ts';
export type * from './types.ts';
