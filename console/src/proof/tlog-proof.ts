import { concat, equal, fromBase64, sha256, type Bytes } from './bytes.ts';
import { parseCheckpoint } from './checkpoint.ts';
import { parseSignedNote } from './signed-note.ts';
import { logTag } from './tiles.ts';

/** A `.tlog-proof` file, read. @see https://c2sp.org/tlog-proof */
export type TlogProof = {
  readonly index: number;
  readonly hashes: readonly string[];
  readonly checkpoint: string;
  /** Of the checkpoint. */
  readonly size: number;
};

/** Reads a proof. @throws Error when it is not of that form */
export function parseTlogProof(text: string): TlogProof {
  const match =
    /^c2sp\.org\/tlog-proof@v1\n(?:extra [A-Za-z0-9+/]*={0,2}\n)?index (0|[1-9]\d{0,15})\n((?:[A-Za-z0-9+/]{43}=\n)*)\n([^]+)$/.exec(
      text,
    );
  if (match === null) throw new Error('the proof is not of the form c2sp.org/tlog-proof@v1');
  const [, index = '', hashes = '', checkpoint = ''] = match;
  const { size } = parseCheckpoint(parseSignedNote(checkpoint).text);
  return { index: Number(index), hashes: hashes.split('\n').filter((line) => line !== ''), checkpoint, size };
}

/** Whether a leaf of the platform log commits to a checkpoint of a tenant's log. @see docs/design/0010-platform-log.md */
export async function commitsTo(leaf: Bytes, checkpoint: string): Promise<boolean> {
  const { text } = parseSignedNote(checkpoint);
  const { origin } = parseCheckpoint(text);
  const digest = await sha256(concat(new TextEncoder().encode(text)));
  const lines = [
    'gatehouse-checkpoint/v1',
    `log ${toBase64(await logTag(origin))}`,
    `checkpoint ${toBase64(digest)}`,
  ];
  return equal(leaf, concat(new TextEncoder().encode(`${lines.join('\n')}\n`)));
}

const toBase64 = (bytes: Bytes): string => btoa(String.fromCharCode(...bytes));

/** Decodes what a proof holds as base64. */
export const decoded = (texts: readonly string[]): readonly Bytes[] => texts.map(fromBase64);
