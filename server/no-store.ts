import type { FastifyInstance } from 'fastify';

/**
 * Answers are for the asker alone unless their route says otherwise: without `cache-control` of its own an answer is
 * kept by no cache, neither the browser's nor a proxy's.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2.5
 */
export function keepOutOfCaches(app: FastifyInstance): void {
  app.addHook('onSend', async (_request, reply) => {
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
  });
}
