import { createEvaluator } from '../audit/alerts/evaluator.ts';
import { passEntries, rulesByAction, type Entry } from '../audit/alerts/pass-entries.ts';
import type { Places } from '../audit/alerts/places.ts';
import { emptyState } from '../audit/alerts/rule-state.ts';
import { ruleDefinitionSchema } from '../audit/alerts/rule.ts';
import { ruleTemplates } from '../audit/alerts/templates.ts';
import { createLeaf, parseLeafBody } from '../audit/leaf.ts';
import type { Tx } from '../db/index.ts';
import { defineEvent, parseTenantId, systemRandomBytes, uuidv7, type AuditEvent } from '../kernel/index.ts';
import { z } from 'zod';
import type { BenchRow } from './row.ts';

// Measures: events per second that 20 enabled rules (the templates and as many more thresholds as make twenty) see, in one process, from the
// stored bytes on: parsing, matching, windows. Bare: parsing the same bytes alone. Limits: no database, no sign-ins whose
// addresses are opened; 200,000 events of 200 actors, six actions, one event every 40 ms of their time.

const total = 200_000;
const rounds = 3;
const actions = [
  'gateway.records_read',
  'gateway.record_updated',
  'policy.evaluated',
  'identity.sign_in_failed',
  'audit.trail_read',
  'policy.role_changed',
];
const noPlaces: Places = { learn: () => Promise.resolve(0), known: () => null };

function entries(): readonly Entry[] {
  const tenantId = parseTenantId('0198f0c0-0000-7000-8000-000000000001');
  const begin = Date.parse('2026-11-23T08:00:00Z');
  const definitions = actions.map(
    (action) =>
    defineEvent({ action, version: 1, category: 'data', summary: '.', detail: z.object({ count: z.int() }), ocsf: { classUid: 6005, activityId: 1 } }), // prettier-ignore
  );
  return Array.from({ length: total }, (_, seq) => {
    const definition = definitions[seq % 29 === 0 ? 5 : seq % 5];
    if (definition === undefined) throw new Error('there are six');
    const event: AuditEvent = {
      definition,
      tenantId,
      outcome: seq % 50 === 0 ? 'denied' : 'success',
      actor: { kind: 'system', id: `actor-${(seq * 7) % 200}`, displayName: 'Bench' },
      targets: [{ type: 'contacts.contact', id: `c-${seq % 5_000}` }],
      detail: { count: 3 },
    };
    const id = uuidv7(begin + seq * 40, systemRandomBytes);
    const parts = { id, receivedAt: new Date(begin + seq * 40), commitments: {}, detail: { kind: 'inline', json: '{"count":3}' } } as const; // prettier-ignore
    return { seq, body: createLeaf(event, parts).body };
  });
}

const more = Array.from({ length: 20 - ruleTemplates.length }, (_, at) =>
  ruleDefinitionSchema.parse({
    kind: 'threshold',
    filter: { action: actions[at % actions.length] ?? '' },
    by: 'actor',
    count: 50 + at,
    windowSeconds: 60 * (at + 1),
  }),
);

async function evaluate(log: readonly Entry[]): Promise<number> {
  const definitions = [...ruleTemplates.map(({ definition }) => definition), ...more];
  const rules = definitions.map((definition, at) => {
    const id = String(at);
    return { id, since: 0, evaluator: createEvaluator(id, definition, emptyState(0), noPlaces) };
  });
  const parts = { rulesOf: rulesByAction(rules), places: noPlaces, stopAfter: Infinity };
  const startedAt = performance.now();
  for (let at = 0; at < log.length; at += 2_000)
    await passEntries(noTransaction, log.slice(at, at + 2_000), parts);
  return (log.length / (performance.now() - startedAt)) * 1_000;
}

// No event of this log has its detail beside it, so nothing is asked of the database.
const noTransaction = {} as Tx;

function parseAll(log: readonly Entry[]): number {
  const startedAt = performance.now();
  let seen = 0;
  for (const { body } of log) seen += parseLeafBody(body).v;
  if (seen !== log.length) throw new Error('not every event was read');
  return (log.length / (performance.now() - startedAt)) * 1_000;
}

/** @see BenchRow */
export async function bench(): Promise<readonly BenchRow[]> {
  const log = entries();
  const ours: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    bare.push(parseAll(log));
    ours.push(await evaluate(log));
  }
  const [best, plain] = [Math.max(...ours), Math.max(...bare)];
  return [
    {
      work: 'show events to 20 alert rules',
      unit: 'events/s',
      ours: best,
      bare: plain,
      peers: {},
      ratio: best / plain,
      goal: '>= 20,000/s, what batches over HTTP must bring in',
      holds: best >= 20_000,
    },
  ];
}
