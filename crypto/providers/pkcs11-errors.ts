import type { Pkcs11Failure } from './pkcs11-messages.ts';

/** A piece of work that was not done; becomes a message of the thread. */
export class Pkcs11Problem extends Error {
  readonly failure: Pkcs11Failure;

  constructor(kind: Pkcs11Failure['kind'], message: string, answer: string | null = null) {
    super(message);
    this.failure = { kind, message, answer };
  }
}

const pin =
  'the token refuses the PIN; it is not tried again, because tokens lock themselves: correct it and restart';
const gone = 'the token has no such key any more, or its owner withdrew its use';

/** Answers of a token (PKCS#11 2.40, section 5.1) that say more than "no". */
const meanings: Readonly<Record<string, readonly [Pkcs11Failure['kind'], string]>> = {
  CKR_PIN_INCORRECT: ['pin', pin],
  CKR_PIN_INVALID: ['pin', pin],
  CKR_PIN_LEN_RANGE: ['pin', pin],
  CKR_PIN_LOCKED: ['pin', 'the token has locked the PIN; its security officer must set it anew'],
  CKR_PIN_EXPIRED: ['pin', 'the PIN has expired; set a new one at the token'],
  CKR_USER_PIN_NOT_INITIALIZED: ['pin', 'the token has no user PIN yet; initialise it'],
  CKR_KEY_FUNCTION_NOT_PERMITTED: ['revoked', gone],
  CKR_KEY_HANDLE_INVALID: ['revoked', gone],
  CKR_OBJECT_HANDLE_INVALID: ['revoked', gone],
  CKR_ENCRYPTED_DATA_INVALID: ['refused', 'the wrapped key is not authentic; nothing was opened'],
  CKR_MECHANISM_INVALID: ['refused', 'the token has no AES-GCM; another token or firmware is needed'],
};

/** Sessions that ended, devices that are away, memory that is short: a new session may do. */
const passing: ReadonlySet<string> = new Set([
  'CKR_HOST_MEMORY',
  'CKR_DEVICE_ERROR',
  'CKR_DEVICE_MEMORY',
  'CKR_DEVICE_REMOVED',
  'CKR_FUNCTION_CANCELED',
  'CKR_OPERATION_ACTIVE',
  'CKR_OPERATION_NOT_INITIALIZED',
  'CKR_SESSION_CLOSED',
  'CKR_SESSION_COUNT',
  'CKR_SESSION_HANDLE_INVALID',
  'CKR_TOKEN_NOT_PRESENT',
  'CKR_TOKEN_NOT_RECOGNIZED',
  'CKR_USER_NOT_LOGGED_IN',
  'CKR_CRYPTOKI_NOT_INITIALIZED',
]);

/** What an error of the native part comes to. */
export function pkcs11Failure(error: unknown): Pkcs11Failure {
  if (error instanceof Pkcs11Problem) return error.failure;
  const text = error instanceof Error ? error.message : '';
  const answer = /CKR_[A-Z0-9_]+/.exec(text)?.[0] ?? null;
  const known = answer === null ? undefined : meanings[answer];
  if (known !== undefined) return { kind: known[0], message: known[1], answer };
  if (answer !== null && passing.has(answer))
    return { kind: 'passing', message: `the token is not to be had just now (${answer})`, answer };
  return {
    kind: 'refused',
    message: `the token did not do it (${answer ?? 'no word of its own'}); look at its log`,
    answer,
  };
}
