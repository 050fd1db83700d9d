import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { verifyDatabase, type VerifyReport } from '../../audit/index.ts';
import { parseSubjectId, type TenantId } from '../../kernel/index.ts';
import { createAuditFixture, createEvent, createPrincipal, newId, type AuditFixture } from './fixture.ts';

let house: AuditFixture;
let tenant: TenantId;
const size = 600;
beforeAll(async () => {
  house = await createAuditFixture();
  tenant = await house.db.createTenant();
  const actor = createPrincipal(tenant);
  for (let at = 0; at < size; at += 100) {
    const events = Array.from({ length: 100 }, (_, count) =>
      createEvent(tenant, { actor, detail: { count }, subjects: [parseSubjectId(newId())] }),
    );
    await house.audit.recordMany(events);
  }
  // The administrator is past every wall but this one; a superuser can take it down, and verification must still notice.
  for (const table of ['entry', 'entry_subject', 'tile', 'checkpoint', 'sealed_group'])
    await house.db.admin(`alter table audit.${table} disable trigger user`);
});
afterAll(() => house.close());

const verify = (): Promise<VerifyReport> =>
  house.db.database.withTenant(
    tenant,
    (tx) => verifyDatabase(tx, tenant, (commitments) => house.audit.openCommitments(tx, commitments)),
    { readOnly: true, isolation: 'repeatable read' },
  );

/** Changes something, verifies, puts it back. */
async function planted(table: string, key: string, set: string): Promise<VerifyReport> {
  const { rows } = await house.db.admin(`select * from audit.${table} where tenant_id = $1 and ${key}`, [
    tenant,
  ]);
  const [before] = rows as Record<string, unknown>[];
  if (rows.length !== 1 || before === undefined) throw new Error(`expected one row of ${table}`);
  const columns = set.split('=')[0]?.trim() ?? '';
  await house.db.admin(`update audit.${table} set ${set} where tenant_id = $1 and ${key}`, [tenant]);
  try {
    return await verify();
  } finally {
    await house.db.admin(
      `update audit.${table} set ${columns} = $2 where tenant_id = $1 and ${key.replace(/ and .*old.*/, '')}`,
      [tenant, before[columns]],
    );
  }
}

const flip = (column: string, at: number): string =>
  `${column} = set_byte(${column}, ${at}, get_byte(${column}, ${at}) # 1)`;

describe('verification of the database', () => {
  test('finds nothing wrong with a sound log and counts what it saw', async () => {
    const report = await verify();
    expect(report).toMatchObject({ size, findings: [], firstBadSeq: null, tiles: 2 });
    expect(report.commitments.open).toBe(2);
    expect(report.checkpoints).toBeGreaterThanOrEqual(7);
  });

  test.each([0, 255, 256, 599])('locates a byte flipped in the body of entry %i', async (seq) => {
    for (const at of [0, 60, 200])
      expect((await planted('entry', `seq = ${seq}`, flip('body', at))).firstBadSeq).toBe(seq);
  });

  test.each([
    ['leaf_hash', flip('leaf_hash', 5)],
    ['outcome', `outcome = 'denied'`],
    ['action', `action = 'contacts.contact_exported'`],
    ['actor_id', `actor_id = 'somebody-else'`],
    ['targets', `targets = null`],
    ['occurred_at', `occurred_at = occurred_at + interval '1 millisecond'`],
    ['received_at', `received_at = received_at - interval '1 hour'`],
    ['id', `id = '0190a000-0000-7000-8000-000000000000'`],
  ])('locates a changed column %s', async (_column, set) => {
    expect((await planted('entry', 'seq = 301', set)).firstBadSeq).toBe(301);
  });

  test('locates a byte flipped in a stored tile, and in the root beside it', async () => {
    expect((await planted('tile', 'level = 0 and index = 1', flip('hashes', 44 * 32 + 7))).firstBadSeq).toBe(
      256 + 44,
    );
    expect((await planted('tile', 'level = 0 and index = 1', flip('root', 3))).firstBadSeq).toBe(256);
  });

  test('locates a changed checkpoint, text or column', async () => {
    const { rows } = await house.db.admin(
      'select size from audit.checkpoint where tenant_id = $1 and size > 0 order by size limit 1',
      [tenant],
    );
    const at = Number((rows[0] as { size: number }).size);
    expect((await planted('checkpoint', `size = ${at}`, flip('root', 9))).findings[0]).toMatchObject({
      kind: 'checkpoint',
      seq: at - 1,
    });
    const changed = await planted(
      'checkpoint',
      `size = ${at}`,
      `note = overlay(note placing 'A' from length(note) - 20)`,
    );
    expect(changed.findings[0]).toMatchObject({ kind: 'checkpoint', seq: at - 1 });
  });

  test("locates an event left out of, or slipped into, a person's history", async () => {
    const { rows } = await house.db.admin(
      'delete from audit.entry_subject where tenant_id = $1 and seq = 77 returning subject_id',
      [tenant],
    );
    expect((await verify()).firstBadSeq).toBe(77);
    const { subject_id: subject } = rows[0] as { subject_id: string };
    await house.db.admin(
      'insert into audit.entry_subject (tenant_id, subject_id, seq) values ($1, $2, 78), ($1, $2, 77)',
      [tenant, subject],
    );
    expect((await verify()).firstBadSeq).toBe(78);
    await house.db.admin(
      'delete from audit.entry_subject where tenant_id = $1 and seq = 78 and subject_id = $2',
      [tenant, subject],
    );
  });

  test('locates a sealed group that was exchanged', async () => {
    const report = await planted('sealed_group', `kind = 'actor'`, flip('sealed', 40));
    expect(report.findings[0]).toMatchObject({ kind: 'commitment', seq: 0 });
  });

  test('locates a deleted entry and a cut tail', async () => {
    const { rows } = await house.db.admin(
      'delete from audit.entry where tenant_id = $1 and seq = 412 returning *',
      [tenant],
    );
    expect((await verify()).firstBadSeq).toBe(412);
    const row = rows[0] as Record<string, unknown>;
    const names = Object.keys(row);
    await house.db.admin(
      `insert into audit.entry (${names.join(',')}) values (${names.map((_, at) => `$${at + 1}`).join(',')})`,
      Object.values(row),
    );
    const tail = await house.db.admin(
      'delete from audit.entry where tenant_id = $1 and seq >= 590 returning *',
      [tenant],
    );
    expect((await verify()).firstBadSeq).toBe(590);
    for (const lost of tail.rows as Record<string, unknown>[]) {
      await house.db.admin(
        `insert into audit.entry (${names.join(',')}) values (${names.map((_, at) => `$${at + 1}`).join(',')})`,
        Object.values(lost),
      );
    }
    expect((await verify()).findings).toEqual([]);
  });
});
