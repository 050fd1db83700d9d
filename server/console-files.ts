import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply } from 'fastify';

const immutable = 'public, max-age=31536000, immutable';

/**
 * Serves the built console and portal: hashed assets for ever, the page itself never cached and with a fresh style
 * nonce. Every path of the console gives the same page; its own router goes on from there.
 *
 * @param folder - what `vite build console` wrote
 */
export async function registerConsole(app: FastifyInstance, folder: string): Promise<void> {
  const page = await readFile(join(folder, 'index.html'), 'utf8');
  await app.register(fastifyStatic, {
    root: join(folder, 'assets'),
    prefix: '/assets/',
    cacheControl: false,
    setHeaders: (response) => void response.header('cache-control', immutable),
  });
  const send = (reply: FastifyReply): FastifyReply => sendPage(reply, page);
  for (const path of [
    '/',
    '/portal/*',
    '/sign-in',
    '/overview',
    '/overview/*',
    '/access',
    '/access/*',
    '/policies',
    '/policies/*',
    '/keys',
    '/keys/*',
    '/requests',
    '/requests/*',
    '/trail',
    '/trail/*',
    '/data',
    '/data/*',
    '/datamap',
    '/datamap/*',
  ]) {
    app.get(path, { config: { operationId: 'consolePage' } }, (_request, reply) => send(reply));
  }
}

function sendPage(reply: FastifyReply, page: string): FastifyReply {
  const nonce = randomBytes(16).toString('base64');
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "manifest-src 'self'",
  ].join('; ');
  return reply
    .header('content-security-policy', policy)
    .header('cache-control', 'no-store')
    .type('text/html; charset=utf-8')
    .send(page.replaceAll('__CSP_NONCE__', nonce));
}

/** A short hash of files' contents, to know when the console must be built again. */
export async function fingerprint(files: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const file of files.toSorted())
    hash
      .update(file)
      .update('\0')
      .update(await readFile(file))
      .update('\0');
  return hash.digest('hex');
}
