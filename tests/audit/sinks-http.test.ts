import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { main } from '../../cli/main.ts';
import { startHttpReceiver, type HttpReceiver } from '../support/http-receiver.ts';
import { call, startTestHouse, type TestHouse } from '../support/house.ts';
import { signInPerson, type SignedIn } from '../support/signed-in.ts';

/** Receivers of the trail by API, at the command line, as numbers and on the overview, in a whole house. */

let house: TestHouse;
let admin: SignedIn;
let receiver: HttpReceiver;
let folder: string;

beforeAll(async () => {
  house = await startTestHouse({ contacts: 2 });
  admin = await signInPerson(house, 'acme', 'admin');
  receiver = await startHttpReceiver();
  folder = await mkdtemp(join(tmpdir(), 'gatehouse-sinks-'));
}, 120_000);
afterAll(async () => {
  await receiver?.close();
  await house?.close();
  await rm(folder, { recursive: true, force: true });
});

async function cli(...argv: readonly string[]): Promise<{ readonly code: number; readonly text: string }> {
  const lines: string[] = [];
  const put = (line: string): void => void lines.push(line);
  const environment = { GATEHOUSE_URL: house.url, GATEHOUSE_SESSION: admin.session };
  const code = await main(['audit', 'sinks', ...argv], { out: put, error: put, environment });
  return { code, text: lines.join('\n') };
}
const sinks = async () => (await admin.call('GET', '/v1/audit/sinks')).body.items;
const received = (): readonly string[] => receiver.received.map(({ body }) => body);

async function eventually(check: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error('it did not come');
    await house.house.audit.sinks.worker.tick();
  }
}

test('at the command line a receiver is set up from a file, tried, paused, resumed, replayed and removed', async () => {
  const file = join(folder, 'sink.json');
  await writeFile(file, '{not json');
  expect(await cli('create', '--file', file)).toMatchObject({
    code: 2,
    text: expect.stringContaining('is not JSON'),
  });
  await writeFile(
    file,
    JSON.stringify({ name: 'siem', configuration: { kind: 'webhook', url: receiver.url }, from: 0 }),
  );
  expect(await cli('list')).toEqual({ code: 0, text: 'no sink yet' });
  const made = await cli('create', '--file', file);
  expect(made).toMatchObject({
    code: 0,
    text: expect.stringMatching(/signing secret, shown this once: whsec_/),
  });

  expect(await cli('test', 'siem')).toMatchObject({
    code: 0,
    text: expect.stringMatching(/^delivered after \d+ ms$/),
  });
  expect(received().some((body) => body.includes('"synthetic":true'))).toBe(true);
  receiver.answer(() => ({ status: 422, body: 'no such field' }));
  expect(await cli('test', 'siem')).toMatchObject({
    code: 1,
    text: expect.stringContaining('no such field'),
  });
  receiver.answer(() => ({ status: 503 }));
  expect(await cli('test', 'siem')).toMatchObject({ code: 1, text: expect.stringMatching(/^away .*503/) });
  receiver.answer(() => ({ status: 204 }));

  expect(await cli('pause', 'siem')).toMatchObject({ code: 0, text: expect.stringContaining('paused') });
  expect((await sinks())[0]).toMatchObject({ state: 'paused' });
  expect(await cli('resume', 'siem')).toMatchObject({ code: 0, text: expect.stringContaining('active') });
  await eventually(async () => (await sinks())[0]?.cursor > 5);
  expect(await cli('replay', 'siem', '--from', '2')).toMatchObject({ code: 0 });
  expect(await cli('replay', 'siem')).toMatchObject({ code: 2 });
  expect(await cli('replay', 'siem', '--from', '99999999')).toMatchObject({ code: 1 });
  expect(await cli('dead-letters', 'siem')).toMatchObject({ code: 0, text: '' });
  expect(await cli('dead-letters', 'nobody')).toMatchObject({
    code: 2,
    text: expect.stringContaining('no sink "nobody"'),
  });
  expect(await cli('remove', 'siem')).toMatchObject({ code: 0 });
  expect(await sinks()).toEqual([]);
  await house.house.audit.flush();
  const trail = await admin.call('GET', '/v1/audit/events?action=audit.sink_tested');
  expect(trail.body.items.map(({ outcome }: { outcome: string }) => outcome)).toEqual([
    'failure',
    'failure',
    'success',
  ]);
});

test('who may not manage the trail sets up and tries no receiver, nor one of another tenant', async () => {
  const body = { name: 'theirs', configuration: { kind: 'webhook', url: receiver.url } };
  const made = await admin.call('POST', '/v1/audit/sinks', body);
  expect(made.status).toBe(201);
  const path = `/v1/audit/sinks/${made.body.sink.id}`;
  const auditor = await house.as('acme', 'auditor');
  const marketer = await house.as('acme', 'marketer');
  const service = await house.as('acme', 'security_admin');
  const stranger = await house.as('globex', 'security_admin');
  expect((await auditor('GET', path)).status).toBe(200);
  expect((await marketer('GET', path)).status).toBe(403);
  expect((await stranger('GET', path)).status).toBe(404);
  expect((await auditor('POST', `${path}/test`, {})).status).toBe(403);
  expect((await stranger('POST', `${path}/test`, {})).status).toBe(404);
  expect((await call(house.url, 'POST', `${path}/test`, {})).status).toBe(401);
  expect((await auditor('POST', '/v1/audit/sinks', body)).status).toBe(403);
  expect(await service('POST', '/v1/audit/sinks', body)).toMatchObject({
    status: 401,
    body: { code: 'ERR_STEP_UP_REQUIRED' },
  });
  expect((await service('POST', `${path}/test`, {})).status).toBe(200);
  expect((await admin.call('DELETE', path)).status).toBe(204);
});

test('numbers and overview tell the true lag of a receiver that takes nothing, and the event of the alert too', async () => {
  receiver.answer(() => ({ status: 503 }));
  const body = { name: 'stuck', configuration: { kind: 'webhook', url: receiver.url }, from: 0 };
  const { id } = (await admin.call('POST', '/v1/audit/sinks', body)).body.sink;
  for (let attempt = 1; attempt <= 3; attempt += 1)
    await eventually(async () => {
      await house.db.admin('update audit.sink set next_attempt_at = now() where id = $1', [id]);
      return (await sinks())[0]?.attempts >= attempt;
    });
  await admin.call('POST', `/v1/audit/sinks/${id}/change`, { kind: 'replayed', from: 0 });
  const tile = (await admin.call('GET', '/v1/overview')).body.posture.find(
    (one: { id: string }) => one.id === 'audit.sinks',
  );
  expect(tile).toMatchObject({ title: 'Trail delivered to its receivers', value: '1 receiver' });
  await house.house.audit.flush();
  const [failing] = (await admin.call('GET', '/v1/audit/events?action=audit.sink_failing')).body.items;
  const { detail } = (await admin.call('GET', `/v1/audit/events/${failing.seq}`)).body;
  expect(detail).toMatchObject({ sinkId: id, attempts: 3 });
  expect(detail.lag).toBeGreaterThan(5);
  const metrics = String((await call(house.url, 'GET', '/metrics')).body);
  const value = (name: string): number =>
    Number(
      new RegExp(`^gatehouse_audit_sink_${name}\\{[^}]*sink="${id}"[^}]*\\} (\\S+)$`, 'm').exec(metrics)?.[1],
    );
  expect(value('lag_events')).toBeGreaterThan(5);
  expect(value('lag_seconds')).toBeGreaterThan(0);
  expect(value('attempts')).toBeGreaterThanOrEqual(0);
  expect(value('dead_letters')).toBe(0);
});
