/**
 * Strings that tests plant where a secret or a person's data stands. After every run all log output is searched for
 * them: one that is found was written in clear where it must not be. Plant these instead of inventing values.
 */
export const canaries = Object.freeze({
  /** A field's plaintext, such as a first name. */
  plaintext: 'Wilhelmina Kanarek-Plaintext-8f31',
  /** A mail address. */
  email: 'kanarek.7c25@plaintext-mail.example',
  /** A telephone number. */
  phone: '+48 555 739 2846',
  /** A password, a passphrase. */
  password: 'kanarek-password-Vy9-4be1-Qz',
  /** A client secret, an API key, a bearer token. */
  secret: 'kanarek-secret-2d7fb0c46e9a4180',
  /** 32 bytes that stand for a key; searched as text, hex and base64. */
  key: 'kanarek-key-32-bytes-5ab1e97c03d',
});

/** The canary key as bytes. */
export const canaryKey: Buffer = Buffer.from(canaries.key, 'ascii');
