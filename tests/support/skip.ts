import { describe, test } from '@jest/globals';

type Body = () => void | Promise<void>;

/**
 * Declares a test that runs only where its parts are to be had, and otherwise shows in the runner's last lines.
 *
 * @param missing - null to run; else why not, e.g. `SoftHSM2 is not installed`
 */
export function testUnless(
  missing: string | null,
  title: string,
  body: Body,
  timeoutMilliseconds?: number,
): void {
  if (missing === null) test(title, body, timeoutMilliseconds);
  else test.skip(`${title} [skipped: ${missing}]`, body);
}

/**
 * As {@link testUnless} for a whole block, whose body is not even read when its parts are missing.
 *
 * @param missing - null to run; else why not
 */
export function describeUnless(missing: string | null, title: string, body: () => void): void {
  if (missing === null) describe(title, body);
  else testUnless(missing, title, () => undefined);
}
