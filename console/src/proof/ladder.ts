import { equal, fromBase64, toHex, type Bytes } from './bytes.ts';
import { parseCheckpoint } from './checkpoint.ts';
import { climb, hashLeaf } from './merkle.ts';
import { parseSignedNote, parseVerifierKey, verifyNote } from './signed-note.ts';

/** What an inclusion proof brings along. */
export type ProofInput = {
  readonly index: number;
  readonly treeSize: number;
  readonly leafHash: string;
  readonly hashes: readonly string[];
  readonly entry: string;
  readonly checkpoint: string;
  readonly vkey: string;
};

/** Names of the rungs, from the event up to the key. */
export type RungName =
  | 'entry'
  | 'leaf'
  | 'node'
  | 'root'
  | 'checkpoint'
  | 'signature'
  | 'commitment'
  | 'platform-node'
  | 'platform-root'
  | 'platform-checkpoint'
  | 'platform-signature'
  | 'witness';

/** One rung of the ladder: what was computed here and whether it holds. */
export type Rung = {
  readonly name: RungName;
  /** `absent`: a witness that has not cosigned this checkpoint, or whose kind of key a browser cannot check. */
  readonly state: 'verified' | 'broken' | 'absent';
  readonly hash: string;
  /** Of a witness: its name. */
  readonly witness?: string;
  /** For nodes: the sibling's side and hash. */
  readonly sibling?: { readonly side: 'left' | 'right'; readonly hash: string };
  /** Why it is broken. */
  readonly problem?: string;
};

/** A rung that holds, or is broken for a reason. */
export function rung(name: RungName, holds: boolean, hash: string, problem: string): Rung {
  return holds ? { name, state: 'verified', hash } : { name, state: 'broken', hash, problem };
}

/** Yields rungs until one is broken; an error breaks the rung that it stopped at. */
export async function* untilBroken(rungs: AsyncGenerator<Rung>, at: RungName): AsyncGenerator<Rung> {
  try {
    for await (const step of rungs) {
      yield step;
      if (step.state === 'broken') return;
    }
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    yield { name: at, state: 'broken', hash: '', problem };
  }
}

/** Hashes of proofs are base64 on the wire; hexadecimal of 64 digits is read as well. */
function readHash(text: string): Bytes {
  if (!/^[0-9a-f]{64}$/.test(text)) return fromBase64(text);
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/**
 * Climbs from an event to the signed checkpoint, one verified rung after the other; stops at the first broken one.
 *
 * @param shown the canonical bytes that the page shows, base64; they must be the proof's entry
 */
export function climbLadder(proof: ProofInput, shown: string): AsyncGenerator<Rung> {
  return untilBroken(rungsOf(proof, shown), 'checkpoint');
}

async function* rungsOf(proof: ProofInput, shown: string): AsyncGenerator<Rung> {
  const entry = fromBase64(proof.entry);
  yield rung(
    'entry',
    equal(entry, fromBase64(shown)),
    `${entry.length} B`,
    'the log holds other bytes than the page shows',
  );
  const leaf = await hashLeaf(entry);
  yield rung(
    'leaf',
    equal(leaf, readHash(proof.leafHash)),
    toHex(leaf),
    'the entry does not hash to its leaf',
  );
  const steps = await climb(proof.index, proof.treeSize, leaf, proof.hashes.map(readHash));
  for (const step of steps) {
    const sibling = { side: step.side, hash: toHex(step.sibling) };
    yield { name: 'node', state: 'verified', hash: toHex(step.result), sibling };
  }
  const note = parseSignedNote(proof.checkpoint);
  const checkpoint = parseCheckpoint(note.text);
  const root = steps.at(-1)?.result ?? leaf;
  yield rung(
    'root',
    equal(root, checkpoint.root),
    toHex(root),
    'the climb does not end at the root of the checkpoint',
  );
  const key = await parseVerifierKey(proof.vkey);
  const fits = checkpoint.size === proof.treeSize && checkpoint.origin === key.name;
  const body = `${checkpoint.origin} · ${checkpoint.size}`;
  yield rung('checkpoint', fits, body, 'the checkpoint speaks of another log or of another size');
  yield rung(
    'signature',
    await verifyNote(note, key),
    toHex(key.keyId),
    'the signature does not belong to the verifier key',
  );
}
