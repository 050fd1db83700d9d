import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  openCheckpoint,
  parsePolicy,
  parseTilePath,
  parseTlogProof,
  parseVerifierKeys,
} from '../../audit/index.ts';
import type { TenantId } from '../../kernel/index.ts';
import { createAuditFixture, createEvent, type AuditFixture } from '../audit/fixture.ts';
import { buildGoProgram } from '../support/go-program.ts';
import { describeUnless } from '../support/skip.ts';
import { startWitness } from '../support/witness-process.ts';

const built = await buildGoProgram('c2sp');
const missing = 'missing' in built ? built.missing : null;
const program = 'program' in built ? built.program : '';

/** Asks the program, which knows nothing of our code. @throws what it says on its standard error */
async function ask(...args: readonly string[]) {
  const { stdout } = await promisify(execFile)(program, [...args], { timeout: 60_000 });
  return JSON.parse(stdout) as unknown;
}

describeUnless(missing, 'independent implementations of the C2SP formats, in Go,', () => {
  let house: AuditFixture;
  let tenant: TenantId;
  let folder: string;
  let server: Server;
  let url: string;
  beforeAll(async () => {
    house = await createAuditFixture();
    tenant = await house.db.createTenant();
    folder = await mkdtemp(join(tmpdir(), 'gatehouse-c2sp-'));
    const event = createEvent(tenant);
    for (let n = 0; n < 3; n += 1)
      await house.audit.recordMany(
        Array.from({ length: 200 }, () => createEvent(tenant, { actor: event.actor })),
      );
    await house.audit.flush();
    await house.audit.platform.advance();
    [server, url] = await serveLogs(house);
  });
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
    await house.close();
    await rm(folder, { recursive: true, force: true });
  });
  const file = async (name: string, content: string | Buffer): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, content);
    return path;
  };
  const logOf = () => house.audit.ensureLog(tenant);

  test('read a tenant log and the platform log whole, every entry proved, both signatures good', async () => {
    const log = await logOf();
    for (const [id, keys] of [
      [log.logId, await house.audit.keysOf(log)],
      ['platform', (await house.audit.keys('platform')) ?? []],
    ] as const) {
      const { size } = openCheckpoint(
        (await house.audit.checkpoint(id)) ?? '',
        parseVerifierKeys(keys.join('\n')),
      );
      expect(await ask('log', `${url}/log/${id}`, ...keys)).toMatchObject({
        size,
        entries: size,
        signatures: 2,
      });
    }
  });

  test('verify a .tlog-proof of an event, and refuse it for other bytes', async () => {
    const log = await logOf();
    await house.audit.keysOf(log);
    const [proof, entry] = await house.db.database.withTenant(tenant, async (tx) => [
      await house.audit.tlogProof(tx, 300),
      (await house.audit.proof(tx, 300)).entry,
    ]);
    const [policy, proofFile] = [
      await file('policy', `log ${log.vkey}\nquorum none\n`),
      await file('a.tlog-proof', proof),
    ];
    expect(await ask('proof', policy, proofFile, await file('entry', entry))).toBe('verified');
    const other = await file('other', Buffer.concat([entry, Buffer.from(' ')]));
    await expect(ask('proof', policy, proofFile, other)).rejects.toThrow(
      /inclusion proof verification failed/,
    );
  });

  test('agree that one checkpoint continues another', async () => {
    const log = await logOf();
    const [older, newer] = await house.db.database.withTenant(tenant, async (tx) => {
      const kept = await house.audit.checkpoints(tx, Number.MAX_SAFE_INTEGER, 200);
      return [kept.at(-2), kept[0]];
    });
    const { hashes } = await house.db.database.withTenant(tenant, (tx) =>
      house.audit.consistency(tx, older?.size ?? 0, newer?.size),
    );
    const files = [await file('older', older?.note ?? ''), await file('newer', newer?.note ?? '')];
    const lines = hashes.map((hash) => hash.toString('base64'));
    expect(await ask('consistency', ...files, log.vkey, ...lines)).toBe('consistent');
    await expect(ask('consistency', ...files, log.vkey, ...lines.slice(1))).rejects.toThrow();
  });

  test('cosign as witnesses what our client submits; both kinds of line count for our policy and their own', async () => {
    const keys = (await house.audit.keys('platform')) ?? [];
    const { child, started } = await startPeerWitness(keys[0] ?? '');
    try {
      for (const vkey of started.vkeys) {
        const text = `log ${keys[0]}\nwitness w ${vkey} ${started.url}\nquorum w\n`;
        const audit = house.another(house.db.database, { witnessPolicy: parsePolicy(Buffer.from(text)) });
        await audit.record(createEvent(tenant));
        await audit.platform.advance();
        expect(await audit.witnesses.tick()).toBe(1);
        expect(await audit.witnesses.quorum()).toMatchObject({ state: 'met' });
        const note = await file('cosigned', (await audit.witnessedCheckpoint('platform')) ?? '');
        expect(await ask('note', note, keys[0] ?? '', vkey)).toMatchObject({ signatures: 2 });
      }
    } finally {
      await stopChild(child);
    }
  });

  test('submit as clients to our witness, follow its 409, and verify both its cosignatures', async () => {
    const keys = (await house.audit.keys('platform')) ?? [];
    const witness = await startWitness({ folder, logs: [keys] });
    try {
      const [, note] = ['', (await house.audit.platform.head()).note];
      const checkpoint = await file('submitted', note);
      const first = (await ask('submit', witness.url, '0', checkpoint)) as { lines: string; error?: string };
      expect(first.error).toBeUndefined();
      const whole = await file('whole', note + first.lines);
      expect(await ask('note', whole, keys[0] ?? '', ...witness.vkeys)).toMatchObject({ signatures: 3 });
      const again = (await ask('submit', witness.url, '0', checkpoint)) as { size: number; error?: string };
      expect(again.error).toBeDefined();
      expect(again.size).toBe(openCheckpoint(note, parseVerifierKeys(keys[0] ?? '')).size);
    } finally {
      await witness.stop();
    }
  });

  test('climb from an event to a platform checkpoint that a witness cosigned, under one policy file', async () => {
    const keys = (await house.audit.keys('platform')) ?? [];
    const { child, started } = await startPeerWitness(keys[0] ?? '');
    try {
      const text = `log ${keys[0]}\nwitness w ${started.vkeys[0]} ${started.url}\nquorum w\n`;
      const audit = house.another(house.db.database, { witnessPolicy: parsePolicy(Buffer.from(text)) });
      await audit.record(createEvent(tenant));
      await audit.platform.advance();
      await audit.witnesses.tick();
      await audit.keysOf(await logOf());
      const anchor = await audit.platformAnchor();
      const proof = await house.db.database.withTenant(tenant, (tx) => audit.platformProof(tx, 5, anchor));
      const log = await logOf();
      const [tenantPolicy, top] = [
        await file('tenant-policy', `log ${log.vkey}\nquorum none\n`),
        await file('top-policy', text),
      ];
      const entry = await file('entry5', proof.entry);
      expect(await ask('proof', tenantPolicy, await file('event.tlog-proof', proof.event), entry)).toBe(
        'verified',
      );
      const leaf = await file('leaf', proof.leaf);
      expect(await ask('proof', top, await file('top.tlog-proof', proof.platform), leaf)).toBe('verified');
      const bare = proof.platform.replace(/— witness\.peer [^\n]+\n/g, '');
      expect(parseTlogProof(bare).index).toBeGreaterThanOrEqual(0);
      await expect(ask('proof', top, await file('bare.tlog-proof', bare), leaf)).rejects.toThrow();
    } finally {
      await stopChild(child);
    }
  });
});

type Started = { readonly url: string; readonly vkeys: readonly string[] };

async function startPeerWitness(
  vkey: string,
): Promise<{ readonly child: ChildProcess; readonly started: Started }> {
  const child = spawn(program, ['witness', 'witness.peer', vkey], { stdio: ['ignore', 'pipe', 'ignore'] });
  const line = await new Promise<string>((done, fail) => {
    child.stdout.setEncoding('utf8').once('data', done);
    child.once('close', () => fail(new Error('the witness of the peers ended by itself')));
  });
  return { child, started: JSON.parse(line) as Started };
}

function stopChild(child: ChildProcess): Promise<void> {
  return new Promise((done) => {
    child.once('close', () => done());
    child.kill('SIGTERM');
  });
}

/** The public addresses of the logs, as the house serves them. */
async function serveLogs({ audit }: AuditFixture): Promise<[Server, string]> {
  const server = createServer((request, response) => {
    const [, logId = '', rest = ''] = /^\/log\/([^/]+)\/(.+)$/.exec(request.url ?? '') ?? [];
    const read = async () =>
      rest === 'checkpoint'
        ? audit.checkpoint(logId)
        : audit.tile(logId, parseTilePath(rest.replace('tile/', '')));
    read().then(
      (body) => (body === null ? response.writeHead(404).end() : response.end(body)),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as { port: number }; // it listens on TCP
  return [server, `http://127.0.0.1:${port}`];
}
