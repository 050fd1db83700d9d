import { GatehouseError } from './errors.ts';
import type { Principal } from './principal.ts';

/** What a fresh authentication must be. */
export type StepUp = { readonly level: number; readonly maxAgeSeconds: number };

/** Reads what a `step_up` obligation demands: level 2 within 300 seconds where it does not say. */
export function stepUpOf(properties: Readonly<Record<string, unknown>>): StepUp {
  const { level = 2, maxAgeSeconds = 300 } = properties;
  return { level: Number(level), maxAgeSeconds: Number(maxAgeSeconds) };
}

/**
 * Refuses a principal whose authentication is too weak or too old; machines never satisfy a step-up, and what is not a
 * number refuses too.
 *
 * @throws ERR_STEP_UP_REQUIRED (401) with what the challenge needs
 * @see https://www.rfc-editor.org/rfc/rfc9470
 */
export function requireFreshAuthentication(principal: Principal, stepUp: StepUp, now: Date): void {
  const { level, maxAgeSeconds } = stepUp;
  const { authenticatedAt, level: held } = principal.assurance;
  const ageSeconds =
    authenticatedAt === null ? Infinity : (now.getTime() - authenticatedAt.getTime()) / 1_000;
  if (principal.kind === 'user' && held >= level && ageSeconds <= maxAgeSeconds) return;
  throw new GatehouseError(
    'ERR_STEP_UP_REQUIRED',
    `this action needs authentication of level ${level} within the last ${maxAgeSeconds} seconds; confirm it is you and try again`,
    { status: 401, details: { acrValues: `aal${level}`, maxAgeSeconds } },
  );
}
