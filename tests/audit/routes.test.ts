import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createAuditRoutes, openCheckpoint, parseVerifierKey, verifyInclusion } from '../../audit/index.ts';
import { auditCommands } from '../../cli/commands/audit.ts';
import type { AnyRoute, HandlerResult, Principal, TenantId } from '../../kernel/index.ts';
import { createAuditFixture, createEvent, createPrincipal, newId, type AuditFixture } from './fixture.ts';

let house: AuditFixture;
let routes: readonly AnyRoute[];
let tenant: TenantId;
let auditor: Principal;
let server: Server;
let base: string;

beforeAll(async () => {
  house = await createAuditFixture();
  routes = createAuditRoutes(house.audit, {
    database: house.db.database,
    productVersion: '0.1.0',
    dualControl: house.control,
  });
  tenant = await house.db.createTenant('routes-tenant');
  auditor = createPrincipal(tenant, 'Auditor');
  const actor = createPrincipal(tenant, 'Somebody');
  await house.audit.recordMany(Array.from({ length: 300 }, () => createEvent(tenant, { actor })));
  server = createServer((request, response) => void serve(request.url ?? '', response)).listen(
    0,
    '127.0.0.1',
  );
  await new Promise((ready) => server.once('listening', ready));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.close();
  await house.close();
});

/** The public log as the HTTP adapter serves it, as far as these two routes go. */
async function serve(url: string, response: import('node:http').ServerResponse): Promise<void> {
  const [, logId = '', rest = ''] = /^\/log\/([^/]+)\/(.*)$/.exec(url) ?? [];
  try {
    const result =
      rest === 'checkpoint'
        ? await call('/log/{logId}/checkpoint', { params: { logId } })
        : await call('/log/{logId}/tile/{path*}', { params: { logId, path: rest.replace('tile/', '') } });
    response.writeHead(200, result.headers as Record<string, string>).end(result.body);
  } catch (error) {
    response.writeHead((error as { status?: number }).status ?? 500).end();
  }
}

function call(
  path: string,
  input: {
    params?: unknown;
    query?: object;
    body?: unknown;
    method?: string;
    principal?: Principal | null;
  } = {},
): Promise<HandlerResult> {
  const route = routes.find((one) => one.path === path && one.method === (input.method ?? 'GET'));
  if (route === undefined) throw new Error(`no route ${path}`);
  return route.handler({
    params: input.params === undefined ? {} : (route.request.params?.parse(input.params) ?? {}),
    query: route.request.query?.parse(input.query ?? {}) ?? {},
    body: input.body === undefined ? undefined : route.request.body?.parse(input.body),
    principal: input.principal === undefined ? auditor : input.principal,
    call: {
      requestId: newId(),
      traceparent: null,
      origin: { ip: '198.51.100.9', userAgent: 'test', service: 'api' },
    },
    headers: {},
    idempotencyKey: null,
    signal: new AbortController().signal,
  });
}

/** What the adapter would send: the documented part. */
function documented(path: string, result: HandlerResult): unknown {
  const route = routes.find((one) => one.path === path && one.method === 'GET');
  return route?.responses[result.status]?.schema?.parse(JSON.parse(JSON.stringify(result.body)));
}

describe('the routes', () => {
  test('answer as they document, and a search is itself recorded once', async () => {
    const before = (await call('/v1/audit/log')).body as { size: number };
    const page = await call('/v1/audit/events', {
      query: { action: 'contacts.*', q: 'secret words', limit: '5' },
    });
    documented('/v1/audit/events', page);
    await house.audit.flush();
    const after = (await call('/v1/audit/log')).body as { size: number };
    expect(after.size).toBe(before.size + 1);
    const event = await call('/v1/audit/events/{seq}', { params: { seq: String(before.size) } });
    expect(documented('/v1/audit/events/{seq}', event)).toMatchObject({
      action: 'audit.trail_read',
      actor: { displayName: 'Auditor' },
      origin: { ip: '198.51.100.9' },
      detail: { what: 'search', filters: { action: 'contacts.*', q: '(text)' } },
    });
    for (const path of ['/v1/audit/log', '/v1/audit/histogram', '/v1/audit/facets'])
      expect(documented(path, await call(path))).toBeDefined();
  });

  test('prove an event with what they send and nothing else', async () => {
    const { body } = await call('/v1/audit/events/{seq}/proof', { params: { seq: '42' } });
    const proof = body as {
      index: number;
      treeSize: number;
      leafHash: string;
      hashes: string[];
      checkpoint: string;
      vkey: string;
    };
    const { root } = openCheckpoint(proof.checkpoint, parseVerifierKey(proof.vkey));
    verifyInclusion({
      ...proof,
      root,
      leafHash: Buffer.from(proof.leafHash, 'base64'),
      hashes: proof.hashes.map((hash) => Buffer.from(hash, 'base64')),
    });
    expect(
      documented('/v1/audit/consistency', await call('/v1/audit/consistency', { query: { from: '17' } })),
    ).toMatchObject({ from: 17 });
  });

  test('of another tenant or an unknown log answer 404, and without a principal 401', async () => {
    const other = createPrincipal(await house.db.createTenant());
    await expect(
      call('/v1/audit/events/{seq}', { params: { seq: '5' }, principal: other }),
    ).rejects.toMatchObject({ status: 404 });
    await expect(call('/v1/audit/events', { principal: null })).rejects.toMatchObject({ status: 401 });
    await expect(
      call('/log/{logId}/checkpoint', { params: { logId: 'f'.repeat(32) } }),
    ).rejects.toMatchObject({ status: 404 });
    const log = await house.audit.logInfo(tenant);
    for (const path of ['0/009', '9/000', 'entries/001.p/255', '0/0', '../x']) {
      await expect(
        call('/log/{logId}/tile/{path*}', { params: { logId: log?.logId, path } }),
      ).rejects.toMatchObject({ status: 404 });
    }
  });

  test('serve tiles immutable and the checkpoint fresh, with the types of the specification', async () => {
    const log = await house.audit.logInfo(tenant);
    const tile = await fetch(`${base}/log/${log?.logId}/tile/0/000`);
    expect(tile.headers.get('content-type')).toBe('application/octet-stream');
    expect(tile.headers.get('cache-control')).toContain('immutable');
    expect((await tile.arrayBuffer()).byteLength).toBe(8_192);
    const checkpoint = await fetch(`${base}/log/${log?.logId}/checkpoint`);
    expect(checkpoint.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect((await call('/docs/audit/verify', { principal: null })).body).toContain('<!doctype html>');
  });

  test('give an evidence pack and record that', async () => {
    const result = await call('/v1/audit/evidence', { query: { from: '0', to: '10' } });
    expect(result.headers).toMatchObject({ 'content-type': 'application/zip' });
    let bytes = 0;
    for await (const chunk of result.body as AsyncIterable<Buffer>) bytes += chunk.length;
    expect(bytes).toBeGreaterThan(10_000);
    const found = await call('/v1/audit/events', { query: { action: 'audit.evidence_exported' } });
    expect(found.body).toMatchObject({ items: [{ outcome: 'success' }] });
  });
});

describe('gatehouse audit verify', () => {
  const verify = async (
    values: Record<string, string | boolean>,
  ): Promise<{ code: number; out: string; error: string }> => {
    const [out, error]: [string[], string[]] = [[], []];
    const io = {
      out: (line: string) => void out.push(line),
      error: (line: string) => void error.push(line),
      environment: { GATEHOUSE_DATABASE_URL: house.db.adminUrl },
    };
    const code = (await auditCommands[0]?.run({ values, positionals: [], io, json: false })) ?? 2;
    return { code, out: out.join('\n'), error: error.join('\n') };
  };

  test('over the database and over HTTP answers 0 for a sound log', async () => {
    expect(await verify({ db: true, tenant: 'routes-tenant' })).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^OK {2}routes-tenant: 30\d entries, 1 tiles/),
    });
    const log = await house.audit.logInfo(tenant);
    expect(await verify({ url: `${base}/log/${log?.logId}`, vkey: log?.vkey ?? '' })).toMatchObject({
      code: 0,
    });
  });

  test('answers 1 and names the first bad sequence number, over both', async () => {
    await house.db.admin('alter table audit.entry disable trigger user');
    const set =
      'update audit.entry set body = set_byte(body, 100, get_byte(body, 100) # 1) where tenant_id = $1 and seq = 123';
    await house.db.admin(set, [tenant]);
    const stored = await verify({ db: true, tenant: 'routes-tenant' });
    const log = await house.audit.logInfo(tenant);
    const remote = await verify({ url: `${base}/log/${log?.logId}`, vkey: log?.vkey ?? '' });
    await house.db.admin(set, [tenant]);
    expect(stored).toMatchObject({ code: 1, out: expect.stringContaining('first bad sequence number: 123') });
    expect(remote).toMatchObject({ code: 1, out: expect.stringContaining('first bad sequence number: 123') });
  });

  test('answers 2 for wrong use', async () => {
    expect((await verify({})).code).toBe(2);
    expect((await verify({ db: true, pack: 'x' })).code).toBe(2);
    expect((await verify({ db: true, tenant: 'nobody' })).code).toBe(2);
    expect((await verify({ url: base })).code).toBe(2);
    expect((await verify({ url: base, vkey: 'nonsense' })).code).toBe(2);
  });
});

describe('the registry of events', () => {
  test('lists every type with the shape of its detail', async () => {
    const { body } = await call('/v1/audit/event-types');
    expect((body as { items: readonly { action: string }[] }).items).toContainEqual(
      expect.objectContaining({
        action: 'audit.trail_read',
        version: 1,
        ocsf: expect.objectContaining({ typeUid: 600501, className: 'Datastore Activity' }),
        detail: expect.objectContaining({ type: 'object' }),
      }),
    );
  });

  test('gives one event in OCSF, with its actor opened, and records that it was read', async () => {
    const before = await house.audit.logInfo(tenant);
    const { body } = await call('/v1/audit/events/{seq}/ocsf', { params: { seq: 3 } });
    expect(body).toMatchObject({
      metadata: { version: '1.8.0', tenant_uid: tenant, log_name: before?.origin, sequence: 3 },
      actor: { user: { display_name: 'Somebody' } },
    });
    await house.audit.flush();
    const { body: events } = await call('/v1/audit/events', {
      query: { action: 'audit.trail_read', limit: 5 },
    });
    expect(
      (events as { items: readonly { actor: { displayName: string } }[] }).items[0]?.actor.displayName,
    ).toBe('Auditor');
  });
});

describe('reading over HTTP', () => {
  test('follows the log as server-sent events and records that somebody does', async () => {
    const { headers, body } = await call('/v1/audit/tail', { query: { from: 298 } });
    expect(headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
    });
    const stream = body as AsyncGenerator<string>;
    const first: string[] = [];
    for await (const text of stream) {
      first.push(text);
      if (first.some((part) => part.startsWith('id: 299\n'))) break;
    }
    expect(first.join('')).toMatch(/^retry: 1000\n\nid: 298\nevent: entry\ndata: \{"seq":298,/);
    await house.audit.flush();
    const { body: events } = await call('/v1/audit/events', {
      query: { action: 'audit.trail_read', limit: 1 },
    });
    expect((events as { items: readonly { actor: { displayName: string } }[] }).items).toHaveLength(1);
  });

  test('says what an actor touched, in pages, and what it did by session', async () => {
    const { body: page } = await call('/v1/audit/events', {
      query: { q: 'contacts.contact_read', limit: 1 },
    });
    const actor = (page as { items: readonly { actor: { id: string } }[] }).items[0]?.actor.id ?? '';
    const { body: blast } = await call('/v1/audit/blast-radius', { query: { actor, limit: 7 } });
    expect(blast).toMatchObject({
      events: 300,
      recordCount: 300,
      subjectCount: 0,
      nextCursor: expect.any(String),
    });
    const cursor = (blast as { nextCursor: string }).nextCursor;
    const { body: next } = await call('/v1/audit/blast-radius', { query: { actor, limit: 7, cursor } });
    const ids = (of: unknown) => (of as { records: readonly { id: string }[] }).records.map(({ id }) => id);
    expect(new Set([...ids(blast), ...ids(next)]).size).toBe(14);
    const { body: timeline } = await call('/v1/audit/actors/{id}/timeline', { params: { id: actor } });
    expect(timeline).toMatchObject({ scanned: 300, sessions: [{ events: 300 }] });
  });

  test('keeps, lists and forgets a view, and records each change', async () => {
    const input = { name: 'mine', filter: { outcome: 'denied' } };
    const { status, body } = await call('/v1/audit/views', { body: input, method: 'POST' });
    expect(status).toBe(201);
    const { id } = body as { id: string };
    const { body: list } = await call('/v1/audit/views', {});
    expect(list).toMatchObject({ items: [{ id, mine: true, schedule: null }] });
    expect((await call('/v1/audit/views/{id}', { params: { id }, method: 'DELETE' })).status).toBe(204);
    await house.audit.flush();
    const { body: events } = await call('/v1/audit/events', { query: { action: 'audit.view_changed' } });
    expect((events as { items: readonly unknown[] }).items).toHaveLength(2);
  });
});
