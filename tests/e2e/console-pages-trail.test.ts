import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { formatSearch, parseSearch } from '../../console/src/pages/trail/parse-search.ts';
import { verifyCosignature } from '../../console/src/proof/cosignature.ts';
import { climbPlatform } from '../../console/src/proof/platform-ladder.ts';
import { parseSignedNote } from '../../console/src/proof/signed-note.ts';
import { verifyRows, type RowProof, type ShownRow } from '../../console/src/proof/verify-rows.ts';

const now = new Date('2026-11-23T12:00:00.000Z');

test('operators are taken out of the text, times become instants, the rest stays free text', () => {
  expect(parseSearch('big  action:dsr.* outcome:denied from:24h to:2026-11-23 file', now)).toEqual({
    filter: {
      action: 'dsr.*',
      outcome: 'denied',
      from: '2026-11-22T12:00:00.000Z',
      to: '2026-11-23T00:00:00.000Z',
      q: 'big file',
    },
    problems: [],
  });
});

test('a wrong operator is named, with the one that was probably meant', () => {
  const problem = (text: string): unknown => parseSearch(text, now).problems[0];
  expect(problem('outcme:denied')).toEqual({ kind: 'unknown', operator: 'outcme', nearest: 'outcome' });
  expect(problem('colour:red')).toMatchObject({ kind: 'unknown', nearest: null });
  expect(problem('outcome:maybe')).toMatchObject({ kind: 'outcome', operator: 'outcome' });
  expect(problem('subject:jane')).toMatchObject({ kind: 'subject' });
  expect(problem('trace:12')).toMatchObject({ kind: 'trace' });
  expect(problem('from:tomorrow')).toMatchObject({ kind: 'time', operator: 'from' });
  expect(problem('actor:')).toMatchObject({ kind: 'empty' });
  expect(problem('actor:a actor:b')).toMatchObject({ kind: 'twice' });
});

test('quoted words and addresses are text, whatever they look like', () => {
  expect(parseSearch('"colour:red" https://example.test/a', now)).toEqual({
    filter: { q: 'colour:red https://example.test/a' },
    problems: [],
  });
});

test('a filter that was written out reads back as itself', () => {
  const filter = { action: 'audit.*', outcome: 'failure', target: 'contact/4', q: 'two words' };
  expect(parseSearch(formatSearch(filter), now).filter).toEqual(filter);
});

const sha256 = (...parts: readonly Uint8Array[]): Buffer =>
  createHash('sha256').update(Buffer.concat(parts)).digest();
const leafOf = (entry: Uint8Array): Buffer => sha256(Buffer.of(0), entry);
const own = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(bytes);

function rootOf(leaves: readonly Buffer[]): Buffer {
  const [only] = leaves;
  if (leaves.length === 1 && only !== undefined) return only;
  const half = 2 ** (Math.ceil(Math.log2(leaves.length)) - 1);
  return sha256(Buffer.of(1), rootOf(leaves.slice(0, half)), rootOf(leaves.slice(half)));
}

const rowOf = (seq: number): ShownRow => ({
  seq,
  id: `id-${seq}`,
  occurredAt: '2026-11-23T10:00:00.000Z',
  receivedAt: '2026-11-23T10:00:00.001Z',
  action: 'identity.sign_in_succeeded',
  version: 1,
  category: 'iam',
  outcome: 'success',
  reason: null,
  requestId: null,
  actor: { id: `actor-${seq}` },
  targets: seq % 2 === 0 ? [] : [{ type: 'user', id: String(seq) }],
  subjects: [],
});
const entryOf = (row: ShownRow): Buffer => {
  const {
    seq: _seq,
    targets,
    subjects: _subjects,
    reason: _reason,
    requestId: _request,
    actor,
    ...rest
  } = row;
  return Buffer.from(
    JSON.stringify({
      ...rest,
      actor: { type: 'person', ...actor },
      ...(targets.length === 0 ? {} : { targets }),
    }),
  );
};

/** A log as its tiles, written from c2sp.org/tlog-tiles. */
function tilesOf(entries: readonly Buffer[]) {
  const levels: Buffer[][] = [entries.map(leafOf)];
  for (let level = levels[0] ?? []; level.length >= 256;) {
    const full = Math.floor(level.length / 256);
    level = Array.from({ length: full }, (_, at) => rootOf(level.slice(at * 256, at * 256 + 256)));
    levels.push(level);
  }
  return (path: string): Promise<Uint8Array<ArrayBuffer>> => {
    const [, kind = '', digits = '', width = '256'] = /^(\w+)\/(\d{3})(?:\.p\/(\d+))?$/.exec(path) ?? [];
    const [from, to] = [Number(digits) * 256, Number(digits) * 256 + Number(width)];
    if (kind !== 'entries')
      return Promise.resolve(own(Buffer.concat((levels[Number(kind)] ?? []).slice(from, to))));
    const parts = entries.slice(from, to).flatMap((entry) => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(entry.length);
      return [length, entry];
    });
    return Promise.resolve(own(Buffer.concat(parts)));
  };
}

async function verified(rows: readonly ShownRow[], entries: readonly Buffer[]) {
  const results = new Map<number, RowProof>();
  const checkpoint = { origin: 'log', size: entries.length, root: own(rootOf(entries.map(leafOf))) };
  await verifyRows(rows, checkpoint, tilesOf(entries), (seq, proof) => results.set(seq, proof));
  return results;
}

test('every row of logs of many sizes is verified from their tiles; what is newer says so', async () => {
  for (const size of [1, 2, 3, 7, 8, 31, 255, 256, 257, 513, 700]) {
    const rows = Array.from({ length: size + 1 }, (_, seq) => rowOf(seq));
    const results = await verified(rows, rows.slice(0, size).map(entryOf));
    const states = rows.map(({ seq }) => results.get(seq)?.state);
    expect(states).toEqual([...Array.from({ length: size }, () => 'verified'), 'later']);
  }
});

test('a row that says something else than the log is broken, and names the field', async () => {
  const rows = Array.from({ length: 20 }, (_, seq) => rowOf(seq));
  const entries = rows.map(entryOf);
  const lies: readonly Partial<ShownRow>[] = [
    { outcome: 'denied' },
    { actor: { id: 'somebody else' } },
    { targets: [] },
    { occurredAt: '2026-11-23T10:00:01.000Z' },
  ];
  for (const lie of lies) {
    const results = await verified([{ ...rowOf(5), ...lie }], entries);
    expect(results.get(5)).toEqual({
      state: 'broken',
      problem: `the log says another "${Object.keys(lie)[0]}"`,
    });
  }
});

test('an entry that was changed behind the checkpoint is broken', async () => {
  const rows = Array.from({ length: 20 }, (_, seq) => rowOf(seq));
  const forged = { ...rowOf(7), outcome: 'denied' };
  const results = new Map<number, RowProof>();
  const root = own(rootOf(rows.map((row) => leafOf(entryOf(row)))));
  const entries = rows.map((row) => entryOf(row.seq === 7 ? forged : row));
  await verifyRows([forged], { origin: 'log', size: 20, root }, tilesOf(entries), (seq, proof) =>
    results.set(seq, proof),
  );
  expect(results.get(7)).toMatchObject({ state: 'broken' });
});

type Signer = { readonly name: string; readonly vkey: string; readonly line: (text: string) => string };

function signerOf(name: string, type: 1 | 4, time = 1_700_000_000n): Signer {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const typed = Buffer.concat([Buffer.of(type), rawKey(publicKey)]);
  const id = sha256(Buffer.from(`${name}\n`), typed).subarray(0, 4);
  const stamp = Buffer.alloc(8);
  stamp.writeBigUInt64BE(time);
  return {
    name,
    vkey: `${name}+${id.toString('hex')}+${typed.toString('base64')}`,
    line: (text) => {
      const message = type === 1 ? text : `cosignature/v1\ntime ${time}\n${text}`;
      const signature = sign(null, Buffer.from(message), privateKey);
      const blob = type === 1 ? [id, signature] : [id, stamp, signature];
      return `\u2014 ${name} ${Buffer.concat(blob).toString('base64')}\n`;
    },
  };
}
const rawKey = (key: KeyObject): Buffer => Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url');

test('a cosignature holds only by its witness, over its text', async () => {
  const [log, witness, other] = [signerOf('log', 1), signerOf('w1', 4), signerOf('w1', 4)];
  const text = `log\n3\n${sha256(Buffer.from('root')).toString('base64')}\n`;
  const note = parseSignedNote(`${text}\n${log.line(text)}${witness.line(text)}`);
  expect(await verifyCosignature(note, witness.vkey)).toEqual({
    kind: 'verified',
    at: new Date(1_700_000_000_000),
  });
  expect(await verifyCosignature(note, other.vkey)).toEqual({ kind: 'absent' });
  const grown = parseSignedNote(`${text.replace('\n3\n', '\n4\n')}\n${log.line(text)}${witness.line(text)}`);
  expect(await verifyCosignature(grown, witness.vkey)).toEqual({ kind: 'broken' });
});

test('the second half of the ladder leads from a checkpoint to the platform log and its witness', async () => {
  const [tenant, platform, witness] = [signerOf('tenant', 1), signerOf('platform', 1), signerOf('w1', 4)];
  const tenantText = `tenant\n9\n${sha256(Buffer.from('t')).toString('base64')}\n`;
  const checkpoint = `${tenantText}\n${tenant.line(tenantText)}`;
  const leaf = Buffer.from(
    `gatehouse-checkpoint/v1\nlog ${sha256(Buffer.from('tenant')).toString('base64')}\ncheckpoint ${sha256(Buffer.from(tenantText)).toString('base64')}\n`,
  );
  const sibling = leafOf(Buffer.from('another'));
  const text = `platform\n2\n${sha256(Buffer.of(1), leafOf(leaf), sibling).toString('base64')}\n`;
  const proof = `c2sp.org/tlog-proof@v1\nindex 0\n${sibling.toString('base64')}\n\n${text}\n${platform.line(text)}${witness.line(text)}`;
  const input = {
    checkpoint,
    leaf: leaf.toString('base64'),
    platform: proof,
    platformVkeys: [platform.vkey],
    witnesses: [{ witness: 'W1', vkey: witness.vkey }],
  };
  const rungs = async (of: typeof input): Promise<readonly string[]> => {
    const found: string[] = [];
    for await (const { name, state } of climbPlatform(of)) found.push(`${name} ${state}`);
    return found;
  };
  expect(await rungs(input)).toEqual([
    'commitment verified',
    'platform-node verified',
    'platform-root verified',
    'platform-signature verified',
    'witness verified',
  ]);
  const otherText = tenantText.replace('\n9\n', '\n8\n');
  const other = `${otherText}\n${tenant.line(otherText)}`;
  expect(await rungs({ ...input, checkpoint: other })).toEqual(['commitment broken']);
  const unsigned = proof.replace(platform.line(text), '');
  expect((await rungs({ ...input, platform: unsigned })).at(-1)).toBe('platform-signature broken');
  const lonely = proof.replace(witness.line(text), '');
  expect((await rungs({ ...input, platform: lonely })).at(-1)).toBe('witness absent');
});
