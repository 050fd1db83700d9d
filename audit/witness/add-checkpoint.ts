import { isGatehouseError } from '../../kernel/index.ts';
import { parseCheckpointShape, type Checkpoint } from '../checkpoint-text.ts';
import type { Cosigner } from '../cosignature.ts';
import { emptyRoot } from '../hash.ts';
import { knownSigners, isSignedBy, parseNote, type NoteVerifier, type SignedNote } from '../signed-note.ts';
import { verifyConsistency } from '../verify-proof.ts';
import type { WitnessStore } from './witness-store.ts';

/** What an add-checkpoint call answers. @see https://c2sp.org/tlog-witness#add-checkpoint */
export type WitnessAnswer = {
  readonly status: 200 | 400 | 403 | 404 | 409 | 422;
  readonly contentType: string;
  readonly body: string;
};

/** A log that a witness watches, by origin, with the keys it may sign with. */
export type WatchedLogs = ReadonlyMap<string, readonly NoteVerifier[]>;

/** What a witness is made of. */
export type WitnessDeps = {
  readonly logs: WatchedLogs;
  readonly cosigners: readonly Cosigner[];
  readonly store: WitnessStore;
  readonly now: () => Date;
};

type Submission = {
  readonly oldSize: number;
  readonly proof: readonly Buffer[];
  readonly note: SignedNote;
  readonly checkpoint: Checkpoint;
};

const plain = 'text/plain; charset=utf-8';

/**
 * Looks at a checkpoint as the specification orders: origin, signature, sizes, proof; cosigns it after its size and root
 * are durable. Calls about one log take turns, so that check and note are one step.
 */
export async function addCheckpoint(deps: WitnessDeps, body: Buffer): Promise<WitnessAnswer> {
  const submission = parseSubmission(body);
  if (submission === null)
    return refuse(400, 'the body is not an old size, a proof, an empty line and a checkpoint');
  const { checkpoint, note } = submission;
  const keys = deps.logs.get(checkpoint.origin);
  if (keys === undefined) return refuse(404, 'this witness does not watch that log');
  const trusted = trustedLines(note, keys);
  if (trusted === null) return refuse(403, 'no trusted key of the log signed this, or a signature is wrong');
  if (submission.oldSize > checkpoint.size) return refuse(400, 'the old size exceeds the checkpoint');
  return deps.store.inTurn(checkpoint.origin, () => cosign(deps, submission, trusted));
}

async function cosign(
  { store, cosigners, now }: WitnessDeps,
  { oldSize, proof, note, checkpoint }: Submission,
  trusted: readonly string[],
): Promise<WitnessAnswer> {
  const { origin, size, root } = checkpoint;
  const last = await store.read(origin);
  const lastSize = last?.size ?? 0;
  if (lastSize !== oldSize) return { status: 409, contentType: 'text/x.tlog.size', body: `${lastSize}\n` };
  const lastRoot = last?.root ?? emptyRoot;
  const wrong = whyInconsistent({ oldSize, oldRoot: lastRoot, size, root, proof });
  if (wrong !== null) return refuse(422, wrong);
  const seconds = Math.floor(now().getTime() / 1000);
  const lines = cosigners.map((cosigner) => cosigner.line(note.text, seconds));
  await store.write(origin, { size, root, note: `${note.text}\n${[...trusted, ...lines].join('')}` });
  return { status: 200, contentType: plain, body: lines.join('') };
}

type Step = {
  readonly oldSize: number;
  readonly oldRoot: Buffer;
  readonly size: number;
  readonly root: Buffer;
  readonly proof: readonly Buffer[];
};

function whyInconsistent({ oldSize, oldRoot, size, root, proof }: Step): string | null {
  if (size === 0 && !root.equals(emptyRoot)) return 'an empty log has the root of the empty tree';
  if (oldSize === 0 && proof.length > 0) return 'from size zero there is nothing to prove';
  if (oldSize === size && !oldRoot.equals(root))
    return 'a checkpoint of this size with another root is known';
  if (oldSize === 0) return null;
  try {
    verifyConsistency({ size1: oldSize, size2: size, root1: oldRoot, root2: root, hashes: proof });
    return null;
  } catch (error) {
    if (!isGatehouseError(error)) throw error;
    return error.message;
  }
}

/** The lines of trusted keys; null when there are none, or one of them is wrong. */
function trustedLines({ text, signatures }: SignedNote, keys: readonly NoteVerifier[]): string[] | null {
  try {
    if (knownSigners(text, signatures, keys).length === 0) return null;
  } catch {
    return null;
  }
  return signatures.filter((one) => keys.some((key) => isSignedBy(one, key))).map(({ line }) => line);
}

function parseSubmission(body: Buffer): Submission | null {
  const text = body.toString('utf8');
  const match = /^old (0|[1-9]\d{0,15})\n((?:[A-Za-z0-9+/]{43}=\n){0,63})\n([^]+)$/.exec(text);
  if (match === null || Buffer.byteLength(text) !== body.length) return null;
  const [, oldSize = '', hashes = '', checkpoint = ''] = match;
  const proof = hashes.split('\n').filter((line) => line !== '');
  const decoded = proof.map((line) => Buffer.from(line, 'base64'));
  if (!Number.isSafeInteger(Number(oldSize))) return null;
  if (decoded.some((hash, at) => hash.toString('base64') !== proof[at])) return null;
  try {
    const note = parseNote(checkpoint);
    return { oldSize: Number(oldSize), proof: decoded, note, checkpoint: parseCheckpointShape(note.text) };
  } catch (error) {
    if (!isGatehouseError(error)) throw error;
    return null;
  }
}

function refuse(status: 400 | 403 | 404 | 422, why: string): WitnessAnswer {
  return { status, contentType: plain, body: `${why}\n` };
}
