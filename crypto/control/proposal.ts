import { canonicalJson, sha256Hex, type CanonicalValue, type TenantId } from '../../kernel/index.ts';
import { cryptoError } from '../errors.ts';

const maxPayloadBytes = 65_536;
const maxReason = 500;

/** What the second person is shown, and what the digest covers. */
export type ShownProposal = {
  readonly tenantId: TenantId;
  readonly id: string;
  readonly action: string;
  /** Canonical JSON. */
  readonly payload: string;
  readonly reason: string;
  readonly proposedBy: string;
  readonly expiresAt: Date;
};

/**
 * The one byte form of a payload.
 *
 * @throws ERR_CRYPTO_INPUT for what has no canonical form (fractions) or is beyond 64 KiB
 */
export function canonicalPayload(payload: unknown): string {
  let text: string;
  try {
    text = canonicalJson(JSON.parse(JSON.stringify(payload ?? null)) as CanonicalValue); // what JSON.parse gives, but for fractions
  } catch (cause) {
    throw cryptoError('ERR_CRYPTO_INPUT', 'the payload of a proposal must be JSON without fractions', {
      cause,
    });
  }
  if (Buffer.byteLength(text) > maxPayloadBytes)
    throw cryptoError('ERR_CRYPTO_INPUT', `the payload of a proposal has more than ${maxPayloadBytes} bytes`);
  return text;
}

/** @throws ERR_CRYPTO_INPUT */
export function requireReason(reason: string): void {
  if (reason.trim() === '' || reason.length > maxReason)
    throw cryptoError('ERR_CRYPTO_INPUT', `the reason must have 1 to ${maxReason} characters`);
}

/** SHA-256 over the canonical proposal, lower-case hex: changes with anything that the second person was shown. */
export function digestOf(proposal: ShownProposal): string {
  const { tenantId, id, action, payload, reason, proposedBy, expiresAt } = proposal;
  return sha256Hex(
    `gatehouse/approval/1\n${canonicalJson({ tenantId, id, action, payload, reason, proposedBy, expiresAt: expiresAt.toISOString() })}`,
  );
}
