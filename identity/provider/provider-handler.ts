import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type Provider from 'oidc-provider';
import { pageHeaders } from './pages.ts';

const stylesheet = readFileSync(join(import.meta.dirname, 'sign-in.css'));

/** Answers everything under `/oidc`. */
export type ProviderHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/**
 * Joins the provider and its pages. Takes the path with or without the `/oidc` prefix.
 *
 * @param publicUrl - the only origin that the provider will name, whatever Host the client sent
 */
export function createProviderHandler(deps: {
  readonly publicUrl: string;
  readonly load: () => Promise<{ readonly provider: Provider; readonly interactions: ProviderHandler }>;
}): ProviderHandler {
  const { host, protocol } = new URL(deps.publicUrl);
  return async (request, response) => {
    const path = (request.url ?? '/').replace(/^\/oidc(?=\/|\?|$)/, '');
    const url = path.startsWith('/') ? path : `/${path}`;
    if (url === '/assets/sign-in.css') return sendStylesheet(response);
    const { provider, interactions } = await deps.load();
    request.headers.host = host;
    request.headers['x-forwarded-host'] = host;
    request.headers['x-forwarded-proto'] = protocol.slice(0, -1);
    request.url = url;
    (request as { originalUrl?: string }).originalUrl = `/oidc${url}`; // how the provider learns where it is mounted
    if (/^\/interaction\/[\w-]{1,64}$/.test(url.split('?')[0] ?? '')) return interactions(request, response);
    await (provider.callback()(request, response) as unknown as Promise<void>); // koa's callback gives a promise
  };
}

function sendStylesheet(response: ServerResponse): void {
  const headers = {
    'x-content-type-options': pageHeaders['x-content-type-options'] ?? '',
    'cache-control': 'public, max-age=3600',
  };
  response.writeHead(200, { ...headers, 'content-type': 'text/css; charset=utf-8' }).end(stylesheet);
}
