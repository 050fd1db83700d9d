import { auditError } from './errors.ts';
import { verifyPack as check } from './evidence-verifier.mjs';
import { openZip } from './zip-reader.ts';

/** What a sound pack shows. */
export type PackReport = {
  readonly origin: string;
  readonly size: number;
  readonly from: number;
  readonly to: number;
  readonly groups: number;
  /** Events of the range that retention had let go before the pack was made. */
  readonly pruned: number;
};

/**
 * Verifies an evidence pack with the very code that travels in it, ours and not the pack's.
 *
 * @param vkey - the key the pack must be signed by; left out, the pack's own is taken and the answer rests on that
 * @throws ERR_AUDIT_CORRUPT naming the first bad entry
 */
export async function verifyPackFile(path: string, vkey?: string): Promise<PackReport> {
  const zip = await openZip(path);
  try {
    const file = async (name: string): Promise<Buffer | null> =>
      name === 'vkey.txt' && vkey !== undefined ? Buffer.from(vkey) : zip.file(name);
    return await check({ file, lines: zip.lines });
  } catch (cause) {
    const seq = /entry (\d+)/.exec(String((cause as Error).message))?.[1]; // it throws Errors only
    throw auditError('ERR_AUDIT_CORRUPT', String((cause as Error).message), {
      cause,
      details: seq === undefined ? {} : { seq: Number(seq) },
    });
  } finally {
    await zip.close();
  }
}
