import { equal, fromBase64, toHex } from './bytes.ts';
import { parseCheckpoint } from './checkpoint.ts';
import { verifyCosignature } from './cosignature.ts';
import { rung, untilBroken, type Rung } from './ladder.ts';
import { climb, hashLeaf } from './merkle.ts';
import { parseSignedNote, parseVerifierKey, verifyNote } from './signed-note.ts';
import { commitsTo, decoded, parseTlogProof } from './tlog-proof.ts';

/** What leads from a tenant's checkpoint to the witnesses. */
export type PlatformInput = {
  /** The tenant's checkpoint, which the first half of the ladder ended at. */
  readonly checkpoint: string;
  /** The leaf of the platform log, base64. */
  readonly leaf: string;
  /** Its `.tlog-proof`. */
  readonly platform: string;
  readonly platformVkeys: readonly string[];
  readonly witnesses: readonly { readonly witness: string; readonly vkey: string }[];
};

/** Climbs from a tenant's signed checkpoint to the platform log's and to the witnesses that cosigned it. */
export function climbPlatform(input: PlatformInput): AsyncGenerator<Rung> {
  return untilBroken(rungsOf(input), 'platform-checkpoint');
}

async function* rungsOf(input: PlatformInput): AsyncGenerator<Rung> {
  const leaf = fromBase64(input.leaf);
  const proof = parseTlogProof(input.platform);
  const leafHash = await hashLeaf(leaf);
  yield rung(
    'commitment',
    await commitsTo(leaf, input.checkpoint),
    toHex(leafHash),
    'the leaf of the platform log is not the hash of this checkpoint',
  );
  const steps = await climb(proof.index, proof.size, leafHash, decoded(proof.hashes));
  for (const { side, sibling, result } of steps)
    yield {
      name: 'platform-node',
      state: 'verified',
      hash: toHex(result),
      sibling: { side, hash: toHex(sibling) },
    };
  const note = parseSignedNote(proof.checkpoint);
  const checkpoint = parseCheckpoint(note.text);
  const root = steps.at(-1)?.result ?? leafHash;
  yield rung(
    'platform-root',
    equal(root, checkpoint.root),
    toHex(root),
    'the climb does not end at the root of the platform checkpoint',
  );
  const [vkey = ''] = input.platformVkeys.filter((one) => one.startsWith(`${checkpoint.origin}+`));
  const key = await parseVerifierKey(vkey);
  yield rung(
    'platform-signature',
    await verifyNote(note, key),
    `${checkpoint.origin} · ${checkpoint.size}`,
    'the signature does not belong to the key of the platform log',
  );
  for (const { witness, vkey: witnessKey } of input.witnesses)
    yield await witnessRung(note, witness, witnessKey);
}

async function witnessRung(
  note: ReturnType<typeof parseSignedNote>,
  witness: string,
  vkey: string,
): Promise<Rung> {
  // A browser has no ML-DSA-44; such a witness is left to the verifier outside.
  const cosigned = await verifyCosignature(note, vkey).catch(() => ({ kind: 'absent' }) as const);
  if (cosigned.kind === 'verified')
    return {
      name: 'witness',
      state: 'verified',
      witness,
      hash: cosigned.at === null ? '' : cosigned.at.toISOString(),
    };
  if (cosigned.kind === 'absent') return { name: 'witness', state: 'absent', witness, hash: '' };
  return { ...rung('witness', false, '', 'the cosignature does not hold'), witness };
}
