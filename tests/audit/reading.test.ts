import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { TrailFilter, TrailItem } from '../../audit/index.ts';
import { parseSubjectId, type Principal, type TenantId } from '../../kernel/index.ts';
import {
  createAuditFixture,
  createEvent,
  createPrincipal,
  newId,
  probed,
  type AuditFixture,
} from './fixture.ts';

let house: AuditFixture;
let tenant: TenantId;
let attacker: Principal;
const subjects = Array.from({ length: 5 }, () => parseSubjectId(newId()));
const trace = '0af7651916cd43dd8448eb211c80319c';

beforeAll(async () => {
  house = await createAuditFixture();
  tenant = await house.db.createTenant('reading');
  attacker = createPrincipal(tenant, 'Mallory');
  const bystander = createPrincipal(tenant, 'Bob');
  await house.audit.recordMany([
    ...subjects.map((subject, at) =>
      createEvent(tenant, {
        actor: attacker,
        subjects: [subject],
        targets: [{ type: 'contacts.contact', id: `c-${at}` }],
        detail: { count: at, note: at === 3 ? 'exported Invoice_4711' : 'plain' },
        call: {
          requestId: `req-${at}`,
          traceparent: `00-${trace}-b7ad6b7169203331-01`,
          origin: { ip: null, userAgent: null, service: 'api' },
        },
      }),
    ),
    ...Array.from({ length: 20 }, () => createEvent(tenant, { actor: bystander })),
    createEvent(tenant, {
      actor: attacker,
      outcome: 'denied',
      reason: 'no_rule',
      subjects: [subjects[0] ?? never()],
    }),
  ]);
  await house.audit.project(tenant);
});
afterAll(() => house.close());

const never = (): never => {
  throw new Error('there are five');
};
const search = async (filter: TrailFilter): Promise<readonly TrailItem[]> =>
  (await house.db.database.withTenant(tenant, (tx) => house.audit.search(tx, { ...filter, limit: 100 })))
    .items;
const seqs = (items: readonly TrailItem[]) => items.map(({ seq }) => seq);

describe('search', () => {
  test.each([
    ['a word of a detail', { q: 'invoice' }, [3]],
    ['the beginning of a word, in any case', { q: 'INVO' }, [3]],
    ['several words, all of which must be there', { q: 'exported 4711' }, [3]],
    ['words that are never together', { q: 'plain 4711' }, []],
    ['an operator and a word', { q: 'outcome:denied no_rule' }, [25]],
    ['a request', { request: 'req-2' }, [2]],
    ['a trace', { trace: trace.toUpperCase() }, [4, 3, 2, 1, 0]],
    ['a target with its type', { target: 'contacts.contact/c-1' }, [1]],
    ['a target by its id, as an operator', { q: 'target:c-1' }, [1]],
    ['quotes and operators of the query language as themselves', { q: `'c-1' | !x` }, []],
  ] as const)('finds %s', async (_what, filter, expected) => {
    expect(seqs(await search(filter))).toEqual(expected);
  });

  test('finds a session', async () => {
    expect(seqs(await search({ session: attacker.sessionId ?? '' }))).toEqual([25, 4, 3, 2, 1, 0]);
  });

  test('refuses an outcome that does not exist', async () => {
    await expect(search({ q: 'outcome:maybe' })).rejects.toThrow(/success, failure or denied/);
  });

  test('of another tenant finds nothing, though one index serves both', async () => {
    const other = await house.db.createTenant('reading-other');
    await house.audit.record(createEvent(other));
    await house.audit.project(other);
    const found = await house.db.database.withTenant(other, (tx) =>
      house.audit.search(tx, { q: 'invoice', limit: 10 }),
    );
    expect(found.items).toEqual([]);
  });

  test('by words can be thrown away and made again from the log', async () => {
    await house.db.database.withTenant(tenant, (tx) => house.audit.projector.reset(tx));
    expect(await search({ q: 'invoice' })).toEqual([]);
    await house.audit.projector.catchUp(tenant);
    expect(seqs(await search({ q: 'invoice' }))).toEqual([3]);
  });

  test('is projected once by two projectors at once', async () => {
    await house.db.database.withTenant(tenant, (tx) => house.audit.projector.reset(tx));
    const other = house.another();
    await Promise.all([house.audit.projector.catchUp(tenant), other.projector.catchUp(tenant)]);
    expect(seqs(await search({ q: 'invoice' }))).toEqual([3]);
  });

  test('by words uses the index, which serves one tenant at a time', async () => {
    const other = await house.db.createTenant('reading-large');
    const otherPrefix = other.replaceAll('-', '').slice(0, 8);
    await house.db.admin(
      `insert into audit.search_entry select $1, n, array_to_tsvector(array[$2 || 'w:common', $2 || 'w:word' || n]) from generate_series(1, 30000) n`,
      [other, otherPrefix],
    );
    await house.db.admin('analyze audit.search_entry');
    const results = (await house.db.admin(
      `begin; set local enable_seqscan = off; explain select seq from audit.search_entry
       where tenant_id = '${other}' and terms @@ $$'${otherPrefix}w:word77':*$$::tsquery; commit`,
    )) as unknown as readonly { readonly rows: readonly unknown[] }[]; // several statements give several results
    expect(JSON.stringify(results[2]?.rows)).toContain('Bitmap Index Scan on search_entry_terms');
    await house.db.admin('delete from audit.search_entry where tenant_id = $1', [other]);
  });
});

describe('the blast radius', () => {
  test('counts and names what a session touched', async () => {
    const found = await house.db.database.withTenant(tenant, (tx) =>
      house.audit.blastRadius(
        tx,
        { session: attacker.sessionId ?? '' },
        { afterSubject: '', afterRecord: '', limit: 100 },
      ),
    );
    expect(found).toMatchObject({
      events: 6,
      denied: 1,
      subjectCount: 5,
      recordCount: 6,
      firstSeq: 0,
      lastSeq: 25,
    });
    expect(found.subjects.find(({ id }) => id === subjects[0])).toEqual({
      id: subjects[0],
      events: 2,
      firstSeq: 0,
      lastSeq: 25,
    });
    expect(found.records.map(({ id }) => id)).toContain('contacts.contact/c-4');
  });

  test('comes in pages that name everybody once', async () => {
    const names: string[] = [];
    for (let afterSubject = ''; ;) {
      const page = { afterSubject, afterRecord: '', limit: 2 };
      const { subjects: found } = await house.db.database.withTenant(tenant, (tx) =>
        house.audit.blastRadius(tx, { actor: attacker.id }, page),
      );
      names.push(...found.map(({ id }) => id));
      if (found.length < 2) break;
      afterSubject = found.at(-1)?.id ?? '';
    }
    expect(names).toEqual([...subjects].toSorted());
  });

  test('needs a credential', async () => {
    const page = { afterSubject: '', afterRecord: '', limit: 2 };
    await expect(
      house.db.database.withTenant(tenant, (tx) => house.audit.blastRadius(tx, { outcome: 'denied' }, page)),
    ).rejects.toThrow(/name the credential/);
  });
});

test('the timeline of an actor goes by session', async () => {
  const found = await house.db.database.withTenant(tenant, (tx) =>
    house.audit.timeline(tx, attacker.id, {}, null),
  );
  expect(found).toMatchObject({
    scanned: 6,
    before: null,
    sessions: [
      {
        session: attacker.sessionId,
        events: 6,
        denied: 1,
        subjects: 5,
        highestLevel: 2,
        actions: [{ value: probed.action, count: 6 }],
      },
    ],
  });
});

describe('the live tail', () => {
  const follow = (filter: TrailFilter, from: number | null) => {
    const end = new AbortController();
    return { events: house.audit.follow({ tenantId: tenant, filter, from, signal: end.signal }), end };
  };
  /** Reads until `count` entries came. */
  async function take(events: AsyncGenerator<string>, count: number): Promise<readonly number[]> {
    const found: number[] = [];
    for await (const text of events) {
      if (text.includes('event: entry')) found.push(Number(/^id: (\d+)$/m.exec(text)?.[1]));
      if (found.length >= count) return found;
    }
    return found;
  }

  test('gives what is there from a number on, then what comes', async () => {
    const { events, end } = follow({}, 24);
    const reading = take(events, 4);
    await house.audit.recordMany([createEvent(tenant), createEvent(tenant)]);
    const found = await reading;
    expect(found.slice(0, 2)).toEqual([24, 25]);
    expect(found).toEqual(found.map((_, at) => 24 + at));
    end.abort();
  });

  test('misses nothing when a client comes back with the last id, even when a filter leaves most out', async () => {
    const first = follow({ q: 'plain' }, 0);
    const seen = await take(first.events, 2);
    first.end.abort();
    const again = follow({ q: 'plain' }, (seen.at(-1) ?? 0) + 1);
    const rest = await take(again.events, 2);
    again.end.abort();
    expect([...seen, ...rest]).toEqual([0, 1, 2, 4]);
  });

  test('of an empty log gives no number before there is an event', async () => {
    const empty = await house.db.createTenant('reading-empty');
    const end = new AbortController();
    const events = house.audit.follow({ tenantId: empty, filter: {}, from: null, signal: end.signal });
    await events.next();
    const next = events.next();
    await house.audit.record(createEvent(empty));
    expect((await next).value).toMatch(/^id: 0\nevent: entry\n/);
    end.abort();
  });

  test('ends when its reader goes away', async () => {
    const { events, end } = follow({}, null);
    await events.next();
    end.abort();
    for await (const _text of events); // would never end otherwise
    expect(end.signal.aborted).toBe(true);
  });
});

describe('saved views', () => {
  const owner = () => createPrincipal(tenant, 'Olga Owner');
  const input = { name: 'denied', shared: false, filter: { outcome: 'denied' as const }, schedule: null };
  const as = <T>(work: (tx: Parameters<typeof house.audit.views.list>[0]) => Promise<T>) =>
    house.db.database.withTenant(tenant, work);

  test('belong to whoever made them; shared ones are read by all, changed by nobody else', async () => {
    const [mine, yours] = [owner(), owner()];
    const kept = await as((tx) => house.audit.views.create(tx, mine, input));
    await expect(as((tx) => house.audit.views.create(tx, mine, input))).rejects.toMatchObject({
      code: 'ERR_AUDIT_VIEW_EXISTS',
    });
    expect(await as((tx) => house.audit.views.list(tx, yours))).toEqual([]);
    await as((tx) => house.audit.views.replace(tx, mine, kept.id, { ...input, shared: true }));
    expect((await as((tx) => house.audit.views.list(tx, yours))).map(({ id }) => id)).toEqual([kept.id]);
    await expect(as((tx) => house.audit.views.replace(tx, yours, kept.id, input))).rejects.toMatchObject({
      status: 404,
    });
    await expect(as((tx) => house.audit.views.remove(tx, yours, kept.id))).rejects.toMatchObject({
      status: 404,
    });
    await as((tx) => house.audit.views.remove(tx, mine, kept.id));
    expect(await as((tx) => house.audit.views.list(tx, mine))).toEqual([]);
  });

  test('with a schedule are mailed to their owner once for each time, with what is new and no personal data', async () => {
    const mine = owner();
    const kept = await as((tx) =>
      house.audit.views.create(tx, mine, { ...input, name: 'daily', schedule: { every: 'day', hour: 6 } }),
    );
    await house.audit.recordMany([
      createEvent(tenant, { outcome: 'denied', actor: attacker }),
      createEvent(tenant),
    ]);
    await house.db.admin(
      `update audit.saved_view set next_run_at = now() - interval '1 minute' where id = $1`,
      [kept.id],
    );
    const rounds = await Promise.all([house.audit.deliverViews(), house.another().deliverViews()]);
    expect(rounds.reduce((sum, count) => sum + count, 0)).toBe(1);
    expect(house.mails).toHaveLength(1);
    expect(house.mails[0]).toMatchObject({ to: mine.email, subject: expect.stringContaining('1 new') });
    expect(house.mails[0]?.text).toMatch(/contacts\.contact_read {2}denied/);
    expect(house.mails[0]?.text).not.toContain('Mallory');
    const [after] = (await as((tx) => house.audit.views.list(tx, mine))).filter(({ id }) => id === kept.id);
    expect(after?.nextRunAt?.getTime()).toBeGreaterThan(Date.now());
    const { rows } = await house.db.admin('select sealed_recipient from audit.saved_view where id = $1', [
      kept.id,
    ]);
    expect(
      Buffer.from((rows[0] as { sealed_recipient: Buffer }).sealed_recipient).toString('latin1'),
    ).not.toContain('olga');
  });

  test('of an owner whose key was destroyed are not mailed any more', async () => {
    const mine = owner();
    const kept = await as((tx) =>
      house.audit.views.create(tx, mine, { ...input, name: 'gone', schedule: { every: 'day', hour: 6 } }),
    );
    await as((tx) =>
      house.crypto.shred(tx, [parseSubjectId(mine.id)], { requestId: 'r', reason: 'left', actor: attacker }),
    );
    await house.db.admin(
      `update audit.saved_view set next_run_at = now() - interval '1 minute' where id = $1`,
      [kept.id],
    );
    const before = house.mails.length;
    await house.audit.deliverViews();
    expect(house.mails).toHaveLength(before);
    const [after] = (await as((tx) => house.audit.views.list(tx, mine))).filter(({ id }) => id === kept.id);
    expect(after?.lastError).toMatch(/destroyed/);
  });
});
