import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { GatehouseError, type AnyRoute, type HandlerResult } from '../kernel/index.ts';

/**
 * Sends what a handler answered. JSON bodies are stripped to the documented schema, so that a field nobody documented
 * never leaves; a status nobody documented is a fault of ours.
 */
export function sendResult(route: AnyRoute, reply: FastifyReply, result: HandlerResult): FastifyReply {
  const documented = route.responses[result.status];
  if (documented === undefined) {
    throw new GatehouseError(
      'ERR_INTERNAL',
      `${route.operationId} answered ${result.status}, which it does not document`,
      { status: 500 },
    );
  }
  reply.code(result.status);
  for (const [name, value] of Object.entries(result.headers ?? {})) reply.header(name, value);
  if (result.cookies !== undefined && result.cookies.length > 0)
    reply.header('set-cookie', [...result.cookies]);
  if (result.body === undefined) return reply.send();
  if (typeof result.body === 'string' && documented.textType !== undefined)
    return reply.type(documented.textType).send(result.body);
  if (documented.schema !== undefined) return sendJson(route, reply, result, documented.contentType);
  if (documented.contentType !== undefined && !reply.hasHeader('content-type'))
    reply.type(documented.contentType);
  return reply.send(streamable(result.body));
}

function sendJson(
  route: AnyRoute,
  reply: FastifyReply,
  result: HandlerResult,
  contentType = 'application/json; charset=utf-8',
): FastifyReply {
  const parsed = route.responses[result.status]?.schema?.safeParse(result.body);
  if (parsed?.success !== true) {
    throw new GatehouseError('ERR_INTERNAL', `the answer of ${route.operationId} does not fit its schema`, {
      status: 500,
      cause: parsed?.error,
    });
  }
  if (!reply.hasHeader('content-type')) reply.type(contentType);
  return reply.send(JSON.stringify(parsed.data));
}

function streamable(body: unknown): unknown {
  if (typeof body === 'string' || Buffer.isBuffer(body) || body instanceof Readable) return body;
  if (body instanceof Uint8Array) return Buffer.from(body);
  if (typeof body === 'object' && body !== null && Symbol.asyncIterator in body)
    return Readable.from(body as AsyncIterable<unknown>); // just probed
  return JSON.stringify(body);
}
