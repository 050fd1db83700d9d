import { writeCursor } from '../audit/seq-cursor.ts';
import { parseLeafBody, type LeafBody } from '../audit/leaf.ts';
import { verifyInclusion, type TrailFilter } from '../audit/index.ts';
import type { Tx } from '../db/index.ts';
import type { GrowthHouse } from './audit-growth-house.ts';
import { seeded } from './audit-growth-people.ts';

/** One kind of reading; `read` does the `run`-th of them, each with values of another event. */
export type Shape = {
  readonly name: string;
  /** Whether it is a filtered page, of which the goal speaks. */
  readonly page: boolean;
  readonly read: (run: number) => Promise<unknown>;
};

const limit = 50;
const sampleSize = 40;
const hour = 3_600_000;

type Sample = { readonly seq: number; readonly body: LeafBody };

/** Values of events all over the log: what happens often is asked for often. */
async function takeSamples(house: GrowthHouse, events: number): Promise<readonly Sample[]> {
  const random = seeded(events);
  const seqs = Array.from({ length: sampleSize * 4 }, () => Math.floor(random() * events));
  const { rows } = await house.admin('select seq, body from audit.entry where seq = any($1)', [seqs]);
  const found = (rows as readonly { seq: string; body: Buffer }[]).map(({ seq, body }) => ({
    seq: Number(seq),
    body: parseLeafBody(body),
  }));
  return found.filter(({ body }) => (body.subjects ?? []).length > 0).slice(0, sampleSize);
}

/** Everything that is measured of a log of this size. @param last - time of the last event */
export async function createShapes(
  house: GrowthHouse,
  events: number,
  last: Date,
): Promise<readonly Shape[]> {
  const samples = await takeSamples(house, events);
  const of = (run: number): Sample => samples[run % samples.length] as Sample; // in range
  const inTenant = <T>(work: (tx: Tx) => Promise<T>): Promise<T> =>
    house.database.withTenant(house.tenant, work, { readOnly: true });
  const page = (
    name: string,
    filter: (sample: Sample) => TrailFilter & { readonly cursor?: string },
  ): Shape => ({
    name,
    page: true,
    read: (run) => inTenant((tx) => house.audit.search(tx, { ...filter(of(run)), limit })),
  });
  const other = (name: string, work: (tx: Tx, sample: Sample) => Promise<unknown>): Shape => ({
    name,
    page: false,
    read: (run) => inTenant((tx) => work(tx, of(run))),
  });
  const around = ({ body }: Sample, hours: number): Pick<TrailFilter, 'from' | 'to'> => {
    const at = new Date(body.occurredAt).getTime();
    return { from: new Date(at - hours * hour), to: new Date(at) };
  };
  const actor = ({ body }: Sample): TrailFilter => ({ actor: body.actor.id });
  return [
    page('newest page', () => ({})),
    page('page in the middle', ({ seq }) => ({ cursor: writeCursor(seq) })),
    page('actor', actor),
    page('actor, page in the middle', (sample) => ({ ...actor(sample), cursor: writeCursor(sample.seq) })),
    page('actor and outcome', (sample) => ({ ...actor(sample), outcome: 'failure' })),
    page('outcome', () => ({ outcome: 'failure' })),
    page('action', ({ body }) => ({ action: body.action })),
    page('rare action', () => ({ action: 'crypto.key_rotated' })),
    page('beginning of an action', ({ body }) => ({ action: `${body.action.split('.')[0] ?? ''}.*` })),
    page('rare beginning of an action', () => ({ action: 'crypto.*' })),
    page('action that never happened', () => ({ action: 'billing.*' })),
    page('rare action and outcome', () => ({ action: 'crypto.*', outcome: 'failure' })),
    page('subject', ({ body }) => ({ subject: body.subjects?.[0] ?? '' })),
    page('session', ({ body }) => ({ session: body.actor.session ?? '' })),
    page('trace', ({ body }) => ({ trace: body.traceparent?.split('-')[1] ?? '' })),
    page('target', ({ body }) => ({ target: body.targets?.[0]?.id ?? '' })),
    page('word of every 2nd event', () => ({ q: 'support' })),
    page('word of every 100th event', () => ({ q: 'investigation' })),
    page('word of every 1,000th event', () => ({ q: 'recall' })),
    page('word of every 100,000th event', () => ({ q: 'subpoena' })),
    page('word that does not exist', () => ({ q: 'xylograph' })),
    page('word of every 2nd event, in the middle', ({ seq }) => ({ q: 'support', cursor: writeCursor(seq) })),
    page('word and outcome', () => ({ q: 'support outcome:failure' })),
    page('rare word and outcome', () => ({ q: 'recall outcome:denied' })),
    page('an hour', (sample) => around(sample, 1)),
    page('a week', (sample) => around(sample, 168)),
    page('actor in a week', (sample) => ({ ...actor(sample), ...around(sample, 168) })),
    other('histogram of 7 days', (tx) => house.audit.histogram(tx, {}, last)),
    other('facets', (tx) => house.audit.facets(tx, {})),
    other('facets of an actor', (tx, sample) => house.audit.facets(tx, actor(sample))),
    other('timeline of an actor', (tx, { body }) => house.audit.timeline(tx, body.actor.id, {}, null)),
    other('blast radius of a session', (tx, { body }) =>
      house.audit.blastRadius(
        tx,
        { session: body.actor.session ?? '' },
        { afterSubject: '', afterRecord: '', limit: 200 },
      ),
    ),
    other('event with inclusion proof', async (tx, { seq }) => {
      await house.audit.event(tx, seq);
      return house.audit.proof(tx, seq);
    }),
    { name: 'live tail, 200 events', page: false, read: () => followOnce(house, events) },
  ];
}

/** The first read of somebody who comes back after 200 events. */
async function followOnce({ audit, tenant }: GrowthHouse, events: number): Promise<void> {
  const stop = new AbortController();
  let seen = 0;
  for await (const text of audit.follow({
    tenantId: tenant,
    filter: {},
    from: events - 200,
    signal: stop.signal,
  })) {
    if (text.startsWith('id: ')) seen += 1;
    if (seen === 200) break;
  }
  stop.abort();
}

/** Proves events of the log against its head. @throws ERR_AUDIT_INVALID_PROOF */
export async function proveSome(house: GrowthHouse, events: number): Promise<void> {
  for (const { seq } of await takeSamples(house, events)) {
    const [proof, head] = await house.database.withTenant(house.tenant, async (tx) => [
      await house.audit.proof(tx, seq),
      await house.audit.head(tx),
    ]);
    if (head === null || head.size !== events)
      throw new Error(`the log has ${head?.size ?? 0} events, not ${events}`);
    verifyInclusion({ ...proof, root: head.root });
  }
}
