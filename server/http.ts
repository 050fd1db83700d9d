import cookie from '@fastify/cookie';
import rateLimit from '@fastify/rate-limit';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { z } from 'zod';
import {
  GatehouseError,
  isGatehouseError,
  type AnyRoute,
  type CallContext,
  type HandlerResult,
  type Logger,
  type NewId,
} from '../kernel/index.ts';
import { authorize, type AuthorizeDeps } from './authorize.ts';
import { registerOpenApi } from './openapi.ts';
import { toProblem, type FieldIssue } from './problem.ts';
import { sendResult } from './send.ts';
import type { Metrics } from './metrics.ts';

/** What the HTTP adapter stands on. */
export type HttpDeps = {
  readonly routes: readonly AnyRoute[];
  readonly authorize: AuthorizeDeps;
  readonly logger: Logger;
  readonly newId: NewId;
  readonly metrics: Metrics;
  readonly publicUrl: string;
  readonly trustProxy: boolean;
  /** Parts that are not routes: the embedded provider, the console's files. */
  readonly extend: (app: FastifyInstance) => Promise<void>;
};

const defaultBodyLimitBytes = 1_048_576;
/** Public writes cost an attacker as much as us: per address and minute. */
const publicWritesPerMinute = 120;

/** Builds the HTTP server from the table of routes; it does not listen yet. */
export async function createHttpServer(deps: HttpDeps): Promise<FastifyInstance> {
  const app = Fastify({
    logger: false,
    // One hop: the addresses before the front proxy's own word are the caller's to invent.
    trustProxy: deps.trustProxy ? (_address, hop) => hop === 0 : false,
    frameworkErrors: (error, request, reply) => void answerProblem(deps, error, request, reply),
    bodyLimit: defaultBodyLimitBytes,
    genReqId: (request) => requestIdOf(request.headers['x-request-id']) ?? deps.newId(),
    forceCloseConnections: 'idle',
    requestTimeout: 60_000,
    routerOptions: { maxParamLength: 512 },
  });
  app.setErrorHandler((error, request, reply) => answerProblem(deps, error, request, reply));
  app.setNotFoundHandler((request, reply) =>
    answerProblem(
      deps,
      new GatehouseError(
        'ERR_NOT_FOUND',
        `nothing is served at ${request.method} ${request.url.split('?')[0] ?? ''}; see /docs`,
        { status: 404 },
      ),
      request,
      reply,
    ),
  );
  const common = commonHeaders(deps.publicUrl);
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id).headers(common);
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    const { operationId = 'other' } = request.routeOptions.config;
    deps.metrics.observe(operationId, reply.statusCode, reply.elapsedTime / 1_000);
    done();
  });
  await app.register(cookie);
  await app.register(rateLimit, {
    global: false,
    errorResponseBuilder: (_request, context) => tooMany(context.ttl),
  });
  await registerOpenApi(app, deps.publicUrl);
  await deps.extend(app);
  for (const route of deps.routes) register(app, deps, route);
  return app;
}

declare module 'fastify' {
  // oxlint-disable-next-line typescript/consistent-type-definitions -- only an interface merges
  interface FastifyContextConfig {
    operationId?: string;
    route?: AnyRoute;
  }
}

function tooMany(ttlMilliseconds: number): Error {
  const seconds = Math.ceil(ttlMilliseconds / 1_000);
  return Object.assign(new Error(`too many requests from this address; try again in ${seconds} seconds`), {
    statusCode: 429,
  });
}

function requestIdOf(header: string | string[] | undefined): string | null {
  return typeof header === 'string' && /^[A-Za-z0-9._:-]{1,128}$/.test(header) ? header : null;
}

function commonHeaders(publicUrl: string): Readonly<Record<string, string>> {
  return {
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    ...(publicUrl.startsWith('https://')
      ? { 'strict-transport-security': 'max-age=31536000; includeSubDomains' }
      : {}),
  };
}

/** `/v1/x/{id}` as Fastify writes it: `/v1/x/:id`; a last `{path*}` becomes `*`. */
function fastifyPath(path: string): string {
  return path.replace(/\{[a-zA-Z]+\*\}$/, '*').replace(/\{([a-zA-Z]+)\}/g, ':$1');
}

function register(app: FastifyInstance, deps: HttpDeps, route: AnyRoute): void {
  const publicWrite = route.security.kind === 'public' && route.method !== 'GET';
  const rest = /\{([a-zA-Z]+)\*\}$/.exec(route.path)?.[1];
  app.route({
    method: route.method,
    url: fastifyPath(route.path),
    bodyLimit: route.request.bodyLimitBytes ?? defaultBodyLimitBytes,
    config: {
      operationId: route.operationId,
      route,
      ...(publicWrite ? { rateLimit: { max: publicWritesPerMinute, timeWindow: '1 minute' } } : {}),
    },
    handler: async (request, reply) => {
      const call = callOf(request);
      const head = { method: request.method, url: request.url, headers: request.headers, ip: request.ip };
      const principal = await authorize(deps.authorize, route, head, call);
      const input = {
        params: parse(route.request.params, paramsOf(rest, request), 'path'),
        query: parse(route.request.query, request.query, 'query'),
        body: parse(route.request.body, request.body, 'body'),
        principal,
        call,
        headers: request.headers,
        idempotencyKey: idempotencyKeyOf(request.headers['idempotency-key']),
        // Made when a handler asks for it; few do.
        get signal() {
          return abortSignalOf(request);
        },
      };
      const result: HandlerResult = await route.handler(input);
      return sendResult(route, reply, result);
    },
  });
}

/** @param rest - name of the last parameter that takes the rest of the path */
function paramsOf(rest: string | undefined, request: FastifyRequest): Record<string, unknown> {
  const params = { ...(request.params as Record<string, unknown>) }; // Fastify's own shape
  if (rest !== undefined) {
    params[rest] = params['*'];
    delete params['*'];
  }
  return params;
}

function callOf(request: FastifyRequest): CallContext {
  const traceparent = request.headers['traceparent'];
  const userAgent = request.headers['user-agent'];
  return {
    requestId: request.id,
    traceparent:
      typeof traceparent === 'string' &&
      /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/.test(traceparent)
        ? traceparent
        : null,
    origin: { ip: request.ip, userAgent: userAgent?.slice(0, 512) ?? null, service: 'api' },
  };
}

function idempotencyKeyOf(header: string | string[] | undefined): string | null {
  if (header === undefined) return null;
  if (typeof header === 'string' && /^[\x21-\x7e]{1,255}$/.test(header)) return header;
  throw new GatehouseError(
    'ERR_INVALID_REQUEST',
    'Idempotency-Key must be 1 to 255 visible ASCII characters',
    { status: 400 },
  );
}

function abortSignalOf(request: FastifyRequest): AbortSignal {
  const controller = new AbortController();
  if (request.raw.destroyed && !request.raw.complete) controller.abort();
  request.raw.once('close', () => {
    if (request.raw.destroyed && !request.raw.complete) controller.abort();
  });
  return controller.signal;
}

/** Parses one part of a request. @throws ERR_INVALID_REQUEST listing every wrong place */
function parse(schema: z.ZodType | undefined, value: unknown, place: string): unknown {
  if (schema === undefined) return undefined;
  const result = schema.safeParse(value ?? (place === 'body' ? undefined : {}));
  if (result.success) return result.data;
  const issues: FieldIssue[] = result.error.issues
    .slice(0, 20)
    .map((issue) => ({ path: [place, ...issue.path].join('.'), message: issue.message }));
  const first = issues[0];
  throw new GatehouseError(
    'ERR_INVALID_REQUEST',
    `${first?.path ?? place}: ${first?.message ?? 'is not valid'}`,
    { status: 400, details: { issues } },
  );
}

function answerProblem(
  deps: HttpDeps,
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const problem = toProblem(error, request.id);
  if (problem.status >= 500)
    deps.logger.error('a request failed', {
      requestId: request.id,
      operationId: request.routeOptions.config.operationId,
      error,
    });
  for (const [name, value] of Object.entries(challenge(error, deps.publicUrl))) reply.header(name, value);
  return reply.code(problem.status).type('application/problem+json').send(JSON.stringify(problem));
}

/** RFC 6750 and RFC 9470 challenges. */
function challenge(error: unknown, realm: string): Readonly<Record<string, string>> {
  if (!isGatehouseError(error) || error.status !== 401)
    return error instanceof GatehouseError && error.status === 503 ? { 'retry-after': '1' } : {};
  const own = error.details['challenge'];
  if (typeof own === 'string') return { 'www-authenticate': own };
  if (error.code === 'ERR_STEP_UP_REQUIRED') {
    const { acrValues, maxAgeSeconds } = error.details as {
      readonly acrValues?: string;
      readonly maxAgeSeconds?: number;
    }; // authorize.ts puts them there
    return {
      'www-authenticate': `Bearer realm="${realm}", error="insufficient_user_authentication", acr_values="${acrValues ?? 'aal2'}", max_age="${maxAgeSeconds ?? 300}"`,
    };
  }
  const invalid = error.code === 'ERR_UNAUTHENTICATED' ? '' : ', error="invalid_token"';
  return { 'www-authenticate': `Bearer realm="${realm}"${invalid}` };
}
