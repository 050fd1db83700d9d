import { test } from '@jest/globals';

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
