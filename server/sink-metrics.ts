import { Gauge, type Registry } from 'prom-client';
import type { SinkView } from '../audit/index.ts';
import { systemClock, type Clock, type Logger, type TenantId } from '../kernel/index.ts';
import { eachTenant } from './each-tenant.ts';
import type { Rooms } from './rooms.ts';

const labelNames = ['tenant', 'sink', 'kind'] as const;
const maxAgeMilliseconds = 10_000;
type OfTenant = { readonly tenantId: TenantId; readonly sinks: readonly SinkView[] };

/** Seconds that the oldest waiting event of a sink has waited; 0 when none waits. */
export const lagSeconds = ({ lag, waitingSince }: SinkView, now: Date): number =>
  lag === 0 || waitingSince === null ? 0 : Math.max(0, (now.getTime() - waitingSince.getTime()) / 1_000);

/**
 * Gauges of the receivers of the trail, read from the database when somebody asks, at most every ten seconds: any
 * replica tells the same.
 *
 * @param rooms - whose sinks
 */
export function addSinkMetrics(
  registry: Registry,
  rooms: Pick<Rooms, 'database' | 'audit'>,
  logger: Logger,
  clock: Clock = systemClock,
): void {
  let read: Promise<readonly OfTenant[]> | null = null;
  let readAt = 0;
  const current = (): Promise<readonly OfTenant[]> => {
    if (read === null || clock.now().getTime() - readAt >= maxAgeMilliseconds) {
      readAt = clock.now().getTime();
      read = readSinks(rooms, logger).catch((error: unknown) => {
        logger.warn('the lag of sinks could not be read; the other numbers are told', { error });
        return [];
      });
    }
    return read;
  };
  const gauge = (name: string, help: string, valueOf: (sink: SinkView) => number): void => {
    new Gauge({
      name: `gatehouse_audit_sink_${name}`,
      help,
      labelNames,
      registers: [registry],
      async collect() {
        const all = await current();
        this.reset();
        for (const { tenantId, sinks } of all)
          for (const sink of sinks)
            this.set({ tenant: tenantId, sink: sink.id, kind: sink.configuration.kind }, valueOf(sink));
      },
    });
  };
  gauge('lag_events', 'Events between the cursor of a sink and the end of the log', ({ lag }) => lag);
  gauge('lag_seconds', 'Age of the oldest event that a sink has not taken', (sink) =>
    lagSeconds(sink, clock.now()),
  );
  gauge('attempts', 'Attempts in a row that failed', ({ attempts }) => attempts);
  gauge('dead_letters', 'Events that a sink refused one by one', ({ deadLetters }) => deadLetters);
}

async function readSinks(
  { database, audit }: Pick<Rooms, 'database' | 'audit'>,
  logger: Logger,
): Promise<readonly OfTenant[]> {
  const all: OfTenant[] = [];
  await eachTenant(database, logger, 'reading the lag of sinks', async (tenantId) => {
    const sinks = await database.withTenant(tenantId, audit.sinks.list, { readOnly: true });
    if (sinks.length > 0) all.push({ tenantId, sinks });
  });
  return all;
}
