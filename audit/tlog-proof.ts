import { auditError } from './errors.ts';
import { hashBytes } from './hash.ts';

/** That a leaf stands in a log, with the checkpoint that says so. @see https://c2sp.org/tlog-proof */
export type TlogProof = {
  readonly index: number;
  readonly hashes: readonly Buffer[];
  /** Verbatim, with all its signatures. */
  readonly checkpoint: string;
  /** Not authenticated; null when there is none. */
  readonly extra: Buffer | null;
};

const header = 'c2sp.org/tlog-proof@v1';
const maxHashes = 63;

/** The content of a `.tlog-proof` file. */
export function formatTlogProof({ index, hashes, checkpoint, extra }: TlogProof): string {
  const lines = [
    header,
    ...(extra === null ? [] : [`extra ${extra.toString('base64')}`]),
    `index ${index}`,
    ...hashes.map((hash) => hash.toString('base64')),
  ];
  return `${lines.join('\n')}\n\n${checkpoint}`;
}

/** Reads what {@link formatTlogProof} wrote. @throws ERR_AUDIT_INVALID_PROOF */
export function parseTlogProof(text: string): TlogProof {
  const match =
    /^c2sp\.org\/tlog-proof@v1\n(?:extra ([A-Za-z0-9+/]*={0,2})\n)?index (0|[1-9]\d{0,15})\n((?:[A-Za-z0-9+/]{43}=\n)*)\n([^]+)$/.exec(
      text,
    );
  if (match === null) throw refuse('it is not of the form c2sp.org/tlog-proof@v1');
  const [, extra, index = '', hashes = '', checkpoint = ''] = match;
  const decoded = hashes.split('\n').filter((line) => line !== '');
  if (decoded.length > maxHashes) throw refuse(`it has more than ${maxHashes} hashes`);
  const proof = {
    index: Number(index),
    hashes: decoded.map((line) => Buffer.from(line, 'base64')),
    checkpoint,
    extra: extra === undefined ? null : Buffer.from(extra, 'base64'),
  };
  const canonical =
    proof.hashes.every((hash) => hash.length === hashBytes) && formatTlogProof(proof) === text;
  if (!canonical || !Number.isSafeInteger(proof.index))
    throw refuse('a number or hash is not written the one way');
  return proof;
}

function refuse(why: string): Error {
  return auditError('ERR_AUDIT_INVALID_PROOF', `the proof is refused: ${why}`);
}
