import { createReadStream } from 'node:fs';
import { canaries } from './canaries.ts';

/** A canary that came out. */
export type Leak = {
  readonly file: string;
  readonly line: number;
  readonly canary: string;
  readonly form: string;
};

const overlapBytes = 1_024;

/**
 * Searches files for every canary, as text, hex, base64, base64url and URL-encoded.
 *
 * @param files - absent files are passed over
 */
export async function scanLogs(
  files: readonly string[],
  values: Readonly<Record<string, string>> = canaries,
): Promise<readonly Leak[]> {
  const needles = Object.entries(values).flatMap(([canary, value]) => formsOf(canary, value));
  const found = await Promise.all(files.map((file) => scanFile(file, needles)));
  return found.flat();
}

type Needle = { readonly canary: string; readonly form: string; readonly text: string };

/** Base64 of a part of a longer text depends on where the part begins, so all three alignments are searched. */
function formsOf(canary: string, value: string): readonly Needle[] {
  const forms: Record<string, string> = {
    text: value,
    hex: Buffer.from(value).toString('hex'),
    'URL-encoded': encodeURIComponent(value),
    'JSON-escaped': JSON.stringify(value).slice(1, -1),
  };
  for (const shift of [0, 1, 2]) {
    for (const encoding of ['base64', 'base64url'] as const) {
      const encoded = Buffer.concat([Buffer.alloc(shift), Buffer.from(value)]).toString(encoding);
      forms[`${encoding} at ${shift}`] = encoded.slice(shift === 0 ? 0 : shift + 1, -4);
    }
  }
  const byText = new Map(
    Object.entries(forms)
      .map(([form, text]): [string, string] => [text, form])
      .toReversed(),
  );
  return [...byText].map(([text, form]) => ({ canary, form, text }));
}

async function scanFile(file: string, needles: readonly Needle[]): Promise<readonly Leak[]> {
  const leaks = new Map<string, Leak>();
  let line = 1;
  let tail = '';
  try {
    for await (const chunk of createReadStream(file, { encoding: 'utf8', highWaterMark: 1 << 20 })) {
      const text = tail + String(chunk);
      for (const needle of needles) {
        const at = text.indexOf(needle.text);
        if (at === -1) continue;
        const key = `${needle.canary} ${needle.form}`;
        const place = { file, line: line + countLines(text, at), canary: needle.canary, form: needle.form };
        if (!leaks.has(key)) leaks.set(key, place);
      }
      const kept = Math.max(0, text.length - overlapBytes);
      line += countLines(text, kept);
      tail = text.slice(kept);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error; // an errno error of node:fs
  }
  return [...leaks.values()];
}

function countLines(text: string, end: number): number {
  let lines = 0;
  for (let at = text.indexOf('\n'); at !== -1 && at < end; at = text.indexOf('\n', at + 1)) lines += 1;
  return lines;
}
