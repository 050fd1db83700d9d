import { Counter, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/** Numbers for Prometheus. */
export type Metrics = {
  /** @param durationSeconds - time from the request's head to the last byte */
  readonly observe: (operationId: string, status: number, durationSeconds: number) => void;
  /** A call to a root provider, retries included. */
  readonly observeProviderCall: (call: {
    readonly provider: string;
    readonly operation: string;
    readonly outcome: string;
    readonly milliseconds: number;
  }) => void;
  readonly registry: Registry;
};

/** A registry of its own, so that two houses in one process do not mix. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const requests = new Counter({
    name: 'gatehouse_http_requests_total',
    help: 'HTTP requests by operation and status class',
    labelNames: ['operation', 'status'] as const,
    registers: [registry],
  });
  const duration = new Histogram({
    name: 'gatehouse_http_request_duration_seconds',
    help: 'Time to answer by operation',
    labelNames: ['operation'] as const,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [registry],
  });
  const providerCalls = new Histogram({
    name: 'gatehouse_root_provider_call_duration_seconds',
    help: 'Time of calls to root providers by whose provider it is, operation and outcome',
    labelNames: ['provider', 'operation', 'outcome'] as const,
    buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 12],
    registers: [registry],
  });
  return Object.freeze({
    registry,
    observeProviderCall: ({ provider, operation, outcome, milliseconds }) =>
      providerCalls.observe({ provider, operation, outcome }, milliseconds / 1_000),
    observe: (operationId: string, status: number, durationSeconds: number) => {
      requests.inc({ operation: operationId, status: `${Math.trunc(status / 100)}xx` });
      duration.observe({ operation: operationId }, durationSeconds);
    },
  });
}
