import { isGatehouseError } from '../../kernel/index.ts';
import { openCheckpoint } from '../checkpoint.ts';
import { sha256 } from '../hash.ts';
import { parseVerifierKey } from '../signed-note.ts';
import { verifyConsistency } from '../verify-proof.ts';
import type { PlatformLog } from '../platform/platform-log.ts';

/** A checkpoint with our own signature that our log, as it stands now, does not continue. */
export type ProvenContradiction = {
  readonly kind: 'rolled back' | 'forked';
  readonly size: number;
  readonly witnessSize: number;
};

const timeoutMilliseconds = 5_000;
const maxBytes = 64 * 1024;

/**
 * Fetches what a witness cosigned and looks whether our log continues it. Only a checkpoint with our own signature
 * counts, so that no witness can halt a log by its word; our head is read afterwards, so that what another process of
 * ours submitted meanwhile is no contradiction.
 *
 * @returns null when the witness shows nothing that contradicts us
 */
export async function proveContradiction(
  url: string,
  platform: PlatformLog,
): Promise<ProvenContradiction | null> {
  const { origin, vkey } = await platform.info();
  const hash = sha256(Buffer.from(origin, 'utf8')).toString('hex');
  const witnessed = await fetchNote(`${url}/${hash}/checkpoint`);
  if (witnessed === null) return null;
  try {
    const theirs = openCheckpoint(witnessed, parseVerifierKey(vkey));
    const ours = await platform.head();
    const sizes = { size: ours.size, witnessSize: theirs.size };
    if (theirs.size > ours.size) return { kind: 'rolled back', ...sizes };
    const hashes =
      theirs.size === ours.size || theirs.size === 0
        ? []
        : await platform.consistency(theirs.size, ours.size);
    return isContinued(theirs, ours, hashes) ? null : { kind: 'forked', ...sizes };
  } catch (error) {
    if (!isGatehouseError(error)) throw error;
    return null; // not signed by us
  }
}

type Tree = { readonly size: number; readonly root: Buffer };

function isContinued(theirs: Tree, ours: Tree, hashes: readonly Buffer[]): boolean {
  if (theirs.size === 0) return true;
  try {
    verifyConsistency({ size1: theirs.size, size2: ours.size, root1: theirs.root, root2: ours.root, hashes });
    return true;
  } catch (error) {
    if (!isGatehouseError(error)) throw error;
    return false;
  }
}

async function fetchNote(url: string): Promise<string | null> {
  try {
    const response = await fetch(url, {
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMilliseconds),
    });
    const bytes = Buffer.from(await response.arrayBuffer());
    return response.ok && bytes.length <= maxBytes ? bytes.toString('utf8') : null;
  } catch {
    return null; // it shows nothing
  }
}
