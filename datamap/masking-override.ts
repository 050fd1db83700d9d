/**
 * Whether Fides' masking strategy may be set on one field, and if not, why. Strategies that need a secret cannot be:
 * the secret belongs to a request's policy, which a dataset file does not know.
 *
 * @returns the reason of a refusal, or null
 * @see https://docs.ethyca.com for the strategies
 */
export function refuseMaskingOverride(strategy: string): string | null {
  if (withoutSecret.has(strategy)) return null;
  if (withSecret.has(strategy)) {
    return `masking strategy "${strategy}" needs a secret and cannot override a field; use ${[...withoutSecret].join(', ')}`;
  }
  return `masking strategy "${strategy}" is unknown; use ${[...withoutSecret].join(', ')}`;
}

const withoutSecret: ReadonlySet<string> = new Set([
  'null_rewrite',
  'random_string_rewrite',
  'string_rewrite',
]);
const withSecret: ReadonlySet<string> = new Set(['aes_encrypt', 'hash', 'hmac']);
