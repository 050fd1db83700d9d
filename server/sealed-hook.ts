import type { FastifyInstance } from 'fastify';
import type { HouseSeal } from '../crypto/index.ts';
import { sealedError } from '../crypto/index.ts';

/** What a sealed house answers: whether it lives, what it waits for, how to use it, and the way to open it. */
const openPaths = /^\/(health\/(live|ready)|metrics|openapi\.json|docs(\/.*)?|v1\/crypto\/unseal)$/;

/** Everything else needs a key sooner or later, and says so at once. Add it before the routes. */
export function addSealedHook(app: FastifyInstance, seal: HouseSeal): void {
  app.addHook('onRequest', async (request) => {
    const status = seal.status();
    if (status.sealed && !openPaths.test(request.url.split('?')[0] ?? '')) throw sealedError(status);
  });
}
