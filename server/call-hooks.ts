import type { FastifyInstance } from 'fastify';
import { refuseMalformed } from './refuse-malformed.ts';

/**
 * What holds for every call, whatever its route: malformed text reaches no handler, and an answer is for the asker alone
 * unless its route says otherwise: without `cache-control` of its own no cache keeps it.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2.5
 */
export function addCallHooks(app: FastifyInstance): void {
  app.addHook('preHandler', async ({ params, query, body }) => refuseMalformed([params, query, body]));
  app.addHook('onSend', async (_request, reply) => {
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
  });
}
