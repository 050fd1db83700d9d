import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { main } from '../../cli/main.ts';
import { call, startTestHouse, type Caller, type TestHouse } from '../support/house.ts';
import { signInPerson, type SignedIn } from '../support/signed-in.ts';

/** Keys by API and at the command line, by people who really signed in, in a whole house. */

let house: TestHouse;
let admin: SignedIn;
let dpo: SignedIn;
let marketer: SignedIn;
let foreigner: SignedIn;
let auditor: Caller;
let machine: Caller;
let subjects: readonly string[];

beforeAll(async () => {
  house = await startTestHouse({ contacts: 6 });
  [admin, dpo, marketer, foreigner] = await Promise.all([
    signInPerson(house, 'acme', 'admin'),
    signInPerson(house, 'acme', 'dpo'),
    signInPerson(house, 'acme', 'marketer'),
    signInPerson(house, 'globex', 'admin'),
  ]);
  [auditor, machine] = [await house.as('acme', 'auditor'), await house.as('acme', 'platform_engineer')];
  const { rows } = await house.db.admin(
    `select c.subject_id from marketing_contacts.contact c join db.tenant t on t.id = c.tenant_id where t.slug = 'acme' order by c.region <> 'emea', c.id`,
  );
  subjects = rows.map(({ subject_id }) => String(subject_id));
}, 120_000);
afterAll(() => house?.close());

test('whoever has no session, no right or no fresh proof is refused on every way to the keys', async () => {
  const shred = { subjectIds: subjects.slice(0, 1), requestId: 'r-1', reason: 'asked by letter' };
  const ways: readonly [string, string, unknown, number][] = [
    ['POST', '/v1/crypto/shred', shred, 403],
    ['POST', '/v1/crypto/rotate', {}, 403],
    ['POST', '/v1/crypto/rewrap', {}, 403],
    ['POST', '/v1/crypto/export-keys', {}, 403],
    ['POST', '/v1/crypto/retire', { reason: 'x' }, 403],
    ['POST', '/v1/crypto/canaries', { label: 'x' }, 403],
    ['POST', `/v1/crypto/approvals/${randomUUID()}/approve`, { digest: '0'.repeat(64) }, 403],
    ['GET', '/v1/crypto/inventory', undefined, 403],
    ['GET', '/v1/crypto/approvals', undefined, 403],
    ['GET', '/v1/crypto/canaries', undefined, 403],
    ['GET', '/v1/crypto/keys', undefined, 403],
  ];
  for (const [method, path, body, status] of ways) {
    expect([path, (await marketer.call(method, path, body)).status]).toEqual([path, status]);
    expect([path, (await call(house.url, method, path, body)).status]).toEqual([path, 401]);
  }
  const services = { admin: await house.as('acme', 'security_admin'), dpo: await house.as('acme', 'dpo') };
  const stale = { status: 401, body: { code: 'ERR_STEP_UP_REQUIRED' } };
  expect(await services.dpo('POST', '/v1/crypto/shred', shred)).toMatchObject(stale);
  for (const path of ['rotate', 'rewrap', 'canaries'])
    expect(await services.admin('POST', `/v1/crypto/${path}`, {})).toMatchObject(stale);
});

test('keys of people are destroyed by hand with a reason, and the ledger, the data and the trail say so', async () => {
  const [subject = ''] = subjects;
  const shred = { subjectIds: [subject], requestId: 'letter-7', reason: 'asked by letter' };
  expect((await dpo.call('POST', '/v1/crypto/shred', { ...shred, subjectIds: ['x'] })).status).toBe(400);
  expect((await dpo.call('POST', '/v1/crypto/shred', { ...shred, reason: '' })).status).toBe(400);
  const many = Array.from({ length: 101 }, () => randomUUID());
  expect((await dpo.call('POST', '/v1/crypto/shred', { ...shred, subjectIds: many })).status).toBe(400);
  const answer = await dpo.call('POST', '/v1/crypto/shred', shred);
  expect(answer).toMatchObject({
    status: 200,
    body: {
      kids: [expect.stringMatching(/^[0-9a-f]{16}$/)],
      backups: { until: expect.any(String), basis: 'standing_schedule' },
    },
  });
  const ledger = await auditor('GET', '/v1/crypto/ledger');
  expect(ledger.body.items).toMatchObject([{ requestId: 'letter-7', kid: answer.body.kids[0] }]);
  expect((await foreigner.call('GET', '/v1/crypto/ledger')).body.items).toEqual([]);
  const purpose = { 'gatehouse-purpose': 'marketing' };
  const read = await (
    await house.as('acme', 'marketer')
  )('GET', '/v1/data/contacts/contact', undefined, purpose);
  expect(read.status).toBe(200);
  expect(read.body.items.map((item: object) => JSON.stringify(item))).toContainEqual(
    expect.stringContaining('tombstone'),
  );
  // Another tenant's people are nobody here: a tombstone is laid for the id, no key of theirs is touched.
  const strangers = await house.db.admin(
    `select count(*)::int as n from crypto.dek d join db.tenant t on t.id = d.tenant_id where t.slug = 'acme' and d.state = 'shredded'`,
  );
  expect(strangers.rows).toEqual([{ n: 1 }]);
});

test('a canary is laid out, opened by a machine, and seen; other tenants see none', async () => {
  const planted = { kind: 'value', field: 'email', rowId: 'row-1', value: 'nobody@example.org' };
  const body = { label: 'dump of Friday', collection: 'contacts.contact', planted };
  expect((await dpo.call('POST', '/v1/crypto/canaries', body)).status).toBe(403);
  expect((await admin.call('POST', '/v1/crypto/canaries', { ...body, collection: 'no.where' })).status).toBe(
    404,
  );
  expect((await admin.call('POST', '/v1/crypto/canaries', { ...body, label: '' })).status).toBe(400);
  const laid = await admin.call('POST', '/v1/crypto/canaries', body);
  expect(laid).toMatchObject({ status: 201, body: { ciphertext: expect.stringMatching(/^ct1\./) } });
  const stands = { service: 'contacts', collection: 'contact', field: 'email', rowId: 'row-1' };
  const opened = await machine('POST', '/v1/crypto/open', {
    items: [{ ...stands, purpose: 'subject', ciphertext: laid.body.ciphertext }],
  });
  expect(opened).toMatchObject({ status: 200, body: { results: [{ state: 'opened' }] } });
  const listed = async (): Promise<{ opened: number }[]> =>
    (await admin.call('GET', '/v1/crypto/canaries')).body.items as { opened: number }[];
  const deadline = Date.now() + 10_000;
  while ((await listed())[0]?.opened !== 1 && Date.now() < deadline)
    await new Promise((wake) => void setTimeout(wake, 100));
  expect(await listed()).toMatchObject([{ label: 'dump of Friday', opened: 1 }]);
  expect((await foreigner.call('GET', '/v1/crypto/canaries')).body.items).toEqual([]);
  expect((await admin.call('GET', '/v1/crypto/canaries?cursor=bogus')).status).toBe(400);
});

test('the inventory is paged, as JSON and CSV, and every list refuses a cursor that it did not give', async () => {
  const first = await auditor('GET', '/v1/crypto/inventory?limit=3');
  expect(first).toMatchObject({ status: 200, body: { overdue: { person_key: 0 } } });
  const ids: string[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const page = await auditor(
      'GET',
      `/v1/crypto/inventory?limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`,
    );
    for (const { kind, id } of page.body.items as { kind: string; id: string }[]) ids.push(`${kind}:${id}`);
    cursor = page.body.nextCursor as string | null;
  }
  expect(new Set(ids).size).toBe(ids.length);
  const all = await auditor('GET', '/v1/crypto/inventory?limit=1000');
  expect(all.body.items.length).toBe(ids.length);
  const csv = await auditor('GET', '/v1/crypto/inventory?format=csv&limit=1000');
  expect(csv.headers.get('content-type')).toBe('text/csv; charset=utf-8');
  expect(String(csv.body).trim().split(/\r?\n/)).toHaveLength(ids.length + 1);
  const theirs = await foreigner.call('GET', '/v1/crypto/inventory?limit=1000');
  const mine = new Set(ids.filter((id) => id.startsWith('p')));
  for (const { kind, id } of theirs.body.items as { kind: string; id: string }[])
    expect(mine.has(`${kind}:${id}`)).toBe(false);
  for (const path of ['inventory', 'approvals', 'ledger', 'providers', 'jobs'])
    expect([path, (await auditor('GET', `/v1/crypto/${path}?cursor=bogus`)).status]).toEqual([path, 400]);
});

test('a proposal is refused or withdrawn, never twice, never by a machine or another tenant', async () => {
  const propose = async () =>
    (await admin.call('POST', '/v1/crypto/retire', { reason: 'x' })).body as {
      approvalId: string;
      digest: string;
    };
  const [first, second] = [await propose(), await propose()];
  const refuse = `/v1/crypto/approvals/${first.approvalId}/refuse`;
  expect((await foreigner.call('POST', refuse, { reason: 'no' })).status).toBe(404);
  expect((await dpo.call('POST', refuse, { reason: '' })).status).toBe(400);
  expect(await (await house.as('acme', 'dpo'))('POST', refuse, { reason: 'no' })).toMatchObject({
    status: 403,
    body: { code: 'ERR_CRYPTO_SECOND_PERSON' },
  });
  expect((await dpo.call('POST', refuse, { reason: 'not now' })).status).toBe(204);
  expect((await dpo.call('POST', refuse, { reason: 'not now' })).status).toBe(409);
  const approve = (id: string, digest: string) =>
    dpo.call('POST', `/v1/crypto/approvals/${id}/approve`, { digest });
  expect((await approve(first.approvalId, first.digest)).status).toBe(409);
  // The digest of another proposal, equal in everything that was asked, is not this one's.
  expect((await approve(second.approvalId, first.digest)).status).toBe(409);
  const withdrawn = `/v1/crypto/approvals/${second.approvalId}/refuse`;
  expect((await admin.call('POST', withdrawn, { reason: 'changed my mind' })).status).toBe(204);
  const { body } = await auditor('GET', '/v1/crypto/approvals?state=refused&limit=1');
  expect(body).toMatchObject({
    items: [{ id: second.approvalId, state: 'refused' }],
    nextCursor: expect.any(String),
  });
  expect((await foreigner.call('GET', '/v1/crypto/approvals')).body.items).toEqual([]);
});

type Ran = { readonly code: number; readonly text: string };
async function gatehouse(as: SignedIn | null, ...argv: string[]): Promise<Ran> {
  const lines: string[] = [];
  const put = (line: string): void => void lines.push(line);
  const environment = { ...house.environment, ...(as === null ? {} : { GATEHOUSE_SESSION: as.session }) };
  const code = await main(['crypto', ...argv], { out: put, error: put, environment });
  return { code, text: lines.join('\n') };
}

test('every command does its work against the running house, as the person who signed in', async () => {
  expect((await gatehouse(null, 'epochs')).code).toBe(2);
  expect(await gatehouse(admin, 'rotate')).toMatchObject({ code: 0, text: expect.stringContaining('done') });
  expect(await gatehouse(admin, 'rewrap')).toMatchObject({ code: 0 });
  expect(await gatehouse(admin, 'rotate', '--subject', subjects[1] ?? '')).toMatchObject({ code: 0 });
  expect((await gatehouse(admin, 'jobs')).text).toMatch(/rewrap .*done/);
  expect((await gatehouse(marketer, 'rotate')).code).toBe(1);
  expect(await gatehouse(null, 'status', '--tenant', 'acme')).toMatchObject({
    code: 0,
    text: expect.stringMatching(/superseded[^]*people with a key: \d+, shredded: 1/),
  });
  expect((await gatehouse(admin, 'providers')).text).toMatch(/^local .*active/);
  expect(await gatehouse(admin, 'inventory')).toMatchObject({
    code: 0,
    text: expect.stringContaining('overdue: 0'),
  });
  const advise = ['advise', '--collection', 'contacts.contact', '--field', 'email'];
  expect(await gatehouse(admin, ...advise)).toMatchObject({
    code: 1,
    text: expect.stringContaining('too_few'),
  });
  expect((await gatehouse(admin, ...advise, '--force')).code).toBe(0);
  const plant = [
    'plant',
    'contacts.contact',
    '--label',
    'x',
    '--field',
    'email',
    '--row',
    'r',
    '--value',
    'v',
  ];
  expect(await gatehouse(admin, ...plant)).toMatchObject({ code: 0, text: expect.stringContaining('ct1.') });
  const shred = ['shred', subjects[1] ?? '', '--request', 'r-9', '--reason', 'asked again'];
  expect(await gatehouse(dpo, ...shred)).toMatchObject({ code: 0, text: expect.stringContaining('2 keys') });
}, 60_000);

test('two people retire epochs at the command line, and the ledger agrees afterwards', async () => {
  const proposed = await gatehouse(admin, 'retire', '--reason', 'after erasures', '--through', '1', '--json');
  const { approvalId, digest } = JSON.parse(proposed.text) as { approvalId: string; digest: string };
  expect((await gatehouse(dpo, 'approvals', '--state', 'proposed')).text).toContain(digest);
  expect((await gatehouse(admin, 'approve', approvalId, '--digest', digest)).text).toContain(
    'ERR_CRYPTO_SECOND_PERSON',
  );
  expect(await gatehouse(dpo, 'approve', approvalId, '--digest', digest)).toMatchObject({
    code: 0,
    text: expect.stringContaining('executed'),
  });
  expect(await gatehouse(admin, 'epochs')).toMatchObject({
    code: 0,
    text: expect.stringMatching(/1 +destroyed/),
  });
  const other = await gatehouse(admin, 'retire', '--reason', 'too early', '--json');
  const { approvalId: second } = JSON.parse(other.text) as { approvalId: string };
  expect(await gatehouse(dpo, 'refuse', second, '--reason', 'not yet')).toEqual({ code: 0, text: 'refused' });
  const reconciled = await gatehouse(null, 'reconcile');
  expect(reconciled.text).toContain('ledger and database agree');
  expect(reconciled.code).toBe(0);
}, 60_000);

test('doctor names overdue keys, and the metrics tell how long the root provider took', async () => {
  const doctor = async (extra: object): Promise<string> => {
    const lines: string[] = [];
    const put = (line: string): void => void lines.push(line);
    await main(['doctor'], { out: put, error: put, environment: { ...house.environment, ...extra } });
    return lines.join('\n');
  };
  expect(await doctor({})).toContain('ok    keys within their cryptoperiod: none is overdue');
  await house.db.admin(`update crypto.kek set created_at = now() - interval '3 days' where state = 'active'`);
  const late = await doctor({ GATEHOUSE_CRYPTOPERIODS: 'tenant_key=2' });
  expect(late).toMatch(/FAIL {2}keys within their cryptoperiod: overdue, rotate them: .*1 tenant_key/);
  const { body } = await call(house.url, 'GET', '/metrics');
  expect(String(body)).toMatch(
    /gatehouse_root_provider_call_duration_seconds_count\{provider="local",operation="unwrap",outcome="success"\} [1-9]/,
  );
});
