import { z } from 'zod';
import { defineRoute, type AnyRoute } from '../kernel/index.ts';
import type { Metrics } from './metrics.ts';

/** One thing that must be well for traffic to be accepted. */
export type ReadinessCheck = {
  readonly name: string;
  readonly check: () => Promise<{ readonly ok: boolean; readonly detail: string }>;
};

const checkSchema = z.object({ name: z.string(), ok: z.boolean(), detail: z.string() });
const readinessSchema = z.object({ status: z.enum(['ready', 'not_ready']), checks: z.array(checkSchema) });
const noSecurity = {
  kind: 'public',
  reason: 'load balancers and monitors hold no credentials; the answer names parts, never data',
} as const;
const noAudit = { kind: 'none', reason: 'asked every few seconds and touches no data' } as const;

/** Liveness, readiness and metrics. */
export function createHealthRoutes(checks: readonly ReadinessCheck[], metrics: Metrics): readonly AnyRoute[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/health/live',
      operationId: 'getLiveness',
      summary: 'Whether the process runs',
      security: noSecurity,
      audit: noAudit,
      request: {},
      responses: { 200: { description: 'It runs', schema: z.object({ status: z.literal('live') }) } },
      handler: async () => ({ status: 200, body: { status: 'live' } }),
    }),
    defineRoute({
      method: 'GET',
      path: '/health/ready',
      operationId: 'getReadiness',
      summary: 'Whether the process can serve: database, keys, log, catalog',
      security: noSecurity,
      audit: noAudit,
      request: {},
      responses: {
        200: { description: 'Ready', schema: readinessSchema },
        503: { description: 'Not ready; the checks say why', schema: readinessSchema },
      },
      handler: async () => {
        const results = await Promise.all(checks.map(runCheck));
        const ready = results.every((result) => result.ok);
        return {
          status: ready ? 200 : 503,
          body: { status: ready ? 'ready' : 'not_ready', checks: results },
        };
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/metrics',
      operationId: 'getMetrics',
      summary: 'Numbers for Prometheus',
      security: noSecurity,
      audit: noAudit,
      request: {},
      responses: {
        200: { description: 'Prometheus text', contentType: 'text/plain; version=0.0.4; charset=utf-8' },
      },
      handler: async () => ({ status: 200, body: await metrics.registry.metrics() }),
    }),
  ];
}

async function runCheck({ name, check }: ReadinessCheck): Promise<z.infer<typeof checkSchema>> {
  try {
    return { name, ...(await check()) };
  } catch (error) {
    return { name, ok: false, detail: error instanceof Error ? error.message.slice(0, 200) : 'failed' };
  }
}
