import Fastify from 'fastify';
import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { defineRoute, type AnyRoute, type HandlerResult } from '../kernel/index.ts';
import { sendResult } from './send.ts';

const routeWith = (responses: AnyRoute['responses']): AnyRoute =>
  defineRoute({
    method: 'GET',
    path: '/x',
    operationId: 'x',
    summary: 'x',
    security: { kind: 'public', reason: 'a test of sending' },
    audit: { kind: 'none', reason: 'a test of sending' },
    request: {},
    responses,
    handler: async () => ({ status: 200 }),
  });

async function answer(responses: AnyRoute['responses'], result: HandlerResult) {
  const app = Fastify();
  app.setErrorHandler((error, _request, reply) => reply.code(500).send((error as { code?: string }).code));
  app.get('/x', (_request, reply) => sendResult(routeWith(responses), reply, result));
  return app.inject('/x');
}

describe('sendResult', () => {
  test('strips what the schema does not name', async () => {
    const response = await answer(
      { 200: { description: 'ok', schema: z.object({ kept: z.string() }) } },
      { status: 200, body: { kept: 'a', leaked: 'canary' } },
    );
    expect(response.json()).toEqual({ kept: 'a' });
  });

  test('refuses a status that is not documented and a body that does not fit', async () => {
    const schema = z.object({ kept: z.string() });
    const responses = { 200: { description: 'ok', schema } };
    expect((await answer(responses, { status: 201, body: {} })).statusCode).toBe(500);
    expect((await answer(responses, { status: 200, body: { kept: 7 } })).statusCode).toBe(500);
  });

  test('streams chunks as they come', async () => {
    async function* chunks() {
      yield 'a';
      yield 'b';
    }
    const response = await answer(
      { 200: { description: 'ok', contentType: 'text/plain' } },
      { status: 200, body: chunks() },
    );
    expect(response.body).toBe('ab');
  });
});
