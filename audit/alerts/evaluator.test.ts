import { describe, expect, test } from '@jest/globals';
import type { LeafBody } from '../leaf.ts';
import { createEvaluator, maxAlertsPerHour, type Raised } from './evaluator.ts';
import type { Places } from './places.ts';
import { emptyState, maxKeys, readState, storeState } from './rule-state.ts';
import { ruleDefinitionSchema, type RuleDefinition } from './rule.ts';
import { seeEvent, type SeenEvent } from './seen-event.ts';
import type { z } from 'zod';

type Sketch = Partial<LeafBody> & { readonly at: string; readonly actor?: LeafBody['actor'] };
const noPlaces: Places = { learn: () => Promise.resolve(0), known: () => null };
const mira = { type: 'user', id: 'mira' };
const bob = { type: 'user', id: 'bob' };

/** @param at - a time of 2026-11-23 (a Monday), or a whole one */
function eventOf(seq: number, { at, ...rest }: Sketch): SeenEvent {
  const time = at.includes('T') ? at : `2026-11-23T${at}Z`;
  const body: LeafBody = {
    v: 1,
    id: `event-${seq}`,
    occurredAt: time,
    receivedAt: time,
    action: 'a.done',
    version: 1,
    category: 'data',
    outcome: 'success',
    actor: mira,
    ...rest,
  };
  return seeEvent(seq, body, body.detail ?? {});
}

function run(
  definition: z.input<typeof ruleDefinitionSchema>,
  sketches: readonly Sketch[],
  options: {
    readonly begin?: string;
    readonly end?: string;
    readonly places?: Places;
    readonly ruleId?: string;
  } = {},
): readonly Raised[] {
  const begin = options.begin === undefined ? null : Date.parse(`2026-11-23T${options.begin}Z`);
  const evaluator = start(ruleDefinitionSchema.parse(definition), begin, options);
  const raised = sketches.flatMap((sketch, seq) => [...evaluator.pass(eventOf(seq, sketch))]);
  if (options.end === undefined) return raised;
  return [...raised, ...evaluator.passTime(Date.parse(`2026-11-23T${options.end}Z`))];
}

const start = (
  definition: RuleDefinition,
  begin: number | null,
  { ruleId, places = noPlaces }: { readonly ruleId?: string; readonly places?: Places },
) => createEvaluator(ruleId ?? null, definition, emptyState(begin), places);

const seqs = (raised: readonly Raised[]) => raised.map((one) => one.seqs);

describe('threshold', () => {
  const three = { kind: 'threshold', filter: { action: 'a.*' }, by: 'actor', count: 3, windowSeconds: 60, quietSeconds: 0 } as const; // prettier-ignore
  test.each<[string, readonly Sketch[], readonly (readonly number[])[]]>([
    ['at the very edge of the window', [{ at: '10:00:00.000' }, { at: '10:00:30.000' }, { at: '10:01:00.000' }], [[0, 1, 2]]],
    ['a millisecond behind it: not', [{ at: '10:00:00.000' }, { at: '10:00:30.000' }, { at: '10:01:00.001' }], []],
    ['over midnight', [{ at: '23:59:30.000' }, { at: '23:59:59.999' }, { at: '2026-11-24T00:00:30Z' }], [[0, 1, 2]]],
    ['of two actors: not', [{ at: '10:00:00' }, { at: '10:00:01', actor: bob }, { at: '10:00:02' }, { at: '10:00:03', actor: bob }], []],
    ['another action between them', [{ at: '10:00:00' }, { at: '10:00:01' }, { at: '10:00:01', action: 'b.done' }, { at: '10:00:02' }], [[0, 1, 3]]],
    ['and begins anew after an alert', [0, 1, 2, 3, 4, 5].map((second) => ({ at: `10:00:0${second}` })), [[0, 1, 2], [3, 4, 5]]],
    ['with one that comes late between them', [{ at: '10:00:00' }, { at: '10:02:00' }, { at: '10:00:30', receivedAt: '2026-11-23T10:03:00Z' }, { at: '10:00:40', receivedAt: '2026-11-23T10:03:01Z' }], [[0, 2, 3]]],
    ['with a clock of the sender that runs ahead: as received', [{ at: '10:00:00' }, { at: '10:00:01' }, { at: '2027-01-01T00:00:00Z', receivedAt: '2026-11-23T10:00:02Z' }], [[0, 1, 2]]],
  ])('%s', (_what, sketches, expected) => {
    expect(seqs(run(three, sketches))).toEqual(expected);
  }); // prettier-ignore

  test('counts by target and by data subject, each once an event', () => {
    const targets = [
      { type: 't', id: '1' },
      { type: 't', id: '1' },
      { type: 't', id: '2' },
    ];
    const sketch = { at: '10:00:00', targets, subjects: ['s'] };
    expect(run({ ...three, by: 'target', count: 2 }, [sketch, sketch]).map(({ key }) => key)).toEqual([
      't/1',
      't/2',
    ]);
    expect(run({ ...three, by: 'subject', count: 2 }, [sketch, sketch]).map(({ key }) => key)).toEqual(['s']);
  });

  test('is quiet about the same key for as long as asked, and not longer', () => {
    const one = { ...three, count: 1, quietSeconds: 60 };
    expect(seqs(run(one, [{ at: '10:00:00' }, { at: '10:00:59.999' }, { at: '10:00:10', actor: bob }, { at: '10:01:00' }]))).toEqual([[0], [2], [3]]); // prettier-ignore
  });

  test('raises a hundred alerts an hour at most, and counts the rest', () => {
    const evaluator = start(ruleDefinitionSchema.parse({ ...three, count: 1 }), null, {});
    for (let at = 0; at < 150; at += 1) evaluator.pass(eventOf(at, { at: '10:30:00' }));
    expect(evaluator.state.counts).toMatchObject({ raised: maxAlertsPerHour, flooded: 50 });
    expect(evaluator.pass(eventOf(150, { at: '11:00:00' }))).toHaveLength(1);
  });

  test('remembers so many actors and forgets the one that was quiet longest, and says so', () => {
    const evaluator = start(ruleDefinitionSchema.parse({ ...three, count: 2 }), null, {});
    for (let at = 0; at <= maxKeys; at += 1)
      evaluator.pass(eventOf(at, { at: '10:00:00', actor: { type: 'user', id: `u${at}` } }));
    expect(evaluator.state.counts.forgotten).toBe(1);
    expect(evaluator.pass(eventOf(9_000, { at: '10:00:01', actor: { type: 'user', id: 'u0' } }))).toEqual([]);
    expect(
      evaluator.pass(eventOf(9_001, { at: '10:00:01', actor: { type: 'user', id: 'u9' } })),
    ).toHaveLength(1);
  });
});

describe('sequence', () => {
  const rule = {
    kind: 'sequence',
    steps: [{ action: 'a' }, { action: 'b' }, { action: 'c' }],
    windowSeconds: 60,
  } satisfies z.input<typeof ruleDefinitionSchema>;
  const of = (...steps: readonly [string, string, LeafBody['actor']?][]): readonly Sketch[] =>
    steps.map(([action, at, actor = mira]) => ({ action, at, actor }));
  test.each<[string, readonly Sketch[], readonly (readonly number[])[]]>([
    ['A, B, C to the edge of the window', of(['a', '10:00:00'], ['b', '10:00:01'], ['c', '10:01:00']), [[0, 1, 2]]],
    ['C a millisecond too late: not', of(['a', '10:00:00'], ['b', '10:00:01'], ['c', '10:01:00.001']), []],
    ['in another order: not', of(['b', '10:00:00'], ['a', '10:00:01'], ['c', '10:00:02']), []],
    ['by two people: not', of(['a', '10:00:00'], ['b', '10:00:01', bob], ['c', '10:00:02']), []],
    ['an A that is too old and one that is not', of(['a', '09:00:00'], ['a', '10:00:00'], ['b', '10:00:01'], ['c', '10:00:02']), [[1, 2, 3]]],
    ['B that is received last', [...of(['a', '10:00:00'], ['c', '10:00:20']), { action: 'b', at: '10:00:10', receivedAt: '2026-11-23T10:00:30Z' }], [[0, 2, 1]]],
  ])('%s', (_what, sketches, expected) => {
    expect(seqs(run(rule, sketches))).toEqual(expected);
  }); // prettier-ignore

  test('needs two events for two steps, though one matches both', () => {
    const twice = {
      kind: 'sequence',
      steps: [{ action: 'a' }, { action: 'a' }],
      windowSeconds: 60,
    } satisfies z.input<typeof ruleDefinitionSchema>;
    expect(seqs(run(twice, of(['a', '10:00:00'])))).toEqual([]);
    expect(seqs(run(twice, of(['a', '10:00:00'], ['a', '10:00:01'])))).toEqual([[0, 1]]);
  });
});

describe('absence', () => {
  const rule = { kind: 'absence', filter: { action: 'a.*' }, windowSeconds: 600, quietSeconds: 0 } as const;
  const told = (raised: readonly Raised[]) =>
    raised.map(({ at }) => new Date(at).toISOString().slice(11, 19));
  test.each<[string, readonly Sketch[], string, readonly string[]]>([
    ['nothing since it was switched on', [], '10:10:00.001', ['10:10:00']],
    ['not yet at the edge of the window', [], '10:10:00.000', []],
    ['an event begins the window anew', [{ at: '10:09:00' }], '10:19:00', []],
    ['events that do not match do not', [{ at: '10:09:00', action: 'b' }], '10:11:00', ['10:10:00']],
    [
      'a silence that ended before anybody looked',
      [{ at: '10:05:00' }, { at: '10:20:00' }],
      '10:21:00',
      ['10:15:00'],
    ],
    ['one silence once', [{ at: '10:05:00' }], '23:00:00', ['10:15:00']],
  ])('%s', (_what, sketches, end, expected) => {
    expect(told(run(rule, sketches, { begin: '10:00:00', end }))).toEqual(expected);
  });

  test('is the same whether the clock tells of it or the next event', () => {
    const evaluator = start(ruleDefinitionSchema.parse(rule), Date.parse('2026-11-23T10:00:00Z'), {});
    const byClock = evaluator.passTime(Date.parse('2026-11-23T10:12:00Z'));
    expect(evaluator.pass(eventOf(7, { at: '10:13:00' }))).toEqual([]);
    expect(byClock).toEqual(run(rule, [{ at: '10:13:00' }], { begin: '10:00:00' }));
  });

  test('is not ended by the alert about it', () => {
    const raised = { action: 'audit.alert_raised', at: '10:10:01', detail: { depth: 0, ruleId: 'x' } };
    expect(told(run({ ...rule, filter: {} }, [{ at: '10:00:00' }, raised], { end: '10:15:00' }))).toEqual([
      '10:10:00',
    ]);
  });
});

describe('off hours', () => {
  const rule = (timeZone: string, from = '09:00', to = '17:00', days = [1, 2, 3, 4, 5]) =>
    ({ kind: 'off_hours', filter: {}, timeZone, days, from, to, quietSeconds: 0 }) as const;
  test.each<[string, ReturnType<typeof rule>, string, boolean]>([
    ['the first minute of work', rule('UTC'), '2026-11-23T09:00:00Z', false],
    ['the last moment before it', rule('UTC'), '2026-11-23T08:59:59.999Z', true],
    ['the end of work is off', rule('UTC'), '2026-11-23T17:00:00Z', true],
    ['a Sunday', rule('UTC'), '2026-11-22T12:00:00Z', true],
    ['Warsaw in winter, an hour ahead', rule('Europe/Warsaw'), '2026-11-23T08:00:00Z', false],
    ['Warsaw in summer, two hours ahead', rule('Europe/Warsaw'), '2026-07-20T07:00:00Z', false],
    ['Warsaw in summer, 17:00 by its clocks', rule('Europe/Warsaw'), '2026-07-20T15:00:00Z', true],
    ['the Friday before summer time ends', rule('Europe/Warsaw'), '2026-10-23T07:00:00Z', false],
    ['the Monday after: the same UTC hour is 08:00', rule('Europe/Warsaw'), '2026-10-26T07:00:00Z', true],
    [
      'the hour that comes twice, first time',
      rule('Europe/Warsaw', '02:00', '03:00', [7]),
      '2026-10-25T00:30:00Z',
      false,
    ],
    [
      'the hour that comes twice, second time',
      rule('Europe/Warsaw', '02:00', '03:00', [7]),
      '2026-10-25T01:30:00Z',
      false,
    ],
    [
      'the hour that does not come',
      rule('Europe/Warsaw', '02:00', '03:00', [7]),
      '2026-03-29T01:00:00Z',
      true,
    ],
    ['midnight of a whole working day', rule('UTC', '00:00', '00:00', [1]), '2026-11-23T00:00:00Z', false],
    ['the millisecond before it', rule('UTC', '00:00', '00:00', [1]), '2026-11-22T23:59:59.999Z', true],
    [
      'a night shift after midnight belongs to the day before',
      rule('UTC', '22:00', '06:00', [5]),
      '2026-11-28T05:59:00Z',
      false,
    ],
    ['and ends', rule('UTC', '22:00', '06:00', [5]), '2026-11-28T06:00:00Z', true],
    ['nobody worked the night before', rule('UTC', '22:00', '06:00', [5]), '2026-11-27T05:00:00Z', true],
    ['half-hour zones', rule('Asia/Kolkata'), '2026-11-23T03:30:00Z', false],
  ])('%s', (_what, definition, at, isOff) => {
    expect(run(definition, [{ at }])).toHaveLength(isOff ? 1 : 0);
  });

  test('services work at night, unless they are asked about', () => {
    const sketch = { at: '03:00:00', actor: { type: 'service_account', id: 'svc' } };
    expect(run(rule('UTC'), [sketch])).toEqual([]);
    expect(run({ ...rule('UTC'), peopleOnly: false }, [sketch])).toHaveLength(1);
  });
});

describe('self-grant', () => {
  const grant = (id: string, outcome: LeafBody['outcome'] = 'success'): Sketch => ({
    at: '10:00:00',
    action: 'policy.grant_created',
    outcome,
    targets: [{ type: 'principal', id }],
  });
  test('is a grant to the actor, every time, and nothing else', () => {
    expect(seqs(run({ kind: 'self_grant' }, [grant('bob'), grant('mira'), grant('mira', 'denied'), grant('mira')]))).toEqual([[1], [3]]); // prettier-ignore
  });
});

describe('mass export', () => {
  const rule = { kind: 'mass_export', rows: 1_000, windowSeconds: 60, quietSeconds: 0 } as const;
  const read = (at: string, count: number, rest: Partial<Sketch> = {}): Sketch => ({
    at,
    action: 'gateway.records_read',
    detail: { count },
    ...rest,
  });
  test.each<[string, readonly Sketch[], readonly (readonly number[])[]]>([
    ['in one read', [read('10:00:00', 1_000)], [[0]]],
    ['one row less', [read('10:00:00', 999)], []],
    ['at the edge of the window', [read('10:00:00', 500), read('10:01:00', 500)], [[0, 1]]],
    ['a millisecond behind it', [read('10:00:00', 500), read('10:01:00.001', 500)], []],
    ['read and exported', [read('10:00:00', 500), { at: '10:00:01', action: 'audit.evidence_exported', detail: { from: 100, to: 600 } }], [[0, 1]]],
    ['of two actors', [read('10:00:00', 500), read('10:00:01', 500, { actor: bob })], []],
    ['refused', [read('10:00:00', 5_000, { outcome: 'denied' })], []],
  ])('%s', (_what, sketches, expected) => {
    expect(seqs(run(rule, sketches))).toEqual(expected);
  }); // prettier-ignore

  test('adds up thousands of small reads in bounded memory', () => {
    const evaluator = start(ruleDefinitionSchema.parse({ ...rule, rows: 2_000 }), null, {});
    const raised: Raised[] = [];
    for (let at = 0; at < 2_000; at += 1) raised.push(...evaluator.pass(eventOf(at, read('10:00:00', 1))));
    expect(raised).toHaveLength(1);
    expect(evaluator.state.entries).toBe(0);
  });
});

describe('impossible travel', () => {
  const rule = { kind: 'impossible_travel', quietSeconds: 0 } as const;
  const points = {
    warsaw: { network: '192.0.2.0/24', point: { latitude: 52.23, longitude: 21.01 } },
    lodz: { network: '192.0.3.0/24', point: { latitude: 51.76, longitude: 19.46 } },
    sydney: { network: '198.51.100.0/24', point: { latitude: -33.87, longitude: 151.21 } },
    unknown: { network: '203.0.113.0/24', point: null },
    elsewhere: { network: '203.0.114.0/24', point: null },
  };
  const places: Places = {
    learn: () => Promise.resolve(0),
    known: (name) => points[name as keyof typeof points] ?? null, // the commitments of this test are names
  };
  const from = (origin: string, at: string): Sketch => ({
    at,
    action: 'identity.sign_in_succeeded',
    commitments: { origin },
  });
  test.each<[string, readonly Sketch[], number]>([
    ['Warsaw and Sydney within an hour', [from('warsaw', '10:00:00'), from('sydney', '11:00:00')], 1],
    ['Warsaw and Sydney a day apart', [from('warsaw', '00:00:00'), from('sydney', '23:00:00')], 0],
    ['in the order of times, not of arrival', [from('sydney', '11:00:00'), { ...from('warsaw', '10:00:00'), receivedAt: '2026-11-23T11:00:01Z' }], 1],
    ['a hundred kilometres and more within a minute', [from('warsaw', '10:00:00'), from('lodz', '10:01:00')], 1],
    ['the same network', [from('warsaw', '10:00:00'), from('warsaw', '10:00:01')], 0],
    ['a new network of no known place, soon', [from('warsaw', '10:00:00'), from('unknown', '10:15:00')], 1],
    ['a new network of no known place, later', [from('warsaw', '10:00:00'), from('unknown', '10:15:00.001')], 0],
    ['back to a network that was seen before', [from('unknown', '08:00:00'), from('warsaw', '09:00:00'), from('unknown', '09:01:00')], 0],
    ['an origin that was erased', [from('warsaw', '10:00:00'), from('gone', '10:00:01')], 0],
    ['two people', [from('warsaw', '10:00:00'), { ...from('sydney', '10:00:01'), actor: bob }], 0],
  ])('%s', (_what, sketches, alerts) => {
    expect(run(rule, sketches, { places })).toHaveLength(alerts);
  }); // prettier-ignore
});

describe('alerts about alerts', () => {
  const raised = (detail: Record<string, unknown>): Sketch => ({
    at: '10:00:00',
    action: 'audit.alert_raised',
    detail,
  });
  const single = (filter: Record<string, string>) =>
    ({ kind: 'threshold', filter, by: 'none', count: 1, windowSeconds: 1, quietSeconds: 0 }) as const;
  test('come only from rules that ask for them by name', () => {
    const sketch = raised({ ruleId: 'other', depth: 0 });
    expect(run(single({}), [sketch], { ruleId: 'me' })).toEqual([]);
    expect(run(single({ action: 'audit.*' }), [sketch], { ruleId: 'me' })).toEqual([]);
    expect(run(single({ action: 'audit.alert_raised' }), [sketch], { ruleId: 'me' })).toMatchObject([
      { depth: 1 },
    ]);
  });
  test('never answer themselves, nor each other', () => {
    const rule = single({ action: 'audit.alert_raised' });
    expect(run(rule, [raised({ ruleId: 'me', depth: 0 })], { ruleId: 'me' })).toEqual([]);
    expect(run(rule, [raised({ ruleId: 'other', depth: 1 })], { ruleId: 'me' })).toEqual([]);
  });
});

test('a state that was stored and read goes on as if nothing had been', () => {
  const definition = ruleDefinitionSchema.parse({ kind: 'threshold', filter: {}, by: 'actor', count: 2, windowSeconds: 60 }); // prettier-ignore
  const first = start(definition, null, {});
  first.pass(eventOf(0, { at: '10:00:00' }));
  const stored: unknown = JSON.parse(JSON.stringify(storeState(first.state)));
  const second = createEvaluator(null, definition, readState(stored), noPlaces);
  expect(second.pass(eventOf(1, { at: '10:00:01' }))).toHaveLength(1);
});
