import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  leafHash,
  openCheckpoint,
  parseVerifierKey,
  verifyDatabase,
  verifyInclusion,
} from '../../audit/index.ts';
import type { TenantId } from '../../kernel/index.ts';
import { createDsrFixture, planAndApprove, type DsrFixture } from './dsr-fixture.ts';

const origin = { ip: '203.0.113.77', userAgent: 'Browser of the person', service: 'portal' };

describe('what the trail keeps of a person', () => {
  let f: DsrFixture;
  let tenantId: TenantId;
  let id: string;
  let seqs: readonly number[];
  beforeAll(async () => {
    f = await createDsrFixture();
    tenantId = await f.createTenant('acme', 12);
    const email = (await f.contacts(tenantId))[3]?.email ?? '';
    const asked = await f.call('openPortalRequest', {
      params: { slug: 'acme' },
      body: { type: 'erasure', law: 'gdpr', language: 'en', email },
      origin,
    });
    const { ticket } = asked.body as { ticket: string };
    await f.settle();
    const body = { ticket, code: f.codeFor(email) };
    await f.call('verifyPortalRequest', { params: { slug: 'acme' }, body, origin });
    await f.audit.flush();
    id = String((await f.db.admin('select id from dsr.request')).rows[0]?.id);
    seqs = await personsEvents();
  }, 60_000);
  afterAll(() => f.close());

  const personsEvents = (): Promise<readonly number[]> =>
    f.db.database.withTenant(tenantId, async (tx) => {
      const { items } = await f.audit.search(tx, { actor: id, limit: 200 });
      return items.map((item) => item.seq);
    });
  const read = (seq: number) => f.db.database.withTenant(tenantId, (tx) => f.audit.event(tx, seq));
  const bytes = async (): Promise<string> =>
    (
      await f.db.admin(
        `select md5(string_agg(body, ''::bytea order by seq)) as hash from audit.entry where tenant_id = $1 and seq = any($2)`,
        [tenantId, seqs],
      )
    ).rows[0].hash;
  const verifyAll = () =>
    f.db.database.withTenant(tenantId, (tx) =>
      verifyDatabase(tx, tenantId, (commitments) => f.audit.openCommitments(tx, commitments)),
    );

  test('is sealed under their request: it opens while the request lives, and is nowhere in the clear', async () => {
    expect(seqs.length).toBeGreaterThanOrEqual(4);
    for (const seq of seqs) {
      const event = await read(seq);
      expect(event.actor).toMatchObject({ type: 'data_subject', id });
      expect(event.origin).toEqual(origin);
    }
    const { rows } = await f.db.admin(
      `select count(*)::integer as rows from audit.entry where position('203.0.113.77'::bytea in body) > 0`,
    );
    expect(rows[0].rows).toBe(0);
  });

  test('is unreadable after the erasure, and every proof still holds', async () => {
    const before = await bytes();
    await planAndApprove(f, id, f.staff(tenantId, 'Dana'), f.staff(tenantId, 'Robin'));
    await f.call('executeDsrRequest', { principal: f.staff(tenantId, 'Dana'), params: { id } });
    await f.settle();
    await f.audit.flush();
    const log = await f.audit.ensureLog(tenantId);
    for (const seq of seqs) {
      const event = await read(seq);
      expect(event.origin).toEqual({ erased: true, requestId: id });
      expect(event.actor).toMatchObject({ erased: true, displayName: null });
      const proof = await f.db.database.withTenant(tenantId, (tx) => f.audit.proof(tx, seq));
      const { root, size } = openCheckpoint(proof.checkpoint, parseVerifierKey(log.vkey));
      expect(proof.treeSize).toBe(size);
      const leaf = leafHash(proof.entry);
      expect(leaf).toEqual(proof.leafHash);
      verifyInclusion({ index: seq, treeSize: size, leafHash: leaf, hashes: proof.hashes, root });
    }
    expect(await bytes()).toBe(before);
    const report = await verifyAll();
    expect(report.findings).toEqual([]);
    expect(report.commitments.erased).toBeGreaterThan(0);
  });
});
