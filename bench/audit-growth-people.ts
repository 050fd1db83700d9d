import { z } from 'zod';
import {
  defineEvent,
  parsePrincipalId,
  parseSubjectId,
  uuidv7,
  type AuditEvent,
  type EventDefinition,
  type Principal,
  type RandomBytes,
  type SubjectId,
  type TenantId,
} from '../kernel/index.ts';

// A house that has worked for a while: few people do most, few actions happen most, most succeeds. The same numbers in
// the same order at every run.

const detail = z.strictObject({ fields: z.array(z.string().max(50)).max(50), purpose: z.string().max(50) });
type Detail = typeof detail;

/** Actions of a house with their weights; `crypto.*` is one of 2,000 events. */
const actionWeights = {
  'contacts.contact_read': 400,
  'contacts.contact_listed': 200,
  'contacts.contact_updated': 90,
  'contacts.contact_exported': 10,
  'orders.order_read': 120,
  'orders.order_changed': 40,
  'identity.signed_in': 50,
  'identity.signed_out': 40,
  'identity.stepped_up': 10,
  'policy.decision_denied': 20,
  'policy.rule_changed': 1,
  'gateway.routed': 17,
  'dsr.request_opened': 1,
  'dsr.step_done': 0.5,
  'crypto.key_rotated': 0.2,
  'crypto.opened_in_bulk': 0.3,
} as const;

/** Words of details with their share of all events. */
const purposes = [
  ['subpoena', 0.000_01],
  ['recall', 0.001],
  ['investigation', 0.01],
  ['marketing', 0.2],
  ['billing', 0.25],
  ['support', 1],
] as const;

/** Every event of the house. */
export const growthDefinitions: readonly EventDefinition<Detail>[] = Object.keys(actionWeights).map(
  (action) =>
    defineEvent({
      action,
      version: 1,
      category: action.startsWith('identity.') ? 'access' : 'data',
      summary: 'Something was done.',
      detail,
      ocsf: { classUid: 6005, activityId: 1 },
    }),
);

const actorCount = 2_000;
const personCount = 200_000;
const eventsPerSession = 120;

/** Who works here, and what happens next. */
export type Population = {
  readonly actors: readonly Principal[];
  /** The next event, at a time. */
  readonly next: (at: Date) => AuditEvent<Detail>;
  readonly newId: (at: Date) => string;
};

/** @param firstDay - when everybody's ids were made */
export function createPopulation(tenantId: TenantId, firstDay: Date): Population {
  const random = seeded(20_260_101);
  const bytes: RandomBytes = (size) => {
    const made = Buffer.allocUnsafe(size);
    for (let at = 0; at < size; at += 1) made[at] = Math.floor(random() * 256);
    return made;
  };
  const newId = (at: Date): string => uuidv7(at.getTime(), bytes);
  const actors = Array.from({ length: actorCount }, (_, at) =>
    createActor(tenantId, at, newId(firstDay), newId(firstDay)),
  );
  const left = actors.map(() => eventsPerSession);
  const people: SubjectId[] = Array.from({ length: personCount }, () => parseSubjectId(newId(firstDay)));
  const contacts = people.map(() => newId(firstDay));
  const pickActor = cumulative(actors.map((_, rank) => 1 / (rank + 1)));
  const pickAction = cumulative(
    growthDefinitions.map(({ action }) => actionWeights[action as keyof typeof actionWeights]),
  ); // its own keys
  const sessions = [...actors];
  const actorAt = (at: Date): Principal => {
    const index = pickActor(random());
    left[index] = (left[index] ?? 0) - 1;
    if ((left[index] ?? 0) < 0) {
      left[index] = eventsPerSession;
      sessions[index] = Object.freeze({ ...(actors[index] as Principal), sessionId: newId(at) }); // in range
    }
    return sessions[index] as Principal; // in range
  };
  const next = (at: Date): AuditEvent<Detail> => {
    const luck = random();
    const person = Math.floor(personCount * random() ** 2);
    const touches = random() < 0.7;
    const trace = bytes(16).toString('hex');
    return {
      definition: growthDefinitions[pickAction(random())] as EventDefinition<Detail>, // in range
      tenantId,
      outcome: luck < 0.95 ? 'success' : luck < 0.99 ? 'denied' : 'failure',
      ...(luck < 0.95 ? {} : { reason: luck < 0.99 ? 'no_rule' : 'conflict' }),
      actor: actorAt(at),
      targets: [{ type: 'contacts.contact', id: contacts[person] ?? '' }],
      subjects: touches ? [people[person] as SubjectId] : [], // in range
      occurredAt: at,
      detail: { fields: ['email', 'phone', 'region'], purpose: purposeOf(random()) },
      decision: { engine: 'casl', revision: 'r42', rule: 'marketer.region', obligations: ['mask:email'] },
      call: {
        requestId: newId(at),
        traceparent: `00-${trace}-${trace.slice(0, 16)}-01`,
        origin: { ip: '192.0.2.10', userAgent: 'Mozilla/5.0 (bench)', service: 'gateway' },
      },
    };
  };
  return Object.freeze({ actors, next, newId });
}

function purposeOf(luck: number): string {
  return purposes.find(([, share]) => luck < share)?.[0] ?? 'support';
}

function createActor(tenantId: TenantId, at: number, id: string, sessionId: string): Principal {
  return Object.freeze({
    kind: 'user' as const,
    tenantId,
    id: parsePrincipalId(id),
    displayName: `Bench Person ${at}`,
    email: `person-${at}@example.com`,
    roles: [],
    attributes: {},
    assurance: { level: 2 as const, authenticatedAt: null, methods: ['pwd', 'otp'] },
    sessionId,
  });
}

/** Picks an index by weight. */
function cumulative(weights: readonly number[]): (luck: number) => number {
  const sums: number[] = [];
  for (const weight of weights) sums.push((sums.at(-1) ?? 0) + weight);
  const total = sums.at(-1) ?? 0;
  return (luck) => {
    const wanted = luck * total;
    let [low, high] = [0, sums.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] ?? 0) > wanted) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}

/** Numbers from 0 to 1, the same at every run; not for secrets (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
