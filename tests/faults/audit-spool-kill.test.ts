import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createAuditFixture, createPrincipal, type AuditFixture } from '../audit/fixture.ts';

/** Killed while it records reads on disk, and killed while it brings them into the log. */

let house: AuditFixture;
let folder: string;
beforeAll(async () => {
  house = await createAuditFixture();
  folder = await mkdtemp(join(tmpdir(), 'gatehouse-spool-kill-'));
});
afterAll(async () => {
  await house.close();
  await rm(folder, { recursive: true, force: true });
});

async function killWhen(
  mode: 'read' | 'replay',
  tenant: string,
  isTime: (out: string) => boolean | Promise<boolean>,
): Promise<readonly number[]> {
  const script = join(import.meta.dirname, 'audit-spool-child.ts');
  const child = spawn(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      script,
      house.db.adminUrl,
      house.rootFile,
      tenant,
      folder,
      mode,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let [out, errors] = ['', ''];
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  const closed = new Promise((done) => child.on('close', (_code, by) => done(by)));
  while (child.exitCode === null && !(await isTime(out))) await new Promise((wake) => setTimeout(wake, 5));
  child.kill('SIGKILL');
  if ((await closed) !== 'SIGKILL') throw new Error(`the child ended by itself: ${errors}`);
  return out
    .slice(0, out.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '')
    .map(Number);
}

test('every read that was answered enters the log exactly once, whoever dies when', async () => {
  const tenant = await house.db.createTenant();
  await house.audit.prepare(tenant);
  const chooser = house.another(house.db.database, {
    spoolFolder: folder,
    spoolLimits: { deadMilliseconds: 200 },
  });
  await house.db.database.withTenant(tenant, (tx) =>
    chooser.spool.choose(tx, createPrincipal(tenant), 'spooled'),
  );
  await house.audit.flush();
  const logged = async (): Promise<readonly number[]> => {
    const { rows } = await house.db.admin(
      `select convert_from(body, 'UTF8')::jsonb -> 'detail' ->> 'count' as n from audit.entry
       where tenant_id = $1 and action = 'contacts.contact_read'`,
      [tenant],
    );
    return rows.map((row: { n: string }) => Number(row.n)).toSorted((a, b) => a - b);
  };
  const tables = 'insert on audit.entry';
  await house.db.admin(`revoke ${tables} from gatehouse_sequencer`);
  const answered = await killWhen('read', tenant, (out) => out.split('\n').length > 60);
  expect(await logged()).toEqual([]);
  await house.db.admin(`grant ${tables} to gatehouse_sequencer`);
  await new Promise((wake) => setTimeout(wake, 300));
  await killWhen('replay', tenant, async () => (await logged()).length > 5);
  await new Promise((wake) => setTimeout(wake, 300));
  for (let round = 0; round < 200 && (await readdir(folder)).length > 0; round += 1) {
    await chooser.spool.tick();
    await new Promise((wake) => setTimeout(wake, 50));
  }
  await house.audit.flush();
  const found = await logged();
  expect(new Set(found).size).toBe(found.length);
  expect(found).toEqual(expect.arrayContaining([...answered]));
  expect(found.length).toBeLessThanOrEqual(answered.length + 1); // one more may have been on disk unanswered
}, 120_000);
