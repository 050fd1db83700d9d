import { z } from 'zod';
import { defineRoute, type AnyRoute } from '../kernel/index.ts';

const open = { kind: 'public', reason: 'the description of the API is no secret' } as const;
const noAudit = { kind: 'none', reason: 'static text' } as const;

/** The OpenAPI file and a page that lists every operation. */
export function createDocsRoutes(
  document: () => Record<string, unknown>,
  table: () => readonly AnyRoute[],
): readonly AnyRoute[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/openapi.json',
      operationId: 'getOpenApi',
      summary: 'This API as an OpenAPI 3.1 document',
      security: open,
      audit: noAudit,
      request: {},
      responses: { 200: { description: 'OpenAPI 3.1', schema: z.record(z.string(), z.unknown()) } },
      handler: async () => ({ status: 200, body: document() }),
    }),
    defineRoute({
      method: 'GET',
      path: '/docs',
      operationId: 'getDocs',
      summary: 'A page that lists every operation',
      security: open,
      audit: noAudit,
      request: {},
      responses: { 200: { description: 'HTML page', contentType: 'text/html; charset=utf-8' } },
      handler: async () => ({
        status: 200,
        body: renderDocs(table()),
        headers: { 'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'" },
      }),
    }),
  ];
}

function renderDocs(routes: readonly AnyRoute[]): string {
  const groups = Map.groupBy(
    routes,
    (route) => route.path.split('/').find((part) => part !== '' && part !== 'v1') ?? 'server',
  );
  const sections = [...groups].map(
    ([name, list]) =>
      `<h2>${escapeHtml(name)}</h2>\n<table>\n<thead><tr><th scope="col">Call</th><th scope="col">What it does</th><th scope="col">Who may</th></tr></thead>\n<tbody>\n${list.map(renderRow).join('\n')}\n</tbody></table>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Gatehouse API</title></head>
<body><main><h1>Gatehouse API</h1>
<p>The machine-readable form is <a href="/openapi.json">/openapi.json</a> (OpenAPI 3.1). Errors are problem documents (RFC 9457) with a stable <code>code</code>. How to check the trail without us: <a href="/docs/audit/verify">/docs/audit/verify</a>.</p>
${sections.join('\n')}
</main></body></html>`;
}

function renderRow(route: AnyRoute): string {
  const who =
    route.security.kind === 'public'
      ? 'everybody'
      : `<code>${escapeHtml(route.security.action)}</code>${route.security.stepUp === undefined ? '' : `, level ${route.security.stepUp.level} within ${route.security.stepUp.maxAgeSeconds} s`}`;
  return `<tr id="${escapeHtml(route.operationId)}"><td><code>${route.method} ${escapeHtml(route.path)}</code></td><td>${escapeHtml(route.summary)}</td><td>${who}</td></tr>`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
