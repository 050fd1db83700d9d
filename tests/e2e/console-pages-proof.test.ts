import { generateKeyPairSync, sign, createHash } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { digestOfProposal } from '../../console/src/proof/approval-digest.ts';
import { opensCommitment } from '../../console/src/proof/commitment.ts';
import { climbLadder, type ProofInput, type Rung } from '../../console/src/proof/ladder.ts';
import { parseSignedNote, parseVerifierKey, verifyNote } from '../../console/src/proof/signed-note.ts';

const sha256 = (...parts: readonly Buffer[]): Buffer =>
  createHash('sha256').update(Buffer.concat(parts)).digest();
const leafOf = (entry: Buffer): Buffer => sha256(Buffer.of(0), entry);
const split = (size: number): number => 2 ** (Math.ceil(Math.log2(size)) - 1);

function rootOf(leaves: readonly Buffer[]): Buffer {
  const [only] = leaves;
  if (leaves.length === 1 && only !== undefined) return only;
  const at = split(leaves.length);
  return sha256(Buffer.of(1), rootOf(leaves.slice(0, at)), rootOf(leaves.slice(at)));
}

function pathOf(index: number, leaves: readonly Buffer[]): readonly Buffer[] {
  if (leaves.length === 1) return [];
  const at = split(leaves.length);
  return index < at
    ? [...pathOf(index, leaves.slice(0, at)), rootOf(leaves.slice(at))]
    : [...pathOf(index - at, leaves.slice(at)), rootOf(leaves.slice(0, at))];
}

const origin = 'gatehouse.example/log/1';
const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const typedKey = Buffer.concat([
  Buffer.of(1),
  Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url'),
]);
const keyId = sha256(Buffer.from(`${origin}\n`), typedKey).subarray(0, 4);
const vkey = `${origin}+${keyId.toString('hex')}+${typedKey.toString('base64')}`;

function proofOf(index: number, size: number): ProofInput {
  const entries = Array.from({ length: size }, (_, at) => Buffer.from(`event ${at}`));
  const leaves = entries.map(leafOf);
  const text = `${origin}\n${size}\n${rootOf(leaves).toString('base64')}\n`;
  const signature = Buffer.concat([keyId, sign(null, Buffer.from(text), privateKey)]).toString('base64');
  return {
    index,
    treeSize: size,
    leafHash: leaves[index]?.toString('base64') ?? '',
    hashes: pathOf(index, leaves).map((hash) => hash.toString('base64')),
    entry: entries[index]?.toString('base64') ?? '',
    checkpoint: `${text}\n\u2014 ${origin} ${signature}\n`,
    vkey,
  };
}

async function climb(proof: ProofInput, shown = proof.entry): Promise<readonly Rung[]> {
  const rungs: Rung[] = [];
  for await (const rung of climbLadder(proof, shown)) rungs.push(rung);
  return rungs;
}
const lastOf = async (proof: ProofInput, shown?: string): Promise<string> => {
  const last = (await climb(proof, shown)).at(-1);
  return `${last?.name} ${last?.state}`;
};
const flip = (base64: string): string => {
  const bytes = Buffer.from(base64, 'base64');
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  return bytes.toString('base64');
};

test('the browser verifies every leaf of every tree up to 33 leaves, up to the signature', async () => {
  for (let size = 1; size <= 33; size += 1) {
    for (let index = 0; index < size; index += 1)
      expect(await lastOf(proofOf(index, size))).toBe('signature verified');
  }
});

test('the browser marks the rung at which a proof breaks', async () => {
  const proof = proofOf(5, 13);
  const [first = '', ...rest] = proof.hashes;
  expect(await lastOf(proof, flip(proof.entry))).toBe('entry broken');
  expect(await lastOf({ ...proof, entry: flip(proof.entry) }, flip(proof.entry))).toBe('leaf broken');
  expect(await lastOf({ ...proof, hashes: [flip(first), ...rest] })).toBe('root broken');
  expect(await lastOf({ ...proof, hashes: rest })).toBe('checkpoint broken');
  expect(await lastOf({ ...proof, index: 4 })).toBe('root broken');
  const [text = '', line = ''] = proof.checkpoint.split('\n\n');
  const signature = line.trimEnd().split(' ').at(-1) ?? '';
  const signedWith = (other: string): ProofInput => ({
    ...proof,
    checkpoint: `${text}\n\n${line.replace(signature, other)}`,
  });
  const bytes = Buffer.from(signature, 'base64');
  bytes[67] = (bytes[67] ?? 0) ^ 1;
  expect(await lastOf(signedWith(bytes.toString('base64')))).toBe('signature broken');
});

test('the browser takes a signature in one spelling only', async () => {
  const proof = proofOf(5, 13);
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  // The last character carries two bits that no byte uses.
  const stray = proof.checkpoint.replace(
    /(.)=\n$/,
    (_, last: string) => `${alphabet[alphabet.indexOf(last) + 1] ?? ''}=\n`,
  );
  expect(stray).not.toBe(proof.checkpoint);
  expect(await lastOf({ ...proof, checkpoint: stray })).not.toBe('signature verified');
});

test('a checkpoint of another log does not verify although its key signed it', async () => {
  const proof = proofOf(2, 4);
  const other = proof.checkpoint.replace(origin, 'gatehouse.example/log/2');
  expect(await lastOf({ ...proof, checkpoint: other })).toBe('checkpoint broken');
});

test('the example of C2SP signed-note verifies in the browser code', async () => {
  const key = await parseVerifierKey('example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k');
  const signature =
    'Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=';
  const note = `This is an example message.\n\n\u2014 example.com/foo ${signature}\n`;
  expect(await verifyNote(parseSignedNote(note), key)).toBe(true);
  expect(await verifyNote(parseSignedNote(note.replace('example message', 'other message')), key)).toBe(
    false,
  );
});

test('a verifier key whose id does not belong to its key is refused', async () => {
  await expect(parseVerifierKey(vkey.replace(/\+[0-9a-f]{8}\+/, '+00000000+'))).rejects.toThrow('key id');
});

test('a commitment opens only with its salt and its value', async () => {
  const salt = Buffer.alloc(32, 7);
  const commitment = sha256(salt, Buffer.from('{"ip":null}')).toString('hex');
  expect(await opensCommitment(commitment, salt.toString('base64'), '{"ip":null}')).toBe(true);
  expect(await opensCommitment(commitment, flip(salt.toString('base64')), '{"ip":null}')).toBe(false);
  expect(await opensCommitment(commitment, salt.toString('base64'), '{"ip":"x"}')).toBe(false);
});

test('the digest of a proposal covers everything that its page shows', async () => {
  const tenantId = 'a0000000-0000-4000-8000-000000000001';
  const shown = {
    id: 'b0000000-0000-4000-8000-000000000002',
    action: 'crypto.retire',
    payload: { throughEpoch: 3, also: ['ü', null, { b: 1, a: true }] },
    reason: 'a "leaver"',
    proposedBy: 'c0000000-0000-4000-8000-000000000003',
    expiresAt: '2026-11-24T10:00:00.000Z',
  };
  const digest = await digestOfProposal(tenantId, shown);
  const payload = '{"also":["ü",null,{"a":true,"b":1}],"throughEpoch":3}';
  const members = [
    '"action":"crypto.retire"',
    '"expiresAt":"2026-11-24T10:00:00.000Z"',
    '"id":"b0000000-0000-4000-8000-000000000002"',
    `"payload":${JSON.stringify(payload)}`,
    '"proposedBy":"c0000000-0000-4000-8000-000000000003"',
    '"reason":"a \\"leaver\\""',
    `"tenantId":"${tenantId}"`,
  ];
  expect(digest).toBe(sha256(Buffer.from(`gatehouse/approval/1\n{${members.join(',')}}`)).toString('hex'));
  for (const changed of [{ payload: { throughEpoch: 4 } }, { reason: 'other' }, { action: 'crypto.other' }])
    expect(await digestOfProposal(tenantId, { ...shown, ...changed })).not.toBe(digest);
});
