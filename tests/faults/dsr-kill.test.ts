import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { TenantId } from '../../kernel/index.ts';
import { askThroughPortal, createDsrFixture, planAndApprove, type DsrFixture } from '../dsr/dsr-fixture.ts';

const requests = 10;
/** After which committed trace of a request the worker is killed, and how long after. */
const killWhen = ['executing', 'verifying_absence', 'completed'] as const;

describe('workers that are killed', () => {
  let f: DsrFixture;
  let tenantId: TenantId;
  let asked: readonly { id: string; contactId: string; subjectId: string; email: string }[];
  const workers: ChildProcess[] = [];

  beforeAll(async () => {
    f = await createDsrFixture();
    f.clock.set(new Date().toISOString());
    tenantId = await f.createTenant('acme', 60);
    const people = (await f.contacts(tenantId)).slice(0, requests);
    const list: { id: string; contactId: string; subjectId: string; email: string }[] = [];
    for (const person of people) {
      const { id } = await askThroughPortal(f, 'acme', { type: 'erasure', email: person.email });
      list.push({ id, contactId: person.id, subjectId: person.subjectId, email: person.email });
    }
    for (const { id } of list)
      await planAndApprove(f, id, f.staff(tenantId, 'Dana'), f.staff(tenantId, 'Robin'));
    asked = list;
  }, 120_000);
  afterAll(async () => {
    for (const worker of workers)
      if (worker.exitCode === null && worker.signalCode === null) worker.kill('SIGKILL');
    await f.close();
  });

  const startWorker = async (): Promise<ChildProcess> => {
    const script = join(import.meta.dirname, 'dsr-kill-worker.ts');
    const worker = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', script, f.db.adminUrl, f.rootFile],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    workers.push(worker);
    if (worker.stdout !== null) await once(worker.stdout, 'data');
    return worker;
  };
  const kill = async (worker: ChildProcess): Promise<void> => {
    const gone = once(worker, 'exit');
    worker.kill('SIGKILL');
    await gone;
  };
  const count = async (text: string, values: readonly unknown[] = []): Promise<number> =>
    Number((await f.db.admin(`select count(*) as rows from ${text}`, values)).rows[0].rows);

  test('lose nothing and do nothing twice, wherever they die', async () => {
    for (let round = 0; round < 9; round += 1) {
      const state = killWhen[round % killWhen.length] ?? 'executing';
      const before = await count(`dsr.timeline where state = $1`, [state]);
      const worker = await startWorker();
      const other = round % 3 === 2 ? await startWorker() : null;
      for (
        let wait = 0;
        wait < 300 && (await count(`dsr.timeline where state = $1`, [state])) === before;
        wait += 1
      )
        await new Promise((wake) => setTimeout(wake, 1));
      await new Promise((wake) => setTimeout(wake, (round * 7) % 25));
      await kill(worker);
      if (other !== null) await kill(other);
    }
    const last = await startWorker();
    const deadline = Date.now() + 60_000;
    while ((await count('dsr.request where forgotten_at is not null')) < requests && Date.now() < deadline)
      await new Promise((wake) => setTimeout(wake, 50));
    await kill(last);

    for (const { id, contactId, subjectId } of asked) {
      const { rows } = await f.db.admin('select state, sealed from dsr.request where id = $1', [id]);
      expect(rows[0]).toEqual({ state: 'completed', sealed: null });
      const { rows: states } = await f.db.admin(
        'select state from dsr.timeline where request_id = $1 order by version',
        [id],
      );
      expect(states.map((row) => row.state)).toEqual([
        'received',
        'verifying',
        'verified',
        'planned',
        'approved',
        'executing',
        'verifying_absence',
        'completed',
      ]);
      expect(await count('dsr.certificate where request_id = $1', [id])).toBe(1);
      expect(await count('dsr.task where request_id = $1 and state = $2', [id, 'done'])).toBe(3);
      expect(await count('crypto.shred_ledger where request_id = $1', [id])).toBe(2);
      expect(await count('marketing_contacts.contact where id = $1', [contactId])).toBe(0);
      expect(await count('marketing_engagement.event where subject_id = $1', [subjectId])).toBe(0);
    }
    await f.audit.flush();
    expect(await count(`audit.entry where action = 'dsr.request_completed'`)).toBe(requests);
    expect(await count(`audit.entry where action = 'dsr.certificate_issued'`)).toBe(requests);
    expect(await count(`audit.entry where action = 'dsr.system_erased'`)).toBe(3 * requests);
    expect(await count('marketing_contacts.contact')).toBe(60 - requests);
  }, 180_000);
});
