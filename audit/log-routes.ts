import { defineRoute, notFound, type AnyRoute } from '../kernel/index.ts';
import type { Audit } from './audit.ts';
import { logParamsSchema, tileParamsSchema } from './schema.ts';
import { parseTilePath } from './tile-path.ts';
import { verifyPage } from './verify-page.ts';

const security = {
  kind: 'public',
  reason:
    'a transparency log is verified by outsiders; the log id is 128 random bits and leaves carry no personal data',
} as const;
const unrecorded = { kind: 'none', reason: 'anonymous reads of public hashes and commitments' } as const;
const immutable = 'public, max-age=31536000, immutable';

/** The log as C2SP clients read it. @see https://c2sp.org/tlog-tiles */
export function createLogRoutes(audit: Audit): readonly AnyRoute[] {
  return [
    checkpointRoute(audit),
    witnessedCheckpointRoute(audit),
    keysRoute(audit),
    tileRoute(audit),
    verifyPageRoute(),
  ];
}

function checkpointRoute(audit: Audit): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/log/{logId}/checkpoint',
    operationId: 'readLogCheckpoint',
    summary:
      'The newest checkpoint of a log with every signature there is; `platform` is the log of all logs',
    security,
    audit: unrecorded,
    request: { params: logParamsSchema },
    responses: {
      200: { description: 'A signed note', contentType: 'text/plain; charset=utf-8' },
      404: { description: 'No such log' },
    },
    handler: async ({ params: { logId } }) => {
      const note = await audit.checkpoint(logId);
      if (note === null) throw notFound('log', logId);
      return {
        status: 200,
        body: note,
        headers: noteHeaders,
      };
    },
  });
}

const noteHeaders = {
  'content-type': 'text/plain; charset=utf-8',
  'cache-control': 'public, max-age=1',
} as const;

function witnessedCheckpointRoute(audit: Audit): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/log/{logId}/witnessed-checkpoint',
    operationId: 'readWitnessedCheckpoint',
    summary: 'The newest checkpoint that satisfies the witness policy, with its cosignatures',
    security,
    audit: unrecorded,
    request: { params: logParamsSchema },
    responses: {
      200: { description: 'A signed note', contentType: 'text/plain; charset=utf-8' },
      404: { description: 'No such log, or no quorum cosigned it yet' },
    },
    handler: async ({ params: { logId } }) => {
      const note = await audit.witnessedCheckpoint(logId);
      if (note === null) throw notFound('witnessed checkpoint of log', logId);
      return { status: 200, body: note, headers: noteHeaders };
    },
  });
}

function keysRoute(audit: Audit): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/log/{logId}/keys',
    operationId: 'readLogKeys',
    summary: 'Verifier keys of a log, Ed25519 and ML-DSA-44, one on a line; note them once and compare',
    security,
    audit: unrecorded,
    request: { params: logParamsSchema },
    responses: {
      200: { description: 'Keys in signed-note form', contentType: 'text/plain; charset=utf-8' },
      404: { description: 'No such log' },
    },
    handler: async ({ params: { logId } }) => {
      const keys = await audit.keys(logId);
      if (keys === null) throw notFound('log', logId);
      return { status: 200, body: `${keys.join('\n')}\n`, headers: noteHeaders };
    },
  });
}

function tileRoute(audit: Audit): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/log/{logId}/tile/{path*}',
    operationId: 'readLogTile',
    summary:
      'A tile of hashes (`<level>/<index>[.p/<width>]`) or a bundle of entries (`entries/<index>[.p/<width>]`)',
    security,
    audit: unrecorded,
    request: { params: tileParamsSchema },
    responses: {
      200: { description: 'Bytes', contentType: 'application/octet-stream' },
      404: { description: 'No such log, or it is not that large' },
    },
    handler: async ({ params: { logId, path } }) => {
      const bytes = await audit.tile(logId, parseTilePath(path));
      if (bytes === null) throw notFound('log', logId);
      return {
        status: 200,
        body: bytes,
        headers: { 'content-type': 'application/octet-stream', 'cache-control': immutable },
      };
    },
  });
}

function verifyPageRoute(): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/docs/audit/verify',
    operationId: 'readVerifyGuide',
    summary: 'How to verify a log without us',
    security: { kind: 'public', reason: 'instructions' },
    audit: { kind: 'none', reason: 'static text' },
    request: {},
    responses: { 200: { description: 'HTML page', contentType: 'text/html; charset=utf-8' } },
    handler: async () => ({
      status: 200,
      body: verifyPage,
      headers: {
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
        'cache-control': 'public, max-age=3600',
      },
    }),
  });
}
