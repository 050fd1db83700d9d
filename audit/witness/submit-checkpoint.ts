import { isSignedBy, parseNote, parseSignatureLines, type NoteVerifier } from '../signed-note.ts';

/** A checkpoint on its way to a witness. */
export type Submission = {
  /** Submission prefix of the witness. */
  readonly url: string;
  readonly verifier: NoteVerifier;
  readonly note: string;
  readonly size: number;
  /** The size the witness saw last, as far as we know; 0 when we do not. */
  readonly oldSize: number;
  /** Consistency from a size (1..size) to the checkpoint's. */
  readonly prove: (from: number) => Promise<readonly Buffer[]>;
  readonly timeoutMilliseconds?: number;
};

/** What a witness said. */
export type SubmissionOutcome =
  | { readonly kind: 'cosigned'; readonly line: string; readonly knownSize: number }
  /** It saw a larger log than we have, or another one of this size: ours was rolled back, or forked. */
  | { readonly kind: 'contradicted'; readonly witnessSize: number; readonly detail: string }
  /** It does not do what we ask; asking the same again will not help soon. */
  | { readonly kind: 'refused'; readonly detail: string }
  /** It could not be asked. */
  | { readonly kind: 'unreachable'; readonly detail: string };

const defaultTimeoutMilliseconds = 5_000;
const maxAnswerBytes = 64 * 1024;
/** How often a witness may name another size before we come back later: others of our replicas submit too. */
const maxAttempts = 4;

/**
 * Submits a checkpoint with the log's Ed25519 signature alone, since some witnesses take at most 10 KiB; follows the
 * size that a witness names in a 409.
 *
 * @see https://c2sp.org/tlog-witness#add-checkpoint
 */
export async function submitCheckpoint(submission: Submission): Promise<SubmissionOutcome> {
  const { size } = submission;
  let from = Math.min(submission.oldSize, size);
  try {
    for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
      const answer = await post(submission, from);
      if (answer.status === 200) return readCosignature(submission, answer.text);
      if (answer.status !== 409) return explain(answer, from);
      const named = /^(0|[1-9]\d{0,15})\n?$/.exec(answer.text)?.[1];
      if (named === undefined) return { kind: 'refused', detail: 'it answered 409 without a size' };
      from = Number(named);
      if (from > size)
        return {
          kind: 'contradicted',
          witnessSize: from,
          detail: `the witness saw ${from} leaves, we have ${size}`,
        };
    }
    return { kind: 'unreachable', detail: 'the witness moved on while it was asked' };
  } catch (error) {
    return { kind: 'unreachable', detail: error instanceof Error ? error.message.slice(0, 200) : 'failed' };
  }
}

type Answer = { readonly status: number; readonly text: string };

async function post(
  { url, note, size, prove, timeoutMilliseconds }: Submission,
  from: number,
): Promise<Answer> {
  const hashes = from === 0 || from === size ? [] : await prove(from);
  const proof = hashes.map((hash) => `${hash.toString('base64')}\n`).join('');
  const response = await fetch(`${url}/add-checkpoint`, {
    method: 'POST',
    headers: { 'content-type': 'text/plain; charset=utf-8' },
    body: `old ${from}\n${proof}\n${withEd25519Only(note)}`,
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMilliseconds ?? defaultTimeoutMilliseconds),
  });
  return { status: response.status, text: await readBounded(response) };
}

async function readBounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > maxAnswerBytes) throw new Error(`the witness answered more than ${maxAnswerBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function readCosignature({ note, verifier, size }: Submission, text: string): SubmissionOutcome {
  const data = Buffer.from(parseNote(note).text, 'utf8');
  const mine = parseSignatureLines(text).find((line) => isSignedBy(line, verifier));
  if (mine === undefined) return { kind: 'refused', detail: 'it answered without a cosignature of its key' };
  if (!verifier.verify(data, mine.signature))
    return { kind: 'refused', detail: 'its cosignature does not hold' };
  return { kind: 'cosigned', line: mine.line, knownSize: size };
}

function explain({ status, text }: Answer, from: number): SubmissionOutcome {
  const detail = `it answered ${status} ${text.trim().slice(0, 150)}`;
  if (status === 422) return { kind: 'contradicted', witnessSize: from, detail };
  return { kind: status >= 500 || status === 429 ? 'unreachable' : 'refused', detail };
}

/** The note without signatures of other kinds. */
export function withEd25519Only(note: string): string {
  const { text, signatures } = parseNote(note);
  const kept = signatures.filter(({ signature }) => signature.length === ed25519SignatureBytes);
  return `${text}\n${kept.map(({ line }) => line).join('')}`;
}

const ed25519SignatureBytes = 64;
