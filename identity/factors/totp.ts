import { generateSecret, generateSync, generateURI, verifySync } from 'otplib';

/** Seconds of one time step. */
export const totpPeriodSeconds = 30;

/** A new 160-bit secret in Base32. */
export function newTotpSecret(): string {
  return generateSecret({ length: 20 });
}

/** What the authenticator app reads. @see https://github.com/google/google-authenticator/wiki/Key-Uri-Format */
export function totpUri(secret: string, account: string): string {
  return generateURI({ issuer: 'Gatehouse', label: account, secret });
}

/** The code that an authenticator shows; development prints it for its demo people. @param epochSeconds - seconds since 1970 */
export function totpCodeAt(secret: string, epochSeconds: number): string {
  return generateSync({ secret, epoch: Math.floor(epochSeconds) });
}

/**
 * The time step that a code proves, or null. Accepts the current and one past step, never one at or before `afterStep`.
 * The caller must still take the step in the database; this alone does not stop two parallel uses.
 *
 * @param epochSeconds - seconds since 1970
 * @param afterStep - last accepted step, 0 for none
 * @see https://www.rfc-editor.org/rfc/rfc6238#section-5.2
 */
export function provenTotpStep(
  secret: string,
  code: string,
  epochSeconds: number,
  afterStep: number,
): number | null {
  if (!/^[0-9]{6}$/.test(code)) return null;
  try {
    const epoch = Math.floor(epochSeconds);
    const result = verifySync({
      secret,
      token: code,
      epoch,
      epochTolerance: [totpPeriodSeconds, 0],
      afterTimeStep: afterStep,
    });
    // The result is an object and always truthy: only `valid` says yes.
    return result.valid && 'timeStep' in result ? result.timeStep : null;
  } catch {
    // otplib throws for malformed input, and when the clock went back behind the last step: both are a no.
    return null;
  }
}
