import { auditError } from '../errors.ts';
import { noteKeyTypes, parseNoteKey, type NoteKey } from '../note-keys.ts';
import { createVerifier, knownSigners, parseNote, type NoteVerifier } from '../signed-note.ts';

/** A log that a policy trusts. */
export type PolicyLog = { readonly verifier: NoteVerifier; readonly url: string | null };
/** A witness that a policy knows. */
export type PolicyWitness = {
  readonly name: string;
  /** As it stands in the policy. */
  readonly vkey: string;
  readonly verifier: NoteVerifier;
  readonly url: string | null;
};
/** So many of these members, witnesses or groups. */
type Group = { readonly name: string; readonly threshold: number; readonly members: readonly string[] };

/** Which logs are known, which witnesses, and how many of them must have cosigned. @see https://c2sp.org/tlog-policy */
export type WitnessPolicy = {
  readonly logs: readonly PolicyLog[];
  readonly witnesses: readonly PolicyWitness[];
  readonly quorum: string;
  /** Whether cosignatures of these witnesses (by their names in the policy) suffice. */
  readonly isMet: (cosigned: ReadonlySet<string>) => boolean;
};

const maxLines = 2_000;
const maxLineBytes = 10_000;

type Draft = {
  readonly logs: PolicyLog[];
  readonly witnesses: PolicyWitness[];
  readonly groups: Map<string, Group>;
  readonly grouped: Set<string>;
  /** Raw public keys that stand in it, in hex: two lines may not share one. */
  readonly keys: Set<string>;
  quorum: string | null;
};

/** Reads a policy file, strictly. @throws ERR_AUDIT_INVALID_POLICY naming the line */
export function parsePolicy(bytes: Buffer): WitnessPolicy {
  if (bytes.some((byte) => (byte < 0x20 && byte !== 0x09 && byte !== 0x0a) || byte === 0x7f))
    throw refuse(0, 'it holds control characters');
  const text = bytes.toString('latin1'); // names are opaque octets
  if (text !== '' && !text.endsWith('\n')) throw refuse(0, 'its last line does not end in a newline');
  const lines = text.split('\n').slice(0, -1);
  if (lines.length > maxLines) throw refuse(0, `it has more than ${maxLines} lines`);
  const draft: Draft = {
    logs: [],
    witnesses: [],
    groups: new Map(),
    grouped: new Set(),
    keys: new Set(),
    quorum: null,
  };
  for (const [at, line] of lines.entries()) {
    if (line.length > maxLineBytes) throw refuse(at + 1, `it is longer than ${maxLineBytes} bytes`);
    const words = line.split(/[ \t]+/).filter((word) => word !== '');
    if (words.length === 0 || words[0]?.startsWith('#') === true) continue;
    readLine(draft, words, at + 1);
  }
  const { quorum, logs, witnesses } = draft;
  if (quorum === null) throw refuse(0, 'it has no quorum line');
  return Object.freeze({
    logs,
    witnesses,
    quorum,
    isMet: (cosigned: ReadonlySet<string>) => quorum === 'none' || isMet(draft, quorum, cosigned),
  });
}

function readLine(draft: Draft, words: readonly string[], number: number): void {
  const [keyword, ...rest] = words;
  if (keyword === 'log') return readLog(draft, rest, number);
  if (keyword === 'witness') return readWitness(draft, rest, number);
  if (keyword === 'group') return readGroup(draft, rest, number);
  if (keyword === 'quorum') return readQuorum(draft, rest, number);
  throw refuse(number, `"${keyword}" is not log, witness, group or quorum`);
}

function readLog(draft: Draft, words: readonly string[], number: number): void {
  const [vkey = '', url = null, ...more] = words;
  if (vkey === '' || more.length > 0) throw refuse(number, 'a log line is: log <vkey> [<url>]');
  const key = readKey(draft, vkey, number);
  if (key.type === noteKeyTypes.cosignatureV1)
    throw refuse(number, 'a log does not sign with a key for cosignatures (type 4)');
  draft.logs.push({ verifier: createVerifier(key), url: readUrl(url, number) });
}

function readWitness(draft: Draft, words: readonly string[], number: number): void {
  const [name = '', vkey = '', url = null, ...more] = words;
  if (vkey === '' || more.length > 0)
    throw refuse(number, 'a witness line is: witness <name> <vkey> [<url>]');
  requireNewName(draft, name, number);
  const key = readKey(draft, vkey, number);
  if (key.type === noteKeyTypes.ed25519)
    throw refuse(number, 'a witness signs with a key for cosignatures (type 4 or 6), not type 1');
  draft.witnesses.push({ name, vkey, verifier: createVerifier(key), url: readUrl(url, number) });
}

function readGroup(draft: Draft, words: readonly string[], number: number): void {
  const [name = '', kind = '', ...members] = words;
  if (members.length === 0) throw refuse(number, 'a group line is: group <name> all|any|<k> <name>...');
  requireNewName(draft, name, number);
  for (const member of members) {
    if (!isDefined(draft, member)) throw refuse(number, `"${member}" is not defined above`);
    if (draft.grouped.has(member)) throw refuse(number, `"${member}" is a member of a group already`);
    draft.grouped.add(member);
  }
  draft.groups.set(name, { name, threshold: readThreshold(kind, members.length, number), members });
}

function readThreshold(kind: string, members: number, number: number): number {
  if (kind === 'all') return members;
  if (kind === 'any') return 1;
  if (!/^[1-9]\d{0,5}$/.test(kind) || Number(kind) > members)
    throw refuse(number, `"${kind}" is not all, any or a number from 1 to ${members}`);
  return Number(kind);
}

function readQuorum(draft: Draft, words: readonly string[], number: number): void {
  const [name = '', ...more] = words;
  if (name === '' || more.length > 0) throw refuse(number, 'a quorum line is: quorum <name>');
  if (draft.quorum !== null) throw refuse(number, 'there is a quorum line already');
  if (name !== 'none' && !isDefined(draft, name)) throw refuse(number, `"${name}" is not defined above`);
  draft.quorum = name;
}

function readKey(draft: Draft, vkey: string, number: number): NoteKey {
  let key: NoteKey;
  try {
    key = parseNoteKey(Buffer.from(vkey, 'latin1').toString('utf8'));
  } catch (cause) {
    throw refuse(number, 'the verifier key is not Ed25519 or ML-DSA-44 in signed-note form', cause);
  }
  const hex = key.publicKey.toString('hex');
  if (draft.keys.has(hex)) throw refuse(number, 'this public key stands in the policy already');
  draft.keys.add(hex);
  return key;
}

function readUrl(url: string | null, number: number): string | null {
  if (url === null) return null;
  if (!/^https?:\/\//.test(url) || !URL.canParse(url))
    throw refuse(number, `"${url.slice(0, 80)}" is not an http or https address`);
  return url.replace(/\/+$/, '');
}

function requireNewName(draft: Draft, name: string, number: number): void {
  if (name === 'none') throw refuse(number, '"none" is a name of its own and cannot be given');
  if (isDefined(draft, name)) throw refuse(number, `the name "${name}" is taken`);
}

function isDefined({ witnesses, groups }: Draft, name: string): boolean {
  return groups.has(name) || witnesses.some((witness) => witness.name === name);
}

function isMet(draft: Draft, name: string, cosigned: ReadonlySet<string>): boolean {
  const group = draft.groups.get(name);
  if (group === undefined) return cosigned.has(name);
  return group.members.filter((member) => isMet(draft, member, cosigned)).length >= group.threshold;
}

/**
 * Which witnesses of a policy cosigned a checkpoint, by their names in it.
 *
 * @throws ERR_AUDIT_INVALID_NOTE when a cosignature of a known witness is wrong
 */
export function cosignedBy(policy: WitnessPolicy, note: string): ReadonlySet<string> {
  const { text, signatures } = parseNote(note);
  const signed = new Set(
    knownSigners(
      text,
      signatures,
      policy.witnesses.map(({ verifier }) => verifier),
    ),
  );
  return new Set(policy.witnesses.filter(({ verifier }) => signed.has(verifier)).map(({ name }) => name));
}

function refuse(line: number, why: string, cause?: unknown): Error {
  const where = line === 0 ? 'the policy' : `line ${line} of the policy`;
  return auditError('ERR_AUDIT_INVALID_POLICY', `${where} is refused: ${why}; see c2sp.org/tlog-policy`, {
    cause,
  });
}
