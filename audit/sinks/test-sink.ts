import type { Principal, TenantId } from '../../kernel/index.ts';
import { notFound } from '../../kernel/index.ts';
import type { TrailEvent } from '../trail-view.ts';
import { sinkConfigurationSchema, type SinkConfiguration } from './configuration.ts';
import { createTransport, formatOf, limitsOf } from './create-transport.ts';
import { createEncoder, encodeWithin } from './encode.ts';
import { sinkTested } from './events.ts';
import type { RunSinkDeps } from './run-sink.ts';
import { selectSinkToTest } from './store.ts';
import type { Delivery, SinkPlace } from './transport.ts';

/** What a receiver said to the event of a test. */
export type SinkTrial = {
  /** `away`: it could not be reached, or asks for patience. */
  readonly outcome: 'delivered' | 'refused' | 'away';
  /** What it said, or null when it took the event. */
  readonly detail: string | null;
  readonly milliseconds: number;
};

type Row = {
  readonly configuration: unknown;
  readonly sealedSecrets: Buffer;
  readonly logId: string;
  readonly origin: string;
};
type Place = { readonly tenantId: TenantId; readonly actor: Principal; readonly sinkId: string };

const trialMilliseconds = 15_000;

/**
 * Sends one made-up event, `audit.sink_tested` with sequence number 0, past the cursor, and records that somebody did.
 *
 * @throws ERR_NOT_FOUND
 */
export async function testSink(
  deps: RunSinkDeps & { readonly productVersion: string; readonly newId: () => string },
  { tenantId, actor, sinkId }: Place,
): Promise<SinkTrial> {
  const { row, secrets } = await deps.database.withTenant(tenantId, async (tx) => {
    const { rows } = await tx.query<Row>(selectSinkToTest, [sinkId]);
    if (rows[0] === undefined) throw notFound('sink', sinkId);
    return { row: rows[0], secrets: await deps.sealer.open(tx, sinkId, rows[0].sealedSecrets) };
  });
  const configuration = sinkConfigurationSchema.parse(row.configuration);
  const place = { tenantId, logId: row.logId, logName: row.origin, productVersion: deps.productVersion };
  const transport = createTransport({ sinkId, configuration, secrets, place }, deps);
  const begun = performance.now();
  const trial = await send(deps, configuration, place, transport.deliver, sinkId);
  await transport.close();
  const milliseconds = Math.round(performance.now() - begun);
  await deps.database.withTenant(tenantId, (tx) =>
    deps.audit().append(tx, {
      definition: sinkTested,
      tenantId,
      actor,
      outcome: trial.outcome === 'delivered' ? 'success' : 'failure',
      targets: [{ type: 'audit.sink', id: sinkId }],
      detail: { sinkId, kind: configuration.kind, answer: trial.outcome },
    }),
  );
  return { ...trial, milliseconds };
}

async function send(
  deps: RunSinkDeps & { readonly newId: () => string },
  configuration: SinkConfiguration,
  place: SinkPlace,
  deliver: ReturnType<typeof createTransport>['deliver'],
  sinkId: string,
): Promise<Omit<SinkTrial, 'milliseconds'>> {
  const encode = createEncoder(formatOf(configuration), deps.toOcsf);
  const { maxEventBytes } = limitsOf(configuration, place);
  const event = madeUp(deps, sinkId, configuration.kind);
  try {
    const answer: Delivery = await deliver(
      [encodeWithin(encode, event, place, maxEventBytes)],
      AbortSignal.timeout(trialMilliseconds),
    );
    return answer.kind === 'delivered'
      ? { outcome: 'delivered', detail: null }
      : { outcome: 'refused', detail: answer.reason };
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return { outcome: 'away', detail: detail.slice(0, 1_000) };
  }
}

function madeUp(
  { clock, newId }: RunSinkDeps & { readonly newId: () => string },
  sinkId: string,
  kind: SinkConfiguration['kind'],
): TrailEvent {
  const now = clock.now().toISOString();
  return {
    seq: 0,
    id: newId(),
    occurredAt: now,
    receivedAt: now,
    action: sinkTested.action,
    version: sinkTested.version,
    category: sinkTested.category,
    outcome: 'success',
    reason: null,
    actor: { type: 'system', id: 'audit', displayName: 'audit' },
    targets: [{ type: 'audit.sink', id: sinkId }],
    subjects: [],
    decision: null,
    requestId: null,
    summary: 'This event is a test and stands in no log.',
    detail: { sinkId, kind, synthetic: true },
    origin: { ip: null, userAgent: null, service: null },
    session: null,
    traceparent: null,
    assurance: { level: null, methods: [] },
    leafHash: '',
    canonical: '',
    commitments: [],
  };
}
