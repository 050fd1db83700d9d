import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { NewSink, SinkView } from '../../audit/index.ts';
import type { AuditEvent, Principal, TenantId } from '../../kernel/index.ts';
import { startHttpReceiver, type HttpReceiver } from '../support/http-receiver.ts';
import { createAuditFixture, createEvent, createPrincipal, probed, type AuditFixture } from './fixture.ts';

let house: AuditFixture;
let tenant: TenantId;
let admin: Principal;
let receivers: HttpReceiver[] = [];
let tenants = 0;

beforeAll(async () => {
  house = await createAuditFixture();
});
beforeEach(async () => {
  tenant = await house.db.createTenant(`sinks-${(tenants += 1)}`);
  admin = createPrincipal(tenant, 'Ada Admin');
  await house.audit.ensureLog(tenant);
});
afterAll(async () => {
  await house.close();
  for (const receiver of receivers) await receiver.close();
  receivers = [];
});

const receiver = async (): Promise<HttpReceiver> => {
  const made = await startHttpReceiver();
  receivers.push(made);
  return made;
};
const webhook = (url: string, changes: Partial<NewSink> = {}): NewSink => ({
  name: `to ${url}`,
  configuration: { kind: 'webhook', url, format: 'native' },
  filter: {},
  secrets: {},
  personalData: false,
  from: 0,
  ...changes,
});
const create = (sink: NewSink) =>
  house.db.database.withTenant(tenant, (tx) => house.audit.sinks.create(tx, admin, sink));
const view = (id: string): Promise<SinkView> =>
  house.db.database.withTenant(tenant, (tx) => house.audit.sinks.get(tx, id));
const change = (id: string, what: Parameters<typeof house.audit.sinks.change>[3]) =>
  house.db.database.withTenant(tenant, (tx) => house.audit.sinks.change(tx, admin, id, what));
const record = (count: number, changes: Partial<AuditEvent<typeof probed.detail>> = {}) =>
  house.audit.recordMany(Array.from({ length: count }, () => createEvent(tenant, changes)));

/** Delivers until nothing moves any more. */
async function deliver(): Promise<void> {
  await house.audit.flush();
  for (let quiet = 0; quiet < 2;) quiet = (await house.audit.sinks.worker.tick()) === 0 ? quiet + 1 : 0;
  await house.audit.sinks.worker.settle();
}
/** As if the pause were over. */
const retryNow = (id: string) =>
  house.db.admin("update audit.sink set next_attempt_at = now() - interval '1 second' where id = $1", [id]);

type Delivered = {
  readonly type: string;
  readonly data: {
    readonly events: readonly {
      readonly seq: number;
      readonly action: string;
      readonly actor: { readonly displayName: string | null };
      readonly detail: unknown;
    }[];
  };
};
const delivered = (from: HttpReceiver) =>
  from.received.flatMap(({ body }) => (JSON.parse(body) as Delivered).data.events);

describe('a signed webhook', () => {
  test('gets every event once, in the order of the log, signed as Standard Webhooks ask', async () => {
    const target = await receiver();
    await record(250);
    const { signingSecret, sink } = await create(webhook(target.url));
    await deliver();
    const events = delivered(target).filter(({ action }) => action === probed.action);
    expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: 250 }, (_, at) => at));
    expect(signingSecret).toMatch(/^whsec_/);
    const key = Buffer.from((signingSecret ?? '').slice(6), 'base64');
    for (const { headers, body } of target.received) {
      const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
      expect(headers['webhook-signature']).toBe(
        `v1,${createHmac('sha256', key).update(signed).digest('base64')}`,
      );
    }
    expect(await view(sink.id)).toMatchObject({ state: 'active', lag: 0, lastError: null });
  });

  test('gets ids only, unless personal data was asked for', async () => {
    const [without, with_] = [await receiver(), await receiver()];
    await record(1, { actor: createPrincipal(tenant, 'Grace Hopper') });
    await create(webhook(without.url));
    await create(webhook(with_.url, { personalData: true }));
    await deliver();
    expect(without.received.map(({ body }) => body).join('')).not.toMatch(/Grace|grace\.hopper|192\.0\.2\.7/);
    expect(delivered(with_)[0]?.actor.displayName).toBe('Grace Hopper');
  });

  test('gets only what its filter lets through, and its cursor passes the rest', async () => {
    const target = await receiver();
    await record(3);
    await record(2, { outcome: 'denied', reason: 'no_rule' });
    const { sink } = await create(
      webhook(target.url, { filter: { outcomes: ['denied'], actions: ['contacts.*'] } }),
    );
    await deliver();
    expect(delivered(target).map(({ seq }) => seq)).toEqual([3, 4]);
    expect((await view(sink.id)).lag).toBe(0);
  });

  test('begins with the next event when nothing else is said', async () => {
    const target = await receiver();
    await record(4);
    await create(webhook(target.url, { from: null }));
    await house.audit.flush();
    await record(1);
    await deliver();
    expect(
      delivered(target)
        .filter(({ action }) => action === probed.action)
        .map(({ seq }) => seq),
    ).toEqual([5]);
  });
});

describe('a receiver that fails', () => {
  test('waits longer each time, is called failing after three attempts, and then gets everything', async () => {
    const target = await receiver();
    target.answer(() => ({ status: 503 }));
    await record(5);
    const { sink } = await create(webhook(target.url));
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      await deliver();
      expect(await view(sink.id)).toMatchObject({
        attempts: attempt,
        lastError: expect.stringContaining('503'),
      });
      await retryNow(sink.id);
    }
    expect(await view(sink.id)).toMatchObject({ state: 'failing', waitingSince: expect.any(Date) });
    target.answer(() => ({ status: 200 }));
    await deliver();
    expect(
      delivered(target)
        .slice(0, 5)
        .map(({ seq }) => seq),
    ).toEqual([0, 1, 2, 3, 4]);
    expect(await view(sink.id)).toMatchObject({
      state: 'active',
      attempts: 0,
      lastError: null,
      deadLetters: 0,
    });
    const actions = await trailActions();
    expect(actions).toContain('audit.sink_failing');
    expect(actions).toContain('audit.sink_recovered');
    expect(await detailOf('audit.sink_failing')).toMatchObject({ attempts: 3, lag: expect.any(Number) });
    expect((await detailOf('audit.sink_failing')).lag).toBeGreaterThanOrEqual(5);
  });

  test('does not hold up another one, whether it is dead or hangs', async () => {
    const [good, hanging] = [await receiver(), await receiver()];
    hanging.answer(() => 'hang');
    await record(20);
    await create(webhook(hanging.url));
    const dead = await create(webhook('http://127.0.0.1:9/'));
    await create(webhook(good.url));
    await house.audit.flush();
    while (delivered(good).filter(({ action }) => action === probed.action).length < 20)
      await house.audit.sinks.worker.tick();
    expect((await view(dead.sink.id)).lastError).toMatch(/127\.0\.0\.1:9/);
    await hanging.close();
    await house.audit.sinks.worker.settle();
  });

  test('loses nothing and sees nothing twice in its answer when it dies in the middle', async () => {
    const target = await receiver();
    let calls = 0;
    target.answer(() => ({ status: (calls += 1) % 2 === 0 ? 500 : 200 }));
    await record(450);
    const { sink } = await create(webhook(target.url));
    for (let round = 0; round < 8; round += 1) {
      await deliver();
      await retryNow(sink.id);
    }
    const events = delivered(target).filter(({ action }) => action === probed.action);
    expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: 450 }, (_, at) => at));
  });

  test('sets one poisoned event aside and goes on', async () => {
    const target = await receiver();
    target.answer(({ body }) =>
      body.includes('poison') ? { status: 422, body: 'cannot read this' } : { status: 200 },
    );
    await record(3);
    await record(1, { detail: { count: 1, note: 'poison' } });
    await record(3);
    const { sink } = await create(webhook(target.url));
    await deliver();
    expect(
      delivered(target)
        .filter(({ action }) => action === probed.action)
        .map(({ seq }) => seq),
    ).toEqual([0, 1, 2, 4, 5, 6]);
    const letters = await house.db.database.withTenant(tenant, (tx) =>
      house.audit.sinks.deadLetters(tx, sink.id, { after: -1, limit: 10 }),
    );
    expect(letters).toEqual([expect.objectContaining({ seq: 3, reason: expect.stringContaining('422') })]);
    expect(await trailActions()).toContain('audit.event_undeliverable');
  });

  test('refuses every event of a batch by a mistake of its own and loses none', async () => {
    const target = await receiver();
    target.answer(() => ({ status: 400, body: 'unknown path' }));
    await record(12);
    const { sink } = await create(webhook(target.url));
    await deliver();
    expect(await view(sink.id)).toMatchObject({ cursor: 0, deadLetters: 0 });
    expect((await view(sink.id)).lastError).toMatch(/every event is refused.*unknown path/);
    target.answer(() => ({ status: 204 }));
    await retryNow(sink.id);
    await deliver();
    expect(
      delivered(target)
        .slice(0, 12)
        .map(({ seq }) => seq),
    ).toEqual(Array.from({ length: 12 }, (_, at) => at));
  });

  test('asks for patience and gets it, within five minutes', async () => {
    const target = await receiver();
    target.answer(() => ({ status: 429, headers: { 'retry-after': '200' } }));
    await record(1);
    const { sink } = await create(webhook(target.url));
    await deliver();
    const wait = (await view(sink.id)).nextAttemptAt.getTime() - Date.now();
    expect(wait).toBeGreaterThan(150_000);
    expect(wait).toBeLessThanOrEqual(300_000);
  });

  test('hangs with all its brothers of a tenant and keeps no other tenant waiting', async () => {
    const hanging = await receiver();
    hanging.answer(() => 'hang');
    await record(1);
    for (let at = 0; at < 30; at += 1) await create(webhook(hanging.url, { name: `hanging ${at}` }));
    const good = await receiver();
    const crowded = tenant;
    tenant = await house.db.createTenant(`calm-${tenants}`);
    await house.audit.ensureLog(tenant);
    await record(5);
    await create(webhook(good.url));
    await house.audit.flush();
    for (let round = 0; round < 20 && delivered(good).length < 5; round += 1)
      await house.audit.sinks.worker.tick();
    expect(delivered(good).length).toBeGreaterThanOrEqual(5);
    await house.db.admin("update audit.sink set state = 'paused' where tenant_id = $1", [crowded]);
    await hanging.close();
    await house.audit.sinks.worker.settle();
  });

  test('gets an event of a megabyte with the digest of its detail instead of the detail', async () => {
    const target = await receiver();
    await record(1);
    await record(1, { detail: { count: 1, note: 'x'.repeat(1_000_000) } });
    await record(1);
    await create(webhook(target.url));
    await deliver();
    expect(delivered(target).slice(0, 3)).toEqual([
      expect.objectContaining({ seq: 0 }),
      expect.objectContaining({
        seq: 1,
        detail: { omitted: expect.any(String), sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
      }),
      expect.objectContaining({ seq: 2 }),
    ]);
  });
});

describe('what an administrator does', () => {
  test('pauses, resumes and replays', async () => {
    const target = await receiver();
    await record(3);
    const { sink } = await create(webhook(target.url));
    await deliver();
    await change(sink.id, { kind: 'paused' });
    const before = target.received.length;
    await record(1);
    await deliver();
    expect(target.received).toHaveLength(before);
    expect((await view(sink.id)).state).toBe('paused');
    await change(sink.id, { kind: 'resumed' });
    await change(sink.id, { kind: 'replayed', from: 1 });
    await deliver();
    expect(
      delivered(target)
        .map(({ seq }) => seq)
        .filter((seq) => seq === 0),
    ).toHaveLength(1);
    expect(
      delivered(target)
        .map(({ seq }) => seq)
        .filter((seq) => seq === 1),
    ).toHaveLength(2);
    await expect(change(sink.id, { kind: 'replayed', from: 1_000 })).rejects.toThrow(/the log ends at/);
  });

  test('cannot give two receivers one name, nor leave out a secret that is needed', async () => {
    const target = await receiver();
    await create(webhook(target.url));
    await expect(create(webhook(target.url))).rejects.toMatchObject({
      code: 'ERR_AUDIT_SINK_EXISTS',
      status: 409,
    });
    const bucket = {
      kind: 's3',
      bucket: 'trail',
      region: 'us-east-1',
      prefix: '',
      format: 'native',
      lockMode: 'COMPLIANCE',
      retainDays: 1,
      pathStyle: true,
    } as const;
    await expect(create(webhook(target.url, { name: 'bucket', configuration: bucket }))).rejects.toThrow(
      /accessKeyId/,
    );
  });

  test('finds each change in the trail, and never a secret in the database', async () => {
    const target = await receiver();
    const { sink, signingSecret } = await create(
      webhook(target.url, { secrets: { authorization: 'Bearer canary-4711' } }),
    );
    await deliver();
    expect(target.received[0]?.headers.authorization).toBe('Bearer canary-4711');
    const { rows } = await house.db.admin(
      'select row_to_json(s)::text as text, sealed_secrets as sealed from audit.sink s where id = $1',
      [sink.id],
    );
    const stored =
      JSON.stringify(rows) + Buffer.from((rows[0] as { sealed: Buffer }).sealed).toString('latin1');
    expect(stored).not.toContain('canary-4711');
    expect(stored).not.toContain(signingSecret);
    expect(JSON.stringify(await view(sink.id))).not.toContain('canary-4711');
    await house.db.database.withTenant(tenant, (tx) => house.audit.sinks.remove(tx, admin, sink.id));
    await expect(view(sink.id)).rejects.toMatchObject({ status: 404 });
    expect(await trailActions()).toEqual(
      expect.arrayContaining(['audit.sink_created', 'audit.sink_removed']),
    );
  });

  test('of one tenant sees no receiver of another', async () => {
    const target = await receiver();
    const { sink } = await create(webhook(target.url));
    const stranger = await house.db.createTenant(`stranger-${tenants}`);
    await expect(
      house.db.database.withTenant(stranger, (tx) => house.audit.sinks.get(tx, sink.id)),
    ).rejects.toMatchObject({ status: 404 });
  });
});

test('a worker that lost its lease in the middle moves no cursor', async () => {
  const target = await receiver();
  await record(3);
  const { sink } = await create(webhook(target.url));
  let calls = 0;
  target.answer(async () => {
    if ((calls += 1) === 1) {
      await change(sink.id, { kind: 'replayed', from: 0 });
      await house.db.admin(
        "update audit.sink set next_attempt_at = now() + interval '1 hour' where id = $1",
        [sink.id],
      );
    }
    return { status: 204 };
  });
  await deliver();
  expect(calls).toBe(1);
  expect(await view(sink.id)).toMatchObject({ cursor: 0, delivered: 0 });
  await retryNow(sink.id);
  await deliver();
  expect((await view(sink.id)).lag).toBe(0);
  expect(delivered(target).filter(({ seq }) => seq === 0)).toHaveLength(2);
});

test('two workers deliver each event once', async () => {
  const target = await receiver();
  await record(300);
  const other = house.another();
  await create(webhook(target.url));
  await house.audit.flush();
  const rounds = async (worker: typeof other.sinks.worker): Promise<void> => {
    for (let quiet = 0; quiet < 3;) quiet = (await worker.tick()) === 0 ? quiet + 1 : 0;
    await worker.settle();
  };
  await Promise.all([rounds(house.audit.sinks.worker), rounds(other.sinks.worker)]);
  const seqs = delivered(target)
    .filter(({ action }) => action === probed.action)
    .map(({ seq }) => seq);
  expect(seqs).toEqual(Array.from({ length: 300 }, (_, at) => at));
});

async function detailOf(action: string): Promise<{ readonly lag?: number }> {
  return house.db.database.withTenant(tenant, async (tx) => {
    const { items } = await house.audit.search(tx, { limit: 1, action });
    const event = await house.audit.event(tx, items[0]?.seq ?? -1);
    return event?.detail as { readonly lag?: number }; // of our own event
  });
}

async function trailActions(): Promise<readonly string[]> {
  await house.audit.flush();
  const { items } = await house.db.database.withTenant(tenant, (tx) =>
    house.audit.search(tx, { limit: 200 }),
  );
  return items.map(({ action }) => action);
}
