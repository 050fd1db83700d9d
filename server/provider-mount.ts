import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';

/**
 * Hands everything below `/oidc` to the embedded OpenID provider, raw: its own body parsing, its own answers.
 *
 * @param handler - a plain Node handler that sees the whole URL
 */
export async function registerProvider(
  app: FastifyInstance,
  handler: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<void> {
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null, undefined));
    scope.all('/oidc/*', { config: { operationId: 'oidcProvider' } }, async (request, reply) => {
      reply.hijack();
      await handler(request.raw, reply.raw);
    });
  });
}
