import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { defineRoute, silentLogger } from '../kernel/index.ts';
import { createHttpServer } from './http.ts';
import { createMetrics } from './metrics.ts';

const whereFrom = defineRoute({
  method: 'GET',
  path: '/where-from',
  operationId: 'whereFrom',
  summary: 'The address that the house believes',
  security: { kind: 'public', reason: 'a test of the adapter' },
  audit: { kind: 'none', reason: 'a test of the adapter' },
  request: {},
  responses: { 200: { description: 'The address', schema: z.object({ ip: z.string().nullable() }) } },
  handler: async ({ call }) => ({ status: 200, body: { ip: call.origin.ip } }),
});

const never = (): Promise<never> => Promise.reject(new Error('a public route asks nobody'));

test.each([
  [false, '10.0.0.1'],
  [true, '9.9.9.9'],
])('with trustProxy %s a forged X-Forwarded-For leaves the address at %s', async (trustProxy, ip) => {
  const app = await createHttpServer({
    routes: [whereFrom],
    authorize: { authenticate: never, decide: never, audit: { record: never }, now: () => new Date() },
    logger: silentLogger,
    newId: () => 'id',
    metrics: createMetrics(),
    publicUrl: 'https://gatehouse.example',
    trustProxy,
    extend: () => Promise.resolve(),
  });
  const answer = await app.inject({
    url: '/where-from',
    remoteAddress: '10.0.0.1',
    headers: { 'x-forwarded-for': '6.6.6.6, 9.9.9.9' },
  });
  expect(answer.json()).toEqual({ ip });
  await app.close();
});
