/*
 * Opens what Gatehouse stored, without Gatehouse: written from docs/crypto/formats.md and the design records alone, with
 * nothing but the built-ins of Node. Takes a job as JSON on standard input and answers with JSON; bytes are hex.
 *
 *   { tenantId, rootFile, passphrase }  or  { tenantId, keks: { "1": hex } }
 *   kek, dek, ledger: rows of crypto.kek, crypto.dek, crypto.shred_ledger
 *   tasks: [{ do: "field"|"row"|"file", ciphertext, service, collection, field, rowId, purpose }
 *           | { do: "index", service, collection, field, index, version, bits, value } | { do: "shred", kid, subjectId }]
 */
import { createCipheriv, createDecipheriv, createHmac, scryptSync, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';

const job = JSON.parse(readFileSync(0, 'utf8'));
const bytes = (hex) => Buffer.from(hex, 'hex');
const uuid = (text) => bytes(text.replaceAll('-', ''));
const text = (value) => Buffer.from(value.normalize('NFC'), 'utf8');

function number(value, size) {
  const out = Buffer.alloc(size);
  out.writeUIntBE(value, 0, size);
  return out;
}
const prefixed = (item) => Buffer.concat([number(item.length, 2), item]);

function refuse(why) {
  throw new Error(why);
}

/** formats.md, "The one cipher": ciphertext, then a tag of 16 bytes. */
function open(key, nonce, associatedData, sealed) {
  if (key.length !== 32 || nonce.length !== 12 || sealed.length < 16) refuse('wrong length');
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 });
  decipher.setAAD(associatedData);
  decipher.setAuthTag(sealed.subarray(-16));
  return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
}

/** formats.md, "The one derivation". */
function expand(key, info, length = 32) {
  let out = Buffer.alloc(0);
  let block = Buffer.alloc(0);
  for (let index = 1; out.length < length; index += 1) {
    block = createHmac('sha512', key)
      .update(Buffer.concat([block, info, Buffer.of(index)]))
      .digest();
    out = Buffer.concat([out, block]);
  }
  return out.subarray(0, length);
}
const label = (name, ...parts) => Buffer.concat([Buffer.from(`${name}\0`, 'latin1'), ...parts]);

/** formats.md, step 1. */
function readRootFile() {
  const { kdf, nonce, sealed } = JSON.parse(readFileSync(job.rootFile, 'utf8'));
  const options = { N: 2 ** kdf.costLog2, r: 8, p: 1, maxmem: 2 ** 31 - 1 };
  const key = scryptSync(job.passphrase.normalize('NFKC'), Buffer.from(kdf.salt, 'base64'), 32, options);
  const header = Buffer.from(`gatehouse-sealed-1\0scrypt\0${kdf.costLog2}\0${kdf.salt}`, 'utf8');
  return JSON.parse(
    open(key, Buffer.from(nonce, 'base64'), header, Buffer.from(sealed, 'base64')).toString('utf8'),
  );
}
const root = job.rootFile === undefined ? null : readRootFile();

/** formats.md, step 2. */
function tenantKey(epoch) {
  const row = job.kek.find((one) => one.epoch === epoch) ?? refuse('unknown epoch');
  const key = job.keks === undefined ? unwrapByRoot(row) : bytes(job.keks[epoch]);
  if (!timingSafeEqual(expand(key, label('ctl/wrap1/commit')), bytes(row.commitment)))
    refuse('another tenant key');
  return key;
}
function unwrapByRoot({ epoch, wrapped }) {
  const name = `${job.tenantId}/${epoch}`;
  if (root.destroyed.includes(name)) refuse('the epoch was destroyed');
  const own = Buffer.from(root.epochs[name] ?? refuse('the root file has no such epoch'), 'base64');
  const binding = label('ctl/root2', uuid(job.tenantId), number(epoch, 4));
  return open(own, bytes(wrapped).subarray(0, 12), binding, bytes(wrapped).subarray(12));
}

/** formats.md, step 3. */
function dataKey(row) {
  if (row.state === 'shredded') return null;
  const scope =
    row.subject_id === null
      ? Buffer.concat([Buffer.of(1), text(row.purpose)])
      : Buffer.concat([Buffer.of(0), uuid(row.subject_id)]);
  const tail = [bytes(row.kid), number(row.epoch, 4), bytes(row.commitment)];
  const binding = label('ctl/wrap1', prefixed(uuid(job.tenantId)), prefixed(scope), ...tail);
  const wrapped = bytes(row.wrapped);
  if (wrapped.length !== 60) refuse('wrong length');
  const key = open(tenantKey(row.epoch), wrapped.subarray(0, 12), binding, wrapped.subarray(12));
  if (!timingSafeEqual(commitmentOf(key), bytes(row.commitment))) refuse('another data key');
  return key;
}
const commitmentOf = (key) => expand(key, label('ctl/ct1/commit'));
const keyOfPurpose = (purpose) =>
  dataKey(job.dek.find((row) => row.purpose === purpose && row.state === 'active') ?? refuse('no such key'));

/** formats.md, step 4. */
function associatedData(header, place) {
  const items = [uuid(job.tenantId), text(`${place.service}.${place.collection}`)];
  items.push(text(place.field), text(place.rowId), text(place.purpose));
  return label('ctl/ct1', header, ...items.map(prefixed));
}
function parse(task) {
  const value = bytes(task.ciphertext);
  const header = value.subarray(0, 10);
  const kid = header.subarray(2).toString('hex');
  const row = job.dek.find((one) => one.kid === kid) ?? refuse('unknown key');
  if (![0, 4].includes(header[1]) || (header[1] === 4) !== (row.subject_id === null)) refuse('wrong flags');
  return { value, suite: header[0], row, header, place: associatedData(header, task) };
}
const encryptionKey = (key, suite) => expand(key, label('ctl/ct1/enc', Buffer.of(suite)));

/** formats.md, step 5. */
function openValue(task, suites) {
  const { value, suite, row, place } = parse(task);
  if (!suites.includes(suite)) refuse('unknown suite');
  const key = dataKey(row);
  if (key === null) return { shredded: row.shred_request };
  const use = encryptionKey(key, suite);
  const nonce = value.subarray(10, 22);
  if (suite === 2) {
    const subkey = xaesSubkey(use, nonce);
    return { plaintext: open(subkey, value.subarray(22, 34), place, value.subarray(34)) };
  }
  if (suite === 4 && !timingSafeEqual(value.subarray(22, 54), commitmentOf(key))) refuse('another key');
  return { plaintext: open(use, nonce, place, value.subarray(suite === 4 ? 54 : 22)) };
}
function xaesSubkey(key, nonce) {
  const cipher = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false);
  const l = cipher.update(Buffer.alloc(16));
  const shifted = ((BigInt(`0x${l.toString('hex')}`) << 1n) & (2n ** 128n - 1n)) ^ (l[0] > 127 ? 0x87n : 0n);
  const k1 = bytes(shifted.toString(16).padStart(32, '0'));
  const block = (counter) =>
    Buffer.concat([Buffer.of(0, counter, 0x58, 0), nonce]).map((byte, at) => byte ^ k1[at]);
  return cipher.update(Buffer.concat([block(1), block(2)]));
}

function openRow(task) {
  const opened = openValue(task, [3]);
  if (opened.plaintext === undefined) return opened;
  const values = {};
  for (let at = 0, packed = opened.plaintext; at < packed.length;) {
    const nameEnd = at + 1 + packed[at];
    const end = nameEnd + 4 + packed.readUInt32BE(nameEnd);
    values[packed.toString('utf8', at + 1, nameEnd)] = packed.toString('hex', nameEnd + 4, end);
    at = end;
  }
  return { values };
}

/** formats.md, "A file". */
function openFile(task) {
  const { value, suite, row, place } = parse(task);
  if (suite !== 5) refuse('unknown suite');
  const key = dataKey(row);
  if (key === null) return { shredded: row.shred_request };
  const info = label('c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM', value.subarray(10, 34), place);
  const derived = expand(encryptionKey(key, 5), info, 76);
  if (!timingSafeEqual(derived.subarray(44), value.subarray(34, 66))) refuse('another key or place');
  const chunks = [];
  for (let index = 0, at = 66; ; index += 1, at += 16_400) {
    const nonce = Buffer.from(derived.subarray(32, 44));
    const counter = number(index, 5);
    for (let byte = 0; byte < 5; byte += 1) nonce[7 + byte] ^= counter[byte];
    const chunk = value.subarray(at, at + 16_400);
    chunks.push(open(derived.subarray(0, 32), nonce, Buffer.alloc(0), chunk));
    if (chunk.length < 16_400) break;
  }
  return { plaintext: Buffer.concat(chunks) };
}

/** formats.md, "A blind index"; the value is normalised already. */
function indexTerm({ service, collection, field, index, version, bits, value }) {
  const name = [text(`${service}.${collection}`), text(field), text(index)].map(prefixed);
  const key = expand(keyOfPurpose('index'), label('ctl/ct1/index', ...name, Buffer.of(version)));
  const term = createHmac('sha256', key)
    .update(value, 'utf8')
    .digest()
    .subarray(0, Math.ceil(bits / 8));
  if (bits % 8 !== 0) term[term.length - 1] &= 0xff << (8 - (bits % 8));
  return { term };
}

/** formats.md, "Verify a shred". */
function verifyShred({ kid, subjectId }) {
  const row = job.dek.find((one) => one.kid === kid) ?? refuse('unknown key');
  const entry = job.ledger.find((one) => one.kid === kid);
  const macKey = expand(keyOfPurpose('mac:shred-ledger'), label('ctl/ct1/mac'));
  const hash = createHmac('sha256', macKey).update(subjectId, 'utf8').digest('hex');
  return {
    keyIsGone: row.state === 'shredded' && row.wrapped === null && row.commitment === null,
    inLedger: entry !== undefined,
    samePerson: entry?.subject_hash === hash,
    requestId: entry?.request_id ?? null,
  };
}

const work = {
  field: (task) => openValue(task, [1, 2, 4]),
  row: openRow,
  file: openFile,
  index: indexTerm,
  shred: verifyShred,
};
const results = job.tasks.map((task) => {
  try {
    return work[task.do](task);
  } catch (error) {
    return { refused: error.message };
  }
});
process.stdout.write(
  JSON.stringify(results, (_, value) =>
    value?.type === 'Buffer' ? Buffer.from(value.data).toString('hex') : value,
  ),
);
