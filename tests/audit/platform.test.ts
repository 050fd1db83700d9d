import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  formatTilePath,
  leafHash,
  logTag,
  openCheckpoint,
  parseEntryBundle,
  parseTilePath,
  parseTlogProof,
  parseVerifierKey,
  parseVerifierKeys,
  platformLeaf,
  verifyConsistency,
  verifyDatabase,
  verifyInclusion,
  verifyLog,
  verifyPlatform,
} from '../../audit/index.ts';
import type { TenantId } from '../../kernel/index.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cosignedBy, parsePolicy } from '../../audit/witness/policy.ts';
import { startWitness } from '../support/witness-process.ts';
import { createAuditFixture, createEvent, type AuditFixture } from './fixture.ts';

let house: AuditFixture;
beforeAll(async () => {
  house = await createAuditFixture();
});
afterAll(() => house.close());

const record = (tenant: TenantId) => house.audit.record(createEvent(tenant));
const platformKeys = async () => parseVerifierKeys((await house.audit.keys('platform'))?.join('\n') ?? '');

/** What a stranger does with the answer: two inclusion proofs, the leaf between them, and a key each. */
async function climb(tenant: TenantId, seq: number) {
  const { audit, db } = house;
  const anchor = await audit.platformAnchor();
  const proof = await db.database.withTenant(tenant, (tx) => audit.platformProof(tx, seq, anchor));
  const [event, platform] = [parseTlogProof(proof.event), parseTlogProof(proof.platform)];
  const log = await audit.ensureLog(tenant);
  const tree = openCheckpoint(event.checkpoint, parseVerifierKeys((await audit.keysOf(log)).join('\n')));
  verifyInclusion({
    index: seq,
    treeSize: tree.size,
    leafHash: leafHash(proof.entry),
    hashes: event.hashes,
    root: tree.root,
  });
  expect(platformLeaf(event.checkpoint).body.equals(proof.leaf)).toBe(true);
  const top = openCheckpoint(platform.checkpoint, await platformKeys());
  verifyInclusion({
    index: platform.index,
    treeSize: top.size,
    leafHash: leafHash(proof.leaf),
    hashes: platform.hashes,
    root: top.root,
  });
  return { tree, top };
}

describe('the platform log', () => {
  test('takes up every checkpoint that changed, once, and an event is proved up to its checkpoint', async () => {
    const [one, two] = [await house.db.createTenant(), await house.db.createTenant()];
    for (const tenant of [one, one, two]) await record(tenant);
    await house.audit.flush();
    const added = await house.audit.platform.advance();
    expect(added).toBeGreaterThanOrEqual(2);
    expect(await house.audit.platform.advance()).toBe(0);
    expect((await climb(one, 1)).tree.size).toBe(2);
    await record(one);
    await house.audit.flush();
    expect(await house.audit.platform.advance()).toBe(1);
    for (const [tenant, seq] of [
      [one, 0],
      [one, 2],
      [two, 0],
    ] as const)
      await climb(tenant, seq);
  });

  test('answers 404 for an event that waits for the next round', async () => {
    const tenant = await house.db.createTenant();
    await record(tenant);
    await expect(climb(tenant, 0)).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' });
  });

  test('names logs by hashes, so that whoever reads it learns the address of none', async () => {
    const tenant = await house.db.createTenant();
    await record(tenant);
    await house.audit.platform.advance();
    const { logId } = await house.audit.ensureLog(tenant);
    const { size } = await house.audit.platform.head();
    const bundle = await house.audit.tile('platform', parseTilePath(`entries/000.p/${size}`));
    expect(bundle?.includes(logId)).toBe(false);
    expect(parseEntryBundle(bundle ?? Buffer.alloc(0))).toHaveLength(size);
  });

  test('stays one tree however many processes advance it at once, and verifies as any log of these formats', async () => {
    const other = house.another();
    const tenants = await Promise.all(Array.from({ length: 40 }, () => house.db.createTenant()));
    await Promise.all(tenants.map(record)); // keys are made and recorded now
    await house.audit.flush();
    await house.audit.platform.advance();
    const before = openCheckpoint((await house.audit.checkpoint('platform')) ?? '', await platformKeys());
    let leaves = 0;
    for (let round = 0; round < 8; round += 1) {
      await Promise.all(tenants.map(record));
      const added = await Promise.all([
        house.audit.platform.advance(),
        other.platform.advance(),
        house.audit.platform.advance(),
      ]);
      leaves += added.reduce((sum, count) => sum + count, 0);
    }
    const note = (await house.audit.checkpoint('platform')) ?? '';
    const after = openCheckpoint(note, await platformKeys());
    expect(after.size).toBe(before.size + leaves);
    expect(after.size).toBeGreaterThan(256); // a full tile
    verifyConsistency({
      size1: before.size,
      size2: after.size,
      root1: before.root,
      root2: after.root,
      hashes: await house.audit.platform.consistency(before.size, after.size),
    });
    const read = async (path: string) =>
      (await house.audit.tile('platform', parseTilePath(path))) ?? Buffer.alloc(0);
    const report = await verifyLog({
      verifiers: await platformKeys(),
      head: note,
      entries: async function* () {
        for (let index = 0, seq = 0; seq < after.size; index += 1) {
          const width = Math.min(256, after.size - index * 256);
          const bundle = await read(formatTilePath({ kind: 'entries', level: 0, index, width }));
          for (const body of parseEntryBundle(bundle)) yield { seq: seq++, body };
        }
      },
      tile: async (level, index) => ({
        hashes: await read(formatTilePath({ kind: 'tile', level, index, width: 256 })),
      }),
      checkpoints: async function* () {},
    });
    expect(report).toMatchObject({ size: after.size, findings: [], tiles: 1 });
    expect(await house.db.database.withSystem((tx) => verifyPlatform(tx))).toMatchObject({ findings: [] });
  }, 60_000);

  test.each([
    ['a leaf', `update audit.platform_entry set body = body || 'x' where seq = 3`, 3],
    ['a leaf hash', `update audit.platform_entry set leaf_hash = sha256('x') where seq = 4`, 4],
    ['a tag', `update audit.platform_entry set log_tag = sha256('x') where seq = 5`, 5],
    [
      'a tile',
      `update audit.platform_tile set hashes = overlay(hashes placing sha256('x') from 225 for 32)`,
      7,
    ],
    [
      'a checkpoint',
      `update audit.platform_checkpoint set root = sha256('x') where size = (select max(size) from audit.platform_checkpoint)`,
      'any',
    ],
    ['the head', `update audit.platform_head set size = size - 1`, 'any'],
  ])('shows whoever changes %s in the database', async (_what, tamper, seq) => {
    const { database } = house.db;
    const report = await tampered(tamper);
    expect(report.findings.length).toBeGreaterThan(0);
    if (typeof seq === 'number') expect(report.firstBadSeq).toBe(seq);
    expect(await database.withSystem((tx) => verifyPlatform(tx))).toMatchObject({ findings: [] });
  });
});

/** Changes, verifies, and changes back. */
async function tampered(sql: string) {
  const { admin, database } = house.db;
  const tables = ['platform_entry', 'platform_tile', 'platform_checkpoint', 'platform_head'];
  for (const table of tables) {
    await admin(`alter table audit.${table} disable trigger user`);
    await admin(`create table public.kept_${table} as select * from audit.${table}`);
  }
  try {
    await admin(sql);
    return await database.withSystem((tx) => verifyPlatform(tx));
  } finally {
    for (const table of tables) {
      await admin(`delete from audit.${table}`);
      await admin(`insert into audit.${table} select * from public.kept_${table}`);
      await admin(`drop table public.kept_${table}`);
      await admin(`alter table audit.${table} enable trigger user`);
    }
  }
}

test('a leaf that speaks of another size, or of a checkpoint that is not kept, is found in the log it names', async () => {
  const tenant = await house.db.createTenant();
  await record(tenant);
  await record(tenant);
  await house.audit.flush();
  await house.audit.platform.advance();
  const verify = () => house.db.database.withTenant(tenant, (tx) => verifyDatabase(tx, tenant));
  expect(await verify()).toMatchObject({ findings: [] });
  const { origin } = await house.audit.ensureLog(tenant);
  await house.db.admin('alter table audit.platform_entry disable trigger user');
  await house.db.admin('update audit.platform_entry set log_size = log_size - 1 where log_tag = $1', [
    logTag(origin),
  ]);
  expect(await verify()).toMatchObject({ findings: [{ kind: 'platform' }] });
  await house.db.admin('update audit.platform_entry set log_size = log_size + 1 where log_tag = $1', [
    logTag(origin),
  ]);
  await house.db.admin('alter table audit.platform_entry enable trigger user');
});

describe('ML-DSA-44 beside Ed25519', () => {
  test('signs the published checkpoint of every log, and either key alone verifies it', async () => {
    const tenant = await house.db.createTenant();
    await record(tenant);
    const log = await house.audit.ensureLog(tenant);
    for (const [id, size] of [
      [log.logId, 1],
      ['platform', (await house.audit.platform.head()).size],
    ] as const) {
      const note = (await house.audit.checkpoint(id)) ?? '';
      const keys = (await house.audit.keys(id)) ?? [];
      expect(keys.map((key) => parseVerifierKey(key).type)).toEqual([1, 6]);
      for (const key of keys) expect(openCheckpoint(note, parseVerifierKey(key)).size).toBe(size);
    }
  });

  test('keeps its keys for the next process, and a wrong line condemns the checkpoint', async () => {
    const tenant = await house.db.createTenant();
    await record(tenant);
    const log = await house.audit.ensureLog(tenant);
    const [ed, quantum] = await house.audit.keysOf(log);
    expect(await house.another().keysOf(log)).toEqual([ed, quantum]);
    const note = (await house.audit.checkpoint(log.logId)) ?? '';
    const lines = note.split('\n');
    const at = lines.findIndex((line) => line.length > 1_000);
    lines[at] = (lines[at] ?? '').replace(
      /(.{200})(.)/,
      (_all, head: string, one: string) => head + (one === 'A' ? 'B' : 'A'),
    );
    const wrong = lines.join('\n');
    const both = parseVerifierKeys(`${ed}\n${quantum}`);
    expect(() => openCheckpoint(wrong, both)).toThrow(
      expect.objectContaining({ code: 'ERR_AUDIT_INVALID_NOTE' }),
    );
    expect(openCheckpoint(wrong, parseVerifierKey(ed ?? '')).size).toBe(1); // who does not know the key ignores it
  });

  test('does not sign what the Ed25519 key did not', async () => {
    const tenant = await house.db.createTenant();
    await record(tenant);
    const log = await house.audit.ensureLog(tenant);
    await house.db.admin(
      `update audit.head set checkpoint = replace(checkpoint, E'\\n1\\n', E'\\n2\\n') where tenant_id = $1`,
      [tenant],
    );
    await expect(house.audit.checkpoint(log.logId)).rejects.toMatchObject({ code: 'ERR_AUDIT_INVALID_NOTE' });
  });
});

describe('a proof up to the platform log under a witness policy', () => {
  test('ends at the checkpoint that witnesses cosigned, and the quorum names their keys', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'gatehouse-anchor-'));
    const keys = (await house.audit.keys('platform')) ?? [];
    const witness = await startWitness({ folder, logs: [keys] });
    try {
      const [vkey = ''] = witness.vkeys;
      const policy = parsePolicy(Buffer.from(`log ${keys[0]}\nwitness w ${vkey} ${witness.url}\nquorum w\n`));
      const audit = house.another(house.db.database, { witnessPolicy: policy });
      const tenant = await house.db.createTenant();
      await audit.record(createEvent(tenant));
      await audit.platform.advance();
      await audit.witnesses.tick();
      const { witnessedSize } = await audit.witnesses.quorum();
      await audit.record(createEvent(tenant));
      await audit.platform.advance(); // the newest platform checkpoint has no witness yet
      await audit.keysOf(await audit.ensureLog(tenant));
      const anchor = await audit.platformAnchor();
      expect(anchor.size).toBeGreaterThan(witnessedSize);
      const topOf = async (seq: number): Promise<ReadonlySet<string>> => {
        const proof = await house.db.database.withTenant(tenant, (tx) =>
          audit.platformProof(tx, seq, anchor),
        );
        return cosignedBy(policy, parseTlogProof(proof.platform).checkpoint);
      };
      expect([...(await topOf(0))]).toEqual(['w']);
      expect([...(await topOf(1))]).toEqual([]);
      expect((await audit.witnesses.quorum()).witnesses).toMatchObject([{ witness: 'w', vkey }]);
    } finally {
      await witness.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });
});
