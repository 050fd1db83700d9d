// Verifies a Gatehouse evidence pack. Unpack the zip, then:  node verify.mjs
// It needs nothing but Node.js (18 or newer), talks to nobody, and imports only node:crypto and node:fs.
//
// What it checks, in this order:
//   1. the checkpoint is signed by a key in vkey.txt (Ed25519, and ML-DSA-44 where Node.js knows it), and no signature of
//      such a key is wrong; signatures of other keys are ignored                       (c2sp.org/signed-note)
//   2. the tree hashes in tile/ lead to the root that the checkpoint signs             (RFC 6962, c2sp.org/tlog-tiles)
//   3. every entry in tile/entries/ has the leaf hash that stands in tile/0/
//   4. events.ndjson holds exactly the entries of the range in statement.json, none left out, none changed
//      where statement.json says that older entries were pruned (minimumIndex), what is left is checked one by one
//   5. every disclosed personal value matches the commitment in its entry
// Compare vkey.txt with the key you got from the log's operator, or saw earlier: that is what the trust rests on.
import { createHash, createPublicKey, verify } from 'node:crypto';
import { createReadStream, existsSync, readFileSync } from 'node:fs';

const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
const leafHash = (entry) => sha256(Buffer.of(0), entry);
const nodeHash = (left, right) => sha256(Buffer.of(1), left, right);
const split = (tile) =>
  Array.from({ length: tile.length / 32 }, (_, at) => tile.subarray(at * 32, at * 32 + 32));
/** What stands before a raw key in its DER form, by type: 1 Ed25519, 6 ML-DSA-44. */
const spkiPrefixes = {
  1: '302a300506032b6570032100',
  6: '30820532300b06096086480165030403110382052100',
};
const fail = (message) => {
  throw new Error(message);
};

/** RFC 6962 section 2.1: the root over hashes that each stand for equally many leaves. */
function treeRoot(hashes) {
  if (hashes.length === 0) return sha256(Buffer.alloc(0));
  if (hashes.length === 1) return hashes[0];
  let half = 1;
  while (half * 2 < hashes.length) half *= 2;
  return nodeHash(treeRoot(hashes.slice(0, half)), treeRoot(hashes.slice(half)));
}

/** tile index 1234067 is written x001/x234/067. */
function tilePath(level, index, width) {
  const digits = String(index)
    .padStart(Math.ceil(String(index).length / 3) * 3, '0')
    .match(/\d{3}/g);
  const path = digits.map((group, at) => (at === digits.length - 1 ? group : `x${group}`)).join('/');
  return `tile/${level}/${path}${width === 256 ? '' : `.p/${width}`}`;
}

/** A verifier key, `name+id+base64(type || key)`; null for a kind that this program or this Node.js does not know. */
function readKey(vkey) {
  const [, name, id, encoded] =
    /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(vkey) ?? fail('vkey.txt is not a verifier key');
  const typed = Buffer.from(encoded, 'base64');
  const keyId = sha256(`${name}\n`, typed).subarray(0, 4);
  if (keyId.toString('hex') !== id) fail('the verifier key does not match its own id');
  const prefix = spkiPrefixes[typed[0]];
  if (prefix === undefined || typed.length !== (typed[0] === 1 ? 33 : 1313)) return null;
  try {
    const der = Buffer.concat([Buffer.from(prefix, 'hex'), typed.subarray(1)]);
    return { name, keyId, type: typed[0], key: createPublicKey({ key: der, format: 'der', type: 'spki' }) };
  } catch {
    return null; // ML-DSA-44 needs Node.js 24.7
  }
}

/** What a key of type 1 (Ed25519) or 6 (ML-DSA-44, c2sp.org/tlog-cosignature) signed, and the signature itself. */
function signedBy({ type, name }, text, [origin, size, root], blob) {
  if (type === 1) return [Buffer.from(text), blob];
  const numbers = Buffer.alloc(16);
  numbers.writeBigUInt64BE(BigInt(size), 8);
  const named = (label) => Buffer.concat([Buffer.of(Buffer.byteLength(label)), Buffer.from(label)]);
  const head = [Buffer.from('subtree/v1\n\0'), named(name), blob.subarray(0, 8), named(origin)];
  return [Buffer.concat([...head, numbers, Buffer.from(root, 'base64')]), blob.subarray(8)];
}

/** Checks every signature of a known key, of which there must be one, and returns { origin, size, root }. */
function openCheckpoint(note, vkeys) {
  const end = note.lastIndexOf('\n\n') + 1;
  const text = note.slice(0, end);
  const lines = text.split('\n');
  const blobs = note
    .slice(end + 1)
    .split('\n')
    .map((line) => /^— (\S+) (\S+)$/.exec(line))
    .filter((match) => match !== null)
    .map(([, name, encoded]) => ({ name, encoded, blob: Buffer.from(encoded, 'base64') }));
  const keys = vkeys.trim().split(/\s+/).map(readKey);
  let good = 0;
  for (const known of keys.filter((key) => key !== null)) {
    if (known.name !== lines[0]) fail('the checkpoint belongs to another log');
    for (const { name, encoded, blob } of blobs) {
      if (name !== known.name || !blob.subarray(0, 4).equals(known.keyId)) continue;
      const [message, signature] = signedBy(known, text, lines, blob.subarray(4));
      const whole = blob.toString('base64') === encoded; // no stray bits after it
      if (!whole || !verify(null, message, known.key, signature))
        fail('a signature of the checkpoint is wrong');
      good += 1;
    }
  }
  if (good === 0) fail('the checkpoint is not signed by a key of vkey.txt');
  return { origin: lines[0], size: Number(lines[1]), root: Buffer.from(lines[2], 'base64') };
}

/** The entries of a bundle: each with its length in 16 bits before it. */
function entriesOf(bundle) {
  const entries = [];
  for (let at = 0; at < bundle.length; at += 2 + bundle.readUInt16BE(at))
    entries.push(bundle.subarray(at + 2, at + 2 + bundle.readUInt16BE(at)));
  return entries;
}

/** The tree over n leaves from its full level-0 tiles' roots and the hashes of the last, unfinished tile. */
function rootOf(tileRoots, rest) {
  if (rest.length === 0) return treeRoot(tileRoots);
  const peaks = [];
  for (let at = 0, left = tileRoots.length; left > 0;) {
    const width = 2 ** Math.floor(Math.log2(left));
    peaks.push(treeRoot(tileRoots.slice(at, at + width)));
    at += width;
    left -= width;
  }
  return peaks.reduceRight((right, peak) => nodeHash(peak, right), treeRoot(rest));
}

/** `pack.file(path)` gives the bytes of a file or null, `pack.lines(path)` its lines one by one. Throws at the first thing that does not hold. */
export async function verifyPack(pack) {
  const need = async (path) => (await pack.file(path)) ?? fail(`${path} is missing`);
  const text = async (path) => (await need(path)).toString('utf8');
  const { origin, size, root } = openCheckpoint(await text('checkpoint'), await text('vkey.txt'));
  const { from, to, minimumIndex = 0 } = JSON.parse(await text('statement.json'));
  if (!(Number.isSafeInteger(from) && Number.isSafeInteger(to) && 0 <= from && from <= to && to <= size))
    fail('the range of statement.json is not in the log');

  const fullTiles = Math.floor(size / 256);
  const tileRoots = [];
  for (let at = 0; at < fullTiles; at += 256)
    tileRoots.push(...split(await need(tilePath(1, at / 256, Math.min(256, fullTiles - at)))));
  const rest = size % 256 === 0 ? [] : split(await need(tilePath(0, fullTiles, size % 256)));
  if (!rootOf(tileRoots, rest).equals(root))
    fail('the tiles do not lead to the root that the checkpoint signs');

  const lines = pack.lines('events.ndjson')[Symbol.asyncIterator]();
  let groups = 0;
  let pruned = 0;
  let ahead = (await lines.next()).value;
  const next = async () => {
    const line = ahead;
    ahead = (await lines.next()).value;
    return line;
  };
  for (let tile = Math.floor(from / 256); tile * 256 < to; tile += 1) {
    const width = Math.min(256, size - tile * 256);
    const hashes = split(await need(tilePath(0, tile, width)));
    if (width === 256 && !treeRoot(hashes).equals(tileRoots[tile]))
      fail(`entry ${tile * 256}: tile ${tile} does not belong to the signed tree`);
    if (hashes.length !== width) fail(`entry ${tile * 256}: tile ${tile} is not complete`);
    if ((tile + 1) * 256 <= minimumIndex) {
      // No bundle: what retention kept longer stands in events.ndjson, each against its own hash.
      const last = Math.min(to, (tile + 1) * 256);
      for (let seq = Math.max(from, tile * 256); seq < last; seq += 1) {
        if (ahead === undefined || JSON.parse(ahead).seq !== seq) {
          pruned += 1;
          continue;
        }
        const entry = Buffer.from(JSON.parse(ahead).entry);
        if (!leafHash(entry).equals(hashes[seq % 256]))
          fail(`entry ${seq}: its bytes do not have the hash in the tree`);
        groups += checkEvent(seq, entry, await next());
      }
      continue;
    }
    const entries = entriesOf(await need(tilePath('entries', tile, width)));
    if (entries.length !== width) fail(`entry ${tile * 256}: bundle or tile ${tile} is not complete`);
    for (let at = 0; at < width; at += 1) {
      const seq = tile * 256 + at;
      if (!leafHash(entries[at]).equals(hashes[at]))
        fail(`entry ${seq}: its bytes do not have the hash in the tree`);
      if (seq >= from && seq < to) groups += checkEvent(seq, entries[at], await next());
    }
  }
  if (ahead !== undefined) fail('events.ndjson holds more events than the range');
  return { origin, size, from, to, groups, pruned };
}

/** One line of events.ndjson against its entry. */
function checkEvent(seq, entry, line) {
  const event = JSON.parse(line ?? fail(`entry ${seq}: missing in events.ndjson`));
  if (event.seq !== seq || event.entry !== entry.toString('utf8'))
    fail(`entry ${seq}: events.ndjson says something else`);
  const commitments = JSON.parse(event.entry).commitments ?? {};
  const open = event.groups.filter((group) => group.state === 'open');
  for (const { kind, salt, value } of open) {
    if (sha256(Buffer.from(salt, 'base64'), value).toString('hex') !== commitments[kind])
      fail(`entry ${seq}: the disclosed ${kind} is not what the entry commits to`);
  }
  return open.length;
}

async function* fileLines(path) {
  let rest = '';
  for await (const chunk of createReadStream(path, 'utf8')) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
}

if (process.argv[1] !== undefined && import.meta.url.endsWith('/verify.mjs')) {
  const folder = new URL('.', import.meta.url);
  const at = (path) => new URL(path, folder);
  try {
    const result = await verifyPack({
      file: async (path) => (existsSync(at(path)) ? readFileSync(at(path)) : null),
      lines: (path) => fileLines(at(path)),
    });
    console.log(
      `OK  ${result.origin}: events ${result.from} to ${result.to - 1} of ${result.size} are complete, unchanged and signed; ${result.groups} disclosed values match${result.pruned === 0 ? '' : `; ${result.pruned} were pruned, their hashes are in the tree`}`,
    );
  } catch (error) {
    console.error(`BAD ${error.message}`);
    process.exitCode = 1;
  }
}
