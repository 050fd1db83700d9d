import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  createCosigner,
  createProofBuilder,
  createTreeWriter,
  formatVerifierKey,
  leafHash,
  noteKeyId,
  parseVerifierKeys,
  openNote,
  rawPublicKey,
  sha256,
  signBytes,
  signCheckpoint,
  submitCheckpoint,
} from '../../audit/index.ts';
import { startWitness, type WitnessProcess } from '../support/witness-process.ts';

/** A log in memory that can be forked at will. */
function createLog(origin: string) {
  const keys = generateKeyPairSync('ed25519');
  const quantum = createCosigner(origin, generateKeyPairSync('ml-dsa-44' as 'ed25519').privateKey); // the older types lack it
  const signer = {
    name: origin,
    keyId: noteKeyId(origin, rawPublicKey(keys.publicKey)),
    sign: (data: Buffer) => signBytes(keys.privateKey, data),
  };
  const leaves = (size: number, salt: string): Buffer[] =>
    Array.from({ length: size }, (_, at) => leafHash(Buffer.from(`${at < 3 ? '' : salt}${at}`)));
  const note = (size: number, salt = ''): string => {
    const tree = createTreeWriter();
    for (const leaf of leaves(size, salt)) tree.append(leaf, () => undefined);
    return signCheckpoint({ origin, size, root: tree.root() }, signer);
  };
  const proof = (from: number, size: number, salt = ''): Promise<readonly Buffer[]> =>
    createProofBuilder(size, async (_level, _index, width) =>
      Buffer.concat(leaves(size, salt).slice(0, width)),
    ).consistency(from);
  return { origin, vkey: formatVerifierKey(origin, keys.publicKey), quantum, signer, note, proof };
}
type Log = ReturnType<typeof createLog>;

const [first, second] = [createLog('one.example/log'), createLog('two.example/log')];
let folder: string;
let witness: WitnessProcess;
const logs = [[first.vkey, first.quantum.vkey], [second.vkey]];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gatehouse-witness-'));
  witness = await startWitness({ folder, logs });
});
afterAll(async () => {
  await witness.stop();
  await rm(folder, { recursive: true, force: true });
});

type Answer = { readonly status: number; readonly type: string | null; readonly text: string };

async function post(body: string | Buffer): Promise<Answer> {
  const response = await fetch(`${witness.url}/add-checkpoint`, { method: 'POST', body });
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    text: await response.text(),
  };
}

async function add(log: Log, from: number, to: number, salt = '', signed?: string): Promise<Answer> {
  const hashes = from > 0 && from < to ? await log.proof(from, to, salt) : [];
  const lines = hashes.map((hash) => `${hash.toString('base64')}\n`).join('');
  return post(`old ${from}\n${lines}\n${signed ?? log.note(to, salt)}`);
}

describe('a witness in a process of its own', () => {
  test('cosigns a growing log with both kinds of key, and the signatures hold', async () => {
    for (const [from, to] of [
      [0, 1],
      [1, 5],
      [5, 5],
      [5, 9],
    ] as const) {
      const answer = await add(first, from, to);
      expect(answer.status).toBe(200);
      const verifiers = parseVerifierKeys(witness.vkeys.join('\n'));
      for (const verifier of verifiers)
        expect(openNote(`${first.note(to)}${answer.text}`, verifier)).toContain(`\n${to}\n`);
      expect(verifiers).toHaveLength(2);
    }
  });

  test('shows monitors the last checkpoint with the signature of the log and its own', async () => {
    await add(first, 0, 9); // whatever ran before
    const hash = sha256(Buffer.from(first.origin)).toString('hex');
    const response = await fetch(`${witness.url}/${hash}/checkpoint`);
    const note = await response.text();
    expect(response.status).toBe(200);
    for (const vkey of [first.vkey, ...witness.vkeys]) openNote(note, parseVerifierKeys(vkey));
    const never = await fetch(
      `${witness.url}/${sha256(Buffer.from(second.origin)).toString('hex')}/checkpoint`,
    );
    expect(never.status).toBe(404);
  });

  test.each([
    ['an old size that is not what it saw: 409 and its size', () => add(first, 5, 11), 409],
    ['an old size beyond the checkpoint: 400', () => add(first, 9, 7), 400],
    ['a rollback with the size it saw: 400', () => add(first, 9, 8), 400],
    ['another root of the same size: 422', () => add(first, 9, 9, 'fork'), 422],
    ['a fork that grows: 422', () => add(first, 9, 12, 'fork'), 422],
    [
      'a proof where the old size is zero: 422',
      async () => post(`old 0\n${Buffer.alloc(32).toString('base64')}\n\n${second.note(3)}`),
      422,
    ],
    [
      'an empty log with a root that is not: 422',
      async () =>
        post(
          `old 0\n\n${signCheckpoint({ origin: second.origin, size: 0, root: Buffer.alloc(32) }, second.signer)}`,
        ),
      422,
    ],
    ['a log it does not know: 404', () => add(createLog('three.example/log'), 0, 3), 404],
    [
      'a key it does not trust: 403',
      () => {
        const impostor = createLog(first.origin);
        return add(impostor, 9, 10);
      },
      403,
    ],
    [
      'a trusted key with a wrong signature: 403',
      () => add(first, 9, 10, '', first.note(10).replace(/(— \S+ .{30})./, '$1/')),
      403,
    ],
    [
      'a good signature beside a wrong one of a trusted key: 403',
      () =>
        add(first, 9, 10, '', first.note(10) + first.quantum.line(first.note(9).split('\n\n')[0] + '\n', 5)),
      403,
    ],
    ['no body: 400', () => post(''), 400],
    ['a leading zero: 400', async () => post(`old 09\n\n${first.note(10)}`), 400],
    [
      '64 hashes: 400',
      async () => post(`old 9\n${`${Buffer.alloc(32).toString('base64')}\n`.repeat(64)}\n${first.note(10)}`),
      400,
    ],
    ['bytes that are not UTF-8: 400', () => post(Buffer.from([0x6f, 0xff, 0xfe])), 400],
    ['a body beyond its limit: 413', () => post('x'.repeat(70_000)), 413],
  ])('refuses %s', async (_what, call, status) => {
    const answer = await call();
    expect(answer.status).toBe(status);
    if (status === 409) expect(answer).toMatchObject({ type: 'text/x.tlog.size', text: '9\n' });
    expect((await add(first, 9, 9)).status).toBe(200); // and remembers what it saw before
  });

  test('lets one of many simultaneous calls through, so that sizes never go back', async () => {
    const log = second;
    expect((await add(log, 0, 4)).status).toBe(200);
    const answers = await Promise.all(Array.from({ length: 12 }, (_, at) => add(log, 4, 5 + at)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(11);
  });

  test('remembers after SIGKILL what it cosigned, with the same keys', async () => {
    const before = witness.vkeys;
    const size = 20;
    const last = await submitCheckpoint({
      url: witness.url,
      verifier: parseVerifierKeys(before[0] ?? '')[0]!,
      note: first.note(size),
      size,
      oldSize: 0,
      prove: (from) => first.proof(from, size),
    });
    expect(last).toMatchObject({ kind: 'cosigned', knownSize: size });
    await witness.stop('SIGKILL');
    witness = await startWitness({ folder, logs });
    expect(witness.vkeys).toEqual(before);
    expect(await add(first, 9, 12)).toMatchObject({ status: 409, text: `${size}\n` });
  });

  test('refuses a data folder that another witness has', async () => {
    await expect(startWitness({ folder, logs })).rejects.toThrow('another witness runs on');
    expect((await readdir(join(folder, 'data'))).sort()).toEqual([
      'ed25519.seed',
      'lock',
      'logs',
      'ml-dsa-44.seed',
    ]);
  });
});

describe('submitting a checkpoint', () => {
  const submit = (log: Log, size: number, oldSize: number, salt = '', url = witness.url) =>
    submitCheckpoint({
      url,
      verifier: parseVerifierKeys(witness.vkeys[1] ?? '')[0]!,
      note: log.note(size, salt) + log.quantum.line(log.note(size, salt).split('\n\n')[0] + '\n', 0),
      size,
      oldSize,
      prove: (from) => log.proof(from, size, salt),
    });
  test('finds the size by itself when the witness knows another', async () => {
    expect(await submit(first, 25, 3)).toMatchObject({ kind: 'cosigned' });
  });
  test('tells a witness that saw more than we have, or something else', async () => {
    expect(await submit(first, 10, 0)).toMatchObject({ kind: 'contradicted', witnessSize: 25 });
    expect(await submit(first, 30, 25, 'fork')).toMatchObject({ kind: 'contradicted' });
  });
  test('tells a witness that does not know the log from one that is not there', async () => {
    expect(await submit(createLog('four.example/log'), 3, 0)).toMatchObject({ kind: 'refused' });
    expect(await submit(first, 30, 25, '', 'http://127.0.0.1:9')).toMatchObject({ kind: 'unreachable' });
  });
});
