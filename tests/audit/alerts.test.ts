import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createAlerting, type Alerting } from '../../audit/alerts/alerting.ts';
import type { BacktestLine } from '../../audit/alerts/backtest.ts';
import { ruleDefinitionSchema, type RuleDefinition } from '../../audit/alerts/rule.ts';
import { trailRead, type Audit } from '../../audit/index.ts';
import { silentLogger, type AuditEvent, type Principal, type TenantId } from '../../kernel/index.ts';
import { createAuditFixture, createEvent, createPrincipal, newId, type AuditFixture } from './fixture.ts';

let house: AuditFixture;
let audit: Audit;
let now = Date.parse('2026-11-23T08:00:00Z');
const clock = { now: () => new Date(now) };
const mails: { readonly to: string; readonly text: string; readonly idempotencyKey: string }[] = [];
let mailFails = false;

beforeAll(async () => {
  house = await createAuditFixture();
  audit = house.another(house.db.database, { clock });
});
afterAll(() => house.close());

/** Another process that follows, as far as one process can play several. */
const follower = (entriesPerTransaction = 2_000): Alerting =>
  createAlerting({
    database: house.db.database,
    crypto: house.crypto,
    clock,
    newId,
    logger: silentLogger,
    audit: () => audit,
    entriesPerTransaction,
    publicUrl: 'https://gatehouse.test',
    send: (mail) => {
      if (mailFails) return Promise.reject(new Error('the mail system is away'));
      mails.push(mail);
      return Promise.resolve();
    },
  });

const inTenant = <T>(tenantId: TenantId, work: Parameters<typeof house.db.database.withTenant<T>>[1]) =>
  house.db.database.withTenant(tenantId, work);

async function backtest(
  actor: Principal,
  definition: RuleDefinition,
  range: {
    readonly from?: number;
    readonly to?: number;
    readonly ruleId?: string;
    readonly beginAt?: number;
  } = {},
  batch = 2_000,
): Promise<readonly BacktestLine[]> {
  const lines: BacktestLine[] = [];
  const { from = null, to = null, ruleId = null, ...rest } = range;
  const query = { definition, from, to, since: null, ruleId, signal: new AbortController().signal, ...rest };
  for await (const line of follower(batch).backtest(actor, query)) lines.push(line);
  return lines;
}

const alertsOf = (lines: readonly BacktestLine[]) => lines.filter((line) => line.kind === 'alert');

async function enable(actor: Principal, input: unknown, name = newId()): Promise<string> {
  const definition = ruleDefinitionSchema.parse(input);
  const { rules } = follower();
  await audit.prepare(actor.tenantId);
  const { id } = await inTenant(actor.tenantId, (tx) =>
    rules.create(tx, actor, { name, severity: 'high', definition }),
  );
  await backtest(actor, definition);
  await audit.flush();
  await inTenant(actor.tenantId, (tx) => rules.enable(tx, actor, id));
  return id;
}

const raisedOf = (tenantId: TenantId, ruleId: string) =>
  inTenant(tenantId, (tx) => follower().alerts.list(tx, { state: null, ruleId, before: null, limit: 1_000 }));

const read = (actor: Principal, changes: Partial<AuditEvent> = {}): AuditEvent =>
  createEvent(actor.tenantId, { actor, call: undefined as never, ...changes } as never); // the fixture's own detail

async function setUp(name: string) {
  const tenantId = await house.db.createTenant(name);
  return { tenantId, admin: createPrincipal(tenantId, 'Ada Admin') };
}

const burst = { kind: 'threshold', filter: { action: 'contacts.*' }, by: 'actor', count: 3, windowSeconds: 60, quietSeconds: 0 } as const; // prettier-ignore

describe('a rule', () => {
  test('is not switched on before exactly this definition was back-tested to the end', async () => {
    const { tenantId, admin } = await setUp('untested');
    const { rules } = follower();
    await audit.prepare(tenantId);
    const definition = ruleDefinitionSchema.parse(burst);
    const input = { name: 'burst', severity: 'low', definition } as const;
    const { id } = await inTenant(tenantId, (tx) => rules.create(tx, admin, input));
    await expect(inTenant(tenantId, (tx) => rules.enable(tx, admin, id))).rejects.toMatchObject({ code: 'ERR_AUDIT_RULE_UNTESTED' }); // prettier-ignore
    const stopped = follower().backtest(admin, { definition, ruleId: id, from: null, since: null, to: null, signal: AbortSignal.abort() }); // prettier-ignore
    for await (const line of stopped) expect(line.kind).toBe('begun');
    await expect(inTenant(tenantId, (tx) => rules.enable(tx, admin, id))).rejects.toMatchObject({ code: 'ERR_AUDIT_RULE_UNTESTED' }); // prettier-ignore
    await backtest(admin, definition);
    expect(await inTenant(tenantId, (tx) => rules.enable(tx, admin, id))).toMatchObject({ enabled: true });
    const other = { ...input, definition: { ...definition, count: 4 } as RuleDefinition };
    expect(await inTenant(tenantId, (tx) => rules.replace(tx, admin, id, other))).toMatchObject({ enabled: false, testedAt: null }); // prettier-ignore
    await expect(inTenant(tenantId, (tx) => rules.create(tx, admin, input))).rejects.toMatchObject({ code: 'ERR_AUDIT_RULE_EXISTS' }); // prettier-ignore
  });

  test('raises once, as a row and as an event that names the events, whoever follows', async () => {
    const { tenantId, admin } = await setUp('raises');
    const id = await enable(admin, burst);
    const mallory = createPrincipal(tenantId, 'Mallory');
    await audit.recordMany([read(mallory), read(mallory), read(mallory)]);
    await Promise.all([1, 2, 3].map(() => follower().follower.catchUp(tenantId)));
    await follower().follower.catchUp(tenantId);
    const alerts = await raisedOf(tenantId, id);
    expect(alerts).toMatchObject([{ key: mallory.id, events: 3, state: 'open', severity: 'high' }]);
    await audit.flush();
    const { items } = await inTenant(tenantId, (tx) =>
      audit.search(tx, { action: 'audit.alert_raised', limit: 10 }),
    );
    expect(items).toHaveLength(1);
    const event = await inTenant(tenantId, (tx) => audit.event(tx, items[0]?.seq ?? -1));
    expect(event.detail).toMatchObject({ ruleId: id, key: mallory.id, seqs: alerts[0]?.seqs, depth: 0 });
    const { logId } = await audit.ensureLog(tenantId);
    expect(audit.toOcsf(event, { tenantId, logName: logId, productVersion: '1' })).toMatchObject({ class_uid: 2004, severity_id: 4 }); // prettier-ignore
  });

  test('sees nothing of another tenant', async () => {
    const [one, other] = [await setUp('wall-one'), await setUp('wall-other')];
    const id = await enable(one.admin, { ...burst, by: 'none' });
    const stranger = createPrincipal(other.tenantId, 'Stranger');
    await audit.recordMany([read(stranger), read(stranger), read(stranger)]);
    await audit.recordMany([read(one.admin), read(one.admin)]);
    for (const { tenantId } of [one, other]) await follower().follower.catchUp(tenantId);
    expect(await raisedOf(one.tenantId, id)).toEqual([]);
    expect(await inTenant(other.tenantId, (tx) => follower().rules.list(tx))).toEqual([]);
  });

  test('about alerts does not go round in circles', async () => {
    const { tenantId, admin } = await setUp('circles');
    const onAlert = { kind: 'threshold', filter: { action: 'audit.alert_raised' }, by: 'none', count: 1, windowSeconds: 1, quietSeconds: 0 }; // prettier-ignore
    const first = await enable(admin, burst);
    const second = await enable(admin, onAlert);
    const third = await enable(admin, { ...onAlert, windowSeconds: 2 });
    await audit.recordMany([read(admin), read(admin), read(admin)]);
    for (let round = 0; round < 5; round += 1) {
      await follower().follower.catchUp(tenantId);
      await audit.flush();
    }
    expect(await Promise.all([first, second, third].map(async (id) => (await raisedOf(tenantId, id)).length))).toEqual([1, 1, 1]); // prettier-ignore
  });

  test('about absence is told by the clock when the whole log was seen', async () => {
    const { tenantId, admin } = await setUp('absence');
    const id = await enable(admin, { kind: 'absence', filter: { action: 'contacts.*' }, windowSeconds: 600 });
    now += 609_000;
    await follower().follower.catchUp(tenantId);
    expect(await raisedOf(tenantId, id)).toEqual([]);
    now += 2_000;
    await follower().follower.tick();
    await follower().follower.catchUp(tenantId);
    expect(await raisedOf(tenantId, id)).toMatchObject([{ key: '', events: 0, note: 'no event for 600 s' }]);
  });

  test('about travel opens addresses of the events it needs, and says how many', async () => {
    const { tenantId, admin } = await setUp('travel');
    const networks = [
      { network: '192.0.2.0/24', place: 'Warsaw', latitude: 52.23, longitude: 21.01 },
      { network: '198.51.100.0/24', place: 'Sydney', latitude: -33.87, longitude: 151.21 },
    ];
    await audit.prepare(tenantId);
    await inTenant(tenantId, (tx) => follower().alerts.replaceNetworks(tx, admin, networks));
    const id = await enable(admin, { kind: 'impossible_travel', filter: { action: 'contacts.*' } });
    const from = (ip: string) => read(admin, { call: { requestId: 'r', traceparent: null, origin: { ip, userAgent: null, service: 'api' } } }); // prettier-ignore
    await audit.record(from('192.0.2.1'));
    now += 60_000;
    await audit.record(from('198.51.100.9'));
    await follower(1).follower.catchUp(tenantId);
    expect(await raisedOf(tenantId, id)).toMatchObject([{ key: admin.id, note: expect.stringMatching(/^15\d\d\d km in 60 s$/) }]); // prettier-ignore
    const stored = await house.db.admin('select state::text from audit.alert_rule where id = $1', [id]);
    expect(JSON.stringify(stored)).not.toMatch(/192\.0\.2|198\.51/);
    await audit.flush();
    const { items } = await inTenant(tenantId, (tx) =>
      audit.search(tx, { action: 'audit.origins_opened', limit: 10 }),
    );
    expect(items.length).toBeGreaterThan(0);
  });
});

describe('mails about alerts', () => {
  test('go to whoever asked for them, hold nobody, and wait while the mail system is away', async () => {
    const { tenantId, admin } = await setUp('mails');
    const id = await enable(admin, burst, 'Burst of reads');
    await inTenant(tenantId, (tx) => follower().rules.subscribe(tx, admin, id));
    const mallory = createPrincipal(tenantId, 'Mallory Malice');
    await audit.recordMany([read(mallory), read(mallory), read(mallory)]);
    await follower().follower.catchUp(tenantId);
    mailFails = true;
    await follower().deliverMails();
    mailFails = false;
    await follower().deliverMails();
    expect(mails).toEqual([]);
    now += 61_000;
    await follower().deliverMails();
    await follower().deliverMails();
    expect(mails).toHaveLength(1);
    expect(mails[0]?.to).toBe(admin.email);
    expect(mails[0]?.text).toContain('Burst of reads');
    expect(JSON.stringify(mails[0])).not.toMatch(new RegExp(`Mallory|${mallory.id}|${mallory.email}`, 'i'));
  });
});

const kinds: readonly unknown[] = [
  burst,
  { ...burst, by: 'none', count: 5, windowSeconds: 300, quietSeconds: 600 },
  { ...burst, by: 'target', count: 2, windowSeconds: 3_600 },
  { kind: 'sequence', steps: [{ outcome: 'denied' }, { action: 'contacts.*', outcome: 'success' }], windowSeconds: 120, quietSeconds: 0 },
  { kind: 'mass_export', rows: 300, windowSeconds: 600, quietSeconds: 0 },
  { kind: 'off_hours', filter: { category: 'data' }, timeZone: 'Europe/Warsaw', days: [1, 2, 3, 4, 5], from: '10:00', to: '12:00', quietSeconds: 120 },
  { kind: 'absence', filter: { outcome: 'denied' }, windowSeconds: 60, quietSeconds: 0 },
  { kind: 'impossible_travel', filter: { action: 'contacts.*' }, newNetworkSeconds: 600, quietSeconds: 0 },
  { ...burst, filter: { action: 'audit.alert_raised' }, by: 'none', count: 2, windowSeconds: 86_400 },
]; // prettier-ignore

describe('a back-test', () => {
  const step = fc.record({
    chunk: fc.integer({ min: 1, max: 40 }),
    batch: fc.integer({ min: 1, max: 25 }),
    follow: fc.constantFrom('none', 'one transaction', 'to the end', 'two at once'),
    forwardSeconds: fc.integer({ min: 0, max: 200 }),
  });
  const sketch = fc.record({
    who: fc.integer({ min: 0, max: 3 }),
    outcome: fc.constantFrom('success', 'success', 'denied'),
    lateSeconds: fc.constantFrom(0, 0, 5, 50, 500),
    rows: fc.integer({ min: 0, max: 100 }),
    network: fc.integer({ min: 0, max: 3 }),
    isRead: fc.boolean(),
  });
  test('raises what the live log raised, however it was followed', async () => {
    let alerts = 0;
    const property = fc.asyncProperty(
      fc.array(step, { minLength: 3, maxLength: 6 }),
      fc.array(sketch, { minLength: 60, maxLength: 160 }),
      async (steps, sketches) => {
        const { tenantId, admin } = await setUp(`property-${newId()}`);
        const ids = await Promise.all(kinds.map((kind) => enable(admin, kind)));
        const people = [0, 1, 2, 3].map((at) => createPrincipal(tenantId, `Person ${at}`));
        await play(tenantId, steps, sketches, people);
        now += 11_000;
        for (let round = 0; round < 4; round += 1) {
          await follower(7).follower.catchUp(tenantId);
          await audit.flush();
        }
        for (const id of ids) {
          const rule = await inTenant(tenantId, (tx) => follower().rules.get(tx, id));
          const live = await raisedOf(tenantId, id);
          const beginAt = rule.sinceAt?.getTime() ?? 0;
          const lines = await backtest(
            admin,
            rule.definition,
            { from: rule.sinceSeq ?? 0, ruleId: id, beginAt },
            13,
          );
          const told = alertsOf(lines).map(({ key, at, seqs, events, note }) => ({
            key,
            at,
            seqs,
            events,
            note,
          }));
          const raised = live.map(({ key, at, seqs, events, note }) => ({
            key,
            at: at.toISOString(),
            seqs,
            events,
            note,
          }));
          expect({ kind: rule.definition.kind, alerts: sorted(told) }).toEqual({
            kind: rule.definition.kind,
            alerts: sorted(raised),
          });
          alerts += live.length;
        }
      },
    );
    await fc.assert(property, {
      numRuns: Number(process.env['GATEHOUSE_ALERT_RUNS'] ?? 3),
      endOnFailure: true,
    });
    expect(alerts).toBeGreaterThan(20);
  }, 120_000);

  type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
  type Sketch = typeof sketch extends fc.Arbitrary<infer T> ? T : never;

  async function play(
    tenantId: TenantId,
    steps: readonly Step[],
    sketches: readonly Sketch[],
    people: readonly Principal[],
  ) {
    const waiting = [...sketches];
    for (let at = 0; waiting.length > 0; at += 1) {
      const { chunk, batch, follow, forwardSeconds } = steps[at % steps.length] ?? {
        chunk: 1,
        batch: 1,
        follow: 'none',
        forwardSeconds: 0,
      };
      const recording: Promise<void>[] = [];
      for (const one of waiting.splice(0, chunk)) {
        now += 700;
        recording.push(audit.record(eventOf(tenantId, one, people)));
      }
      await Promise.all(recording);
      now += forwardSeconds * 1_000;
      const { follower: mine } = follower(batch);
      if (follow === 'one transaction') await mine.tick();
      if (follow === 'to the end') await mine.catchUp(tenantId);
      if (follow === 'two at once')
        await Promise.all([mine.catchUp(tenantId), follower(3).follower.catchUp(tenantId)]);
    }
  }

  function eventOf(tenantId: TenantId, one: Sketch, people: readonly Principal[]): AuditEvent {
    const actor = people[one.who] ?? createPrincipal(tenantId);
    const occurredAt = new Date(now - one.lateSeconds * 1_000);
    if (!one.isRead)
      return {
        definition: trailRead,
        tenantId,
        outcome: 'success',
        actor,
        occurredAt,
        detail: { what: 'search', returned: one.rows },
      } as AuditEvent; // the checker looks at the detail
    const origin = { ip: `198.51.${one.network}.7`, userAgent: null, service: 'api' };
    return read(actor, {
      outcome: one.outcome as AuditEvent['outcome'],
      occurredAt,
      targets: [{ type: 'contacts.contact', id: `c-${one.rows % 10}` }],
      call: { requestId: 'r', traceparent: null, origin },
    });
  }

  test('tells how far it came, names so many alerts, and saves no alert', async () => {
    const { tenantId, admin } = await setUp('told');
    await audit.recordMany(Array.from({ length: 30 }, () => read(admin)));
    const lines = await backtest(admin, ruleDefinitionSchema.parse(burst), {}, 10);
    expect(lines.filter(({ kind }) => kind === 'progress').length).toBeGreaterThan(1);
    expect(lines.at(-1)).toMatchObject({ kind: 'finished', alerts: 10, named: 10, opened: 0 });
    expect(await house.db.admin('select 1 from audit.alert where tenant_id = $1', [tenantId])).toMatchObject({
      rowCount: 0,
    });
    await audit.flush();
    const { items } = await inTenant(tenantId, (tx) =>
      audit.search(tx, { action: 'audit.rule_tested', limit: 10 }),
    );
    expect(items).toHaveLength(2);
  });

  test('refuses a range that is longer than it goes through', async () => {
    const { admin } = await setUp('range');
    const wrong = backtest(admin, ruleDefinitionSchema.parse(burst), { from: 10, to: 5 });
    await expect(wrong).rejects.toMatchObject({ code: 'ERR_INVALID_REQUEST' });
  });
});

const sorted = (alerts: readonly object[]): readonly string[] =>
  alerts
    .map((alert) => JSON.stringify(Object.entries(alert).toSorted(([a], [b]) => a.localeCompare(b))))
    .toSorted();
