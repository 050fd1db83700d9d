import { hash } from 'node:crypto';
import type { VerifiedToken } from './verify-access-token.ts';

/** Tokens whose signature was found to hold, by digest; the tokens themselves are not kept. */
export type VerifiedTokens = {
  readonly find: (token: string) => VerifiedToken | null;
  readonly keep: (token: string, verified: VerifiedToken) => void;
  readonly forget: (token: string) => void;
};

const maxTokens = 10_000;

/**
 * Remembers that a signature holds, nothing else: times and the account are looked at on every call. For issuers whose
 * keys do not change during the life of the process.
 */
export function createVerifiedTokens(): VerifiedTokens {
  const tokens = new Map<string, VerifiedToken>();
  const keyOf = (token: string): string => hash('sha256', token, 'base64');
  return Object.freeze({
    find: (token: string) => tokens.get(keyOf(token)) ?? null,
    keep: (token: string, verified: VerifiedToken) => {
      if (tokens.size >= maxTokens)
        for (const oldest of tokens.keys()) {
          tokens.delete(oldest);
          break;
        }
      tokens.set(keyOf(token), verified);
    },
    forget: (token: string) => void tokens.delete(keyOf(token)),
  });
}
