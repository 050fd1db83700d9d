/** What the thread that talks to the token is started with. */
export type Pkcs11Settings = {
  /** Path of the token maker's library. */
  readonly library: string;
  /** Label of the token, as it was initialised. */
  readonly token: string;
  readonly pin: string;
};

/** One piece of work for the thread; keys of an epoch carry one label. */
export type Pkcs11Work =
  | {
      readonly kind: 'wrap';
      readonly label: string;
      readonly binding: Uint8Array;
      readonly key: Uint8Array;
      readonly nonce: Uint8Array;
      /** CKA_ID of the key that is made when there is none. */
      readonly newId: Uint8Array;
    }
  | {
      readonly kind: 'unwrap';
      readonly label: string;
      readonly binding: Uint8Array;
      readonly wrapped: Uint8Array;
    }
  | { readonly kind: 'destroy'; readonly label: string; readonly at: string }
  | { readonly kind: 'health' };

/** Why a piece of work was not done. */
export type Pkcs11Failure = {
  /**
   * The key is gone or withheld; the PIN is wrong; it may pass by itself; it never will; a native part is missing.
   */
  readonly kind: 'revoked' | 'pin' | 'passing' | 'refused' | 'missing';
  readonly message: string;
  /** Name of the token's answer, e.g. `CKR_DEVICE_ERROR`; null when it was not asked. */
  readonly answer: string | null;
};

/** A piece of work on its way. */
export type Pkcs11Request = { readonly id: number; readonly work: Pkcs11Work };
/** Its outcome: bytes of `wrap` and `unwrap`, a time of `destroy`, words of `health`. */
export type Pkcs11Reply =
  | { readonly id: number; readonly value: Uint8Array | string }
  | { readonly id: number; readonly failure: Pkcs11Failure };

/** Form of a wrapped key: version, CKA_ID, nonce, ciphertext with tag. */
export const idBytes = 16;
/** See {@link idBytes}. */
export const gcmNonceBytes = 12;
const tagBytes = 16;
/** Exact length of a wrapped key of 32 bytes. */
export const wrappedBytes = 1 + idBytes + gcmNonceBytes + 32 + tagBytes;
/** The one version of the form. */
export const wrappedVersion = 1;
