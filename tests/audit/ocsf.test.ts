import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { createToOcsf, type TrailEvent } from '../../audit/index.ts';
import { auditCommands } from '../../cli/commands/audit.ts';
import { defineEvent, type EventDefinition } from '../../kernel/index.ts';
import { allEvents } from '../../server/index.ts';
import { z } from 'zod';
import { createOcsfValidator } from '../support/ocsf-schema.ts';
import { describeUnless } from '../support/skip.ts';
import { missingVectors, vectorsFolder } from '../support/vectors.ts';

const place = {
  tenantId: '0190a0a0-0000-7000-8000-000000000001',
  logName: 'gatehouse.example/log/ab',
  productVersion: '0.1.0',
};
const file = join(vectorsFolder, 'ocsf', 'ocsf-1.8.0.json.gz');

const base: TrailEvent = {
  seq: 41,
  id: '0190a0a0-0000-7000-8000-000000000002',
  occurredAt: '2026-11-23T10:00:00.000Z',
  receivedAt: '2026-11-23T10:00:00.250Z',
  action: '',
  version: 1,
  category: 'data',
  outcome: 'success',
  reason: null,
  actor: { type: 'user', id: 'u-1', displayName: 'Ada', email: 'ada@example.com' },
  targets: [],
  subjects: [],
  decision: null,
  requestId: null,
  summary: 'Something happened',
  detail: {},
  origin: { ip: '192.0.2.7', userAgent: 'Agent/1', service: 'api' },
  session: null,
  traceparent: null,
  assurance: { level: null, methods: [] },
  leafHash: 'AAAA',
  canonical: 'AAAA',
  commitments: [],
};

/** One event type in every condition that changes what can be told. */
const conditions: readonly (readonly [string, Partial<TrailEvent>])[] = [
  ['plain', {}],
  [
    'refused by a decision',
    {
      outcome: 'denied',
      reason: 'no_rule',
      decision: { engine: 'casl', revision: '7', rule: null, obligations: ['mask'] },
    },
  ],
  ['failed', { outcome: 'failure', reason: 'ERR_X' }],
  [
    'with targets, subjects and a trace',
    {
      targets: [
        { type: 'identity.service_account', id: 's-1' },
        { type: 'contacts.contact', id: 'c-1' },
      ],
      subjects: ['0190a0a0-0000-7000-8000-000000000003'],
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      requestId: 'r-1',
      session: 's-9',
      assurance: { level: 2, methods: ['pwd', 'otp'] },
      detail: { service: 'contacts', collection: 'contact', role: 'dpo', title: 'Too many reads' },
    },
  ],
  [
    'of an erased person',
    {
      actor: { type: 'user', id: 'u-1', displayName: null, erased: true, requestId: 'dsr-1' },
      origin: { erased: true, requestId: 'dsr-1' },
    },
  ],
  [
    'of a part of the house',
    {
      actor: { type: 'system', id: 'crypto', displayName: 'crypto' },
      origin: { ip: null, userAgent: null, service: null },
    },
  ],
  [
    'with a strange address, trace and detail',
    { origin: { ip: 'unknown', userAgent: null, service: 'api' }, traceparent: 'nonsense', detail: ['a', 1] },
  ],
];

describeUnless(missingVectors('ocsf'), 'the mapping to OCSF 1.8.0', () => {
  const validate = createOcsfValidator(readFileSync(file));
  const map = createToOcsf(allEvents);

  test.each(
    allEvents.map((definition) => [`${definition.action}@${definition.version}`, definition] as const),
  )('%s fits its class in every condition', (_name, definition) => {
    for (const [condition, changes] of conditions) {
      const event = {
        ...base,
        action: definition.action,
        version: definition.version,
        category: definition.category,
        ...changes,
      };
      expect({ condition, problems: validate(map(event, place)) }).toEqual({ condition, problems: [] });
    }
  });

  test('the validator finds what does not fit', () => {
    const good = map({ ...base, action: 'gateway.records_read' }, place);
    expect(validate(good)).toEqual([]);
    const { actor: _actor, ...withoutActor } = good;
    expect(validate(withoutActor)).toContain('actor is required');
    expect(validate({ ...good, activity_id: 77 })).toContain('activity_id = 77 is not in its enum');
    expect(validate({ ...good, time: 'now' })).toContain('time is no integer');
    expect(validate({ ...good, colour: 1 })).toContain('colour is no attribute here');
    expect(validate({ ...good, class_uid: 3007 })).toEqual(['class_uid 3007 is no class']);
  });
});

test('docs/audit/events.md lists what the rooms declare; `gatehouse audit event-types --markdown` writes it', async () => {
  const lines: string[] = [];
  const command = auditCommands.find(({ name }) => name === 'audit event-types');
  const io = {
    out: (line: string) => lines.push(line),
    error: (line: string) => lines.push(line),
    environment: {},
  };
  expect(await command?.run({ values: { markdown: true }, positionals: [], json: false, io })).toBe(0);
  const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'audit', 'events.md'), 'utf8');
  expect(page.trimEnd()).toBe(lines.join('\n').trimEnd());
});

describe('the mapping', () => {
  const definition = (ocsf: EventDefinition['ocsf']): EventDefinition =>
    defineEvent({
      action: 'test.thing_done',
      version: 1,
      category: 'data',
      summary: 'x',
      detail: z.object({}),
      ocsf,
    });

  test('knows every event of every room', () => {
    expect(() => createToOcsf(allEvents)).not.toThrow();
    expect(allEvents.length).toBeGreaterThan(40);
  });

  test.each([
    [3007, 1],
    [6003, 5],
    [9999, 1],
  ])('refuses class %i with activity %i when the house is composed', (classUid, activityId) => {
    expect(() => createToOcsf([definition({ classUid, activityId })])).toThrow(/maps to OCSF class/);
  });

  test('says nothing of an erased person', () => {
    const event = {
      ...base,
      action: 'test.thing_done',
      actor: { type: 'user', id: 'u-1', displayName: null, erased: true as const, requestId: 'dsr-1' },
      origin: { erased: true as const, requestId: 'dsr-1' },
    };
    const text = JSON.stringify(createToOcsf([definition({ classUid: 6003, activityId: 2 })])(event, place));
    expect(text).not.toMatch(/Ada|ada@example|192\.0\.2\.7|Agent\/1/);
    expect(text).toContain('"actor_erased_by":"dsr-1"');
  });

  test('keeps the severity that a definition names', () => {
    const map = createToOcsf([definition({ classUid: 2004, activityId: 1, severityId: 5 })]);
    expect(map({ ...base, action: 'test.thing_done' }, place)).toMatchObject({
      severity_id: 5,
      severity: 'Critical',
    });
  });
});
