import { fromBase64, type Bytes } from './bytes.ts';

/** The body of a checkpoint. @see https://c2sp.org/tlog-checkpoint */
export type Checkpoint = { readonly origin: string; readonly size: number; readonly root: Bytes };

/** Reads origin, size and root hash. @throws Error when a line is malformed */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin = '', size = '', root = ''] = text.split('\n');
  if (origin === '') throw new Error('the checkpoint has no origin');
  if (!/^(0|[1-9][0-9]{0,15})$/.test(size)) throw new Error('the size of the checkpoint is not a number');
  const bytes = fromBase64(root);
  if (bytes.length !== 32) throw new Error('the root hash of the checkpoint is not 32 bytes');
  return { origin, size: Number(size), root: bytes };
}
