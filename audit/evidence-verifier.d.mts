/** Verifies an evidence pack that is read through `pack`. Throws an Error that names the first bad entry. */
export function verifyPack(pack: {
  readonly file: (path: string) => Promise<Uint8Array | null>;
  readonly lines: (path: string) => AsyncIterable<string>;
}): Promise<{
  readonly origin: string;
  readonly size: number;
  readonly from: number;
  readonly to: number;
  readonly groups: number;
  readonly pruned: number;
}>;
