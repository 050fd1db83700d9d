import type { Crypto } from '../crypto/index.ts';

/** What the log needs of `crypto/`. */
export type AuditCrypto = Pick<Crypto, 'seal' | 'open' | 'signingKey' | 'warm'>;
