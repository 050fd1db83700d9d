import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAudit, type Audit } from '../../audit/index.ts';
import { createCrypto, createLocalProvider, cryptoEvents } from '../../crypto/index.ts';
import { createIdentity, identityEvents, type Identity } from '../../identity/index.ts';
import {
  isGatehouseError,
  Secret,
  silentLogger,
  systemClock,
  systemRandomBytes,
  uuidv7,
  type AnyRoute,
  type Clock,
  type EventDefinition,
  type HandlerResult,
  type TenantId,
} from '../../kernel/index.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';

/** The identity room with its real lower floors, reachable over HTTP. */
export type IdentityHouse = {
  readonly url: string;
  readonly db: TestDatabase;
  readonly identity: Identity;
  readonly audit: Audit;
  readonly warm: (tenantId: TenantId) => Promise<void>;
  readonly close: () => Promise<void>;
};

/** Starts it. Routes that policy decides are refused here: they are tested with the whole house. */
export async function startIdentityHouse(options: { readonly clock?: Clock } = {}): Promise<IdentityHouse> {
  const db = await createTestDatabase();
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-identity-'));
  const clock = options.clock ?? systemClock;
  const common = {
    database: db.database,
    clock,
    newId: () => uuidv7(Date.now(), systemRandomBytes),
    randomBytes: systemRandomBytes,
    logger: silentLogger,
  };
  const passphrase = new Secret('passphrase of a test');
  const file = join(folder, 'root.json');
  const root = await createLocalProvider({ file, passphrase, randomBytes: systemRandomBytes });
  const late: { audit?: Audit } = {};
  const crypto = createCrypto({
    ...common,
    root,
    recordProviderCalls: false,
    audit: () => late.audit as Audit,
  }); // set below, before the first use
  const definitions: EventDefinition[] = [...identityEvents, ...cryptoEvents];
  late.audit = createAudit({ ...common, crypto, originPrefix: 'test.example/log', definitions });
  const audit = late.audit;
  await audit.start();
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // listening on TCP
  const identity = createIdentity({ ...common, crypto, audit, publicUrl: url, mode: 'development' });
  server.on('request', (request, response) => void answer(identity, request, response));
  await identity.start();
  return {
    url,
    db,
    identity,
    audit,
    warm: crypto.warm,
    close: async () => {
      await closeServer(server);
      await identity.stop();
      await audit.stop();
      await crypto.stop();
      await db.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((closed) => void server.close(() => closed()));
}

async function answer(identity: Identity, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = request.url?.split('?')[0] ?? '/';
  if (path === '/oidc' || path.startsWith('/oidc/')) return identity.providerHandler(request, response);
  const route = identity.routes.find((one) => one.method === request.method && one.path === path);
  if (route?.security.kind !== 'public') return void response.writeHead(404).end();
  try {
    send(response, await call(route, request));
  } catch (error) {
    if (!isGatehouseError(error)) return void response.writeHead(500).end(String(error));
    send(response, { status: error.status, body: { code: error.code, ...error.details } });
  }
}

async function call(route: AnyRoute, request: IncomingMessage): Promise<HandlerResult> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString('utf8');
  const { searchParams } = new URL(request.url ?? '/', 'http://test.invalid');
  const input = {
    params: {},
    query: route.request.query?.parse(Object.fromEntries(searchParams)),
    body: route.request.body?.parse(text === '' ? undefined : JSON.parse(text)),
    principal: null,
    headers: request.headers,
    idempotencyKey: null,
    signal: new AbortController().signal,
    call: {
      requestId: uuidv7(Date.now(), systemRandomBytes),
      traceparent: null,
      origin: { ip: '127.0.0.1', userAgent: request.headers['user-agent'] ?? null, service: 'console' },
    },
  };
  return route.handler(input);
}

function send(response: ServerResponse, { status, body, headers = {}, cookies = [] }: HandlerResult): void {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value as string | string[]); // no other kinds are sent
  if (cookies.length > 0) response.setHeader('set-cookie', [...cookies]);
  if (typeof body !== 'string') response.setHeader('content-type', 'application/json');
  response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body));
}
