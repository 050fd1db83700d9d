import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { call, startTestHouse, type Caller, type TestHouse } from '../support/house.ts';

let house: TestHouse;
let dpo: Caller;
let admin: Caller;
let auditor: Caller;
beforeAll(async () => {
  house = await startTestHouse({ contacts: 5 });
  [dpo, admin, auditor] = await Promise.all([
    house.as('acme', 'dpo'),
    house.as('acme', 'security_admin'),
    house.as('acme', 'auditor'),
  ]);
}, 120_000);
afterAll(() => house?.close());

const json = { 'content-type': 'application/json' };
/** A body as bytes, so that it need not be what JSON.stringify writes. */
async function send(path: string, body: string | Buffer, headers: Record<string, string> = {}) {
  const response = await fetch(`${house.url}${path}`, {
    method: 'POST',
    headers: { ...json, ...headers },
    body: new Uint8Array(Buffer.from(body)),
  });
  return { status: response.status, body: (await response.json()) as { code?: string } };
}

describe('text that cannot be kept and nesting without end answer 400', () => {
  test.each([
    ['a value with U+0000', '/v1/policy/subjects/app/a', { properties: { a: '\u0000' }, roles: [] }],
    ['a name with U+0000', '/v1/policy/subjects/app/a', { properties: { 'a\u0000': 1 }, roles: [] }],
    ['half a surrogate pair', '/v1/policy/subjects/app/a', { properties: { a: '\ud800' }, roles: [] }],
    ['a path with U+0000', '/v1/policy/subjects/app/a%00b', { properties: {}, roles: [] }],
    ['a role’s description', '/v1/policy/roles/odd', { description: 'x\u0000', rules: [] }],
  ])('%s in a PUT', async (_what, path, body) => {
    expect((await admin('PUT', path, body)).status).toBe(400);
  });

  test.each(['q', 'actor', 'action', 'subject'])('U+0000 in the trail’s %s', async (name) => {
    for (const place of ['events', 'facets', 'histogram'])
      expect((await auditor('GET', `/v1/audit/${place}?${name}=a%00b`)).status).toBe(400);
  });

  test('fifty thousand levels of JSON', async () => {
    const deep = `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`;
    const answer = await send('/v1/dsr/certificates/verify', `{"certificate":${deep}}`);
    expect(answer).toMatchObject({ status: 400, body: { detail: expect.stringContaining('nested') } });
  });

  test.each([
    ['bytes that are no UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])],
    ['a prototype', '{"__proto__":{"type":"access"}}'],
    ['a constructor', '{"constructor":{"prototype":{"type":"access"}}}'],
    ['half a document', '{"type":'],
    ['a list', '[]'],
    ['null', 'null'],
  ])('%s in the portal', async (_what, body) => {
    expect((await send('/v1/dsr/portal/acme/requests', body)).status).toBe(400);
  });
});

describe('answers with personal data stay out of every cache', () => {
  test.each([
    '/v1/identity/users',
    '/v1/identity/sessions',
    '/v1/identity/session',
    '/v1/policy/grants',
    '/v1/overview',
    '/v1/audit/events?limit=1',
  ])('%s', async (path) => {
    const answer = await admin('GET', path);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  test('records, requests and refusals too', async () => {
    const purpose = { 'gatehouse-purpose': 'support' };
    const answers = [
      await dpo('GET', '/v1/data/contacts/contact?limit=1', undefined, purpose),
      await dpo('GET', '/v1/dsr/requests'),
      await dpo('GET', '/v1/identity/users'),
      await call(house.url, 'GET', '/v1/dsr/outbox'),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 403, 200]);
    for (const { headers } of answers) expect(headers.get('cache-control')).toBe('no-store');
  });
});

describe('the other tenant', () => {
  test('its ids answer as ids that nobody ever had', async () => {
    const globex = await house.as('globex', 'dpo');
    const purpose = { 'gatehouse-purpose': 'support' };
    const made = await dpo('POST', '/v1/dsr/requests', {
      type: 'erasure',
      law: 'gdpr',
      email: 'somebody@example.org',
      identity: { method: 'letter' },
    });
    const contacts = await dpo('GET', '/v1/data/contacts/contact?limit=1', undefined, purpose);
    const request = `/v1/dsr/requests/${String(made.body.id)}`;
    const record = `/v1/data/contacts/contact/${String(contacts.body.items[0].id)}`;
    const ghost = '01999999-0000-7000-8000-000000000000';
    const tries: readonly [Caller, string, string, unknown?][] = [
      [globex, 'GET', request],
      [globex, 'GET', `${request}/certificate`],
      [globex, 'POST', `${request}/plan`],
      [globex, 'POST', `${request}/execute`],
      [globex, 'POST', `${request}/refuse`, { reason: 'x', citation: 'y' }],
      [globex, 'GET', record],
      [globex, 'PATCH', record, { city: 'Elsewhere' }],
      [globex, 'DELETE', record],
    ];
    for (const [who, method, path, body] of tries) {
      const foreign = await who(method, path, body, purpose);
      const nobody = await who(method, path.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/, ghost), body, purpose);
      expect([method, path, foreign.status]).toEqual([method, path, 404]);
      const plain = (text: unknown): string => JSON.stringify(text).replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '');
      expect(plain(foreign.body)).toBe(plain(nobody.body));
    }
  }, 30_000);

  test('its slug opens no ticket, and a session cookie with its id none', async () => {
    const asked = await call(house.url, 'POST', '/v1/dsr/portal/acme/requests', {
      type: 'access',
      law: 'gdpr',
      email: 'ticket@example.org',
    });
    const { ticket } = asked.body as { ticket: string };
    for (const slug of ['globex', 'nobody'])
      expect((await call(house.url, 'GET', `/v1/dsr/portal/${slug}/status?ticket=${ticket}`)).status).toBe(
        404,
      );
    const [acme, globex] = ['acme', 'globex'].map(
      (slug) => house.tenants.find((one) => one.slug === slug)?.id,
    );
    for (const tenant of [acme, globex, '00000000-0000-7000-8000-000000000000']) {
      const cookie = `gatehouse=${String(tenant)}.01999999-0000-7000-8000-000000000000.${'A'.repeat(43)}`;
      expect((await call(house.url, 'GET', '/v1/identity/session', undefined, { cookie })).status).toBe(401);
    }
  });
});

describe('the embedded provider', () => {
  test.each([
    ['POST', '/oidc/reg'],
    ['POST', '/oidc/token/introspection'],
    ['POST', '/oidc/token/revocation'],
    ['POST', '/oidc/device/auth'],
    ['POST', '/oidc/backchannel'],
    ['GET', '/oidc/session/end'],
    ['GET', '/oidc/interaction/abc/debug'],
  ])('%s %s is not there', async (method, path) => {
    expect((await call(house.url, method, path)).status).toBe(404);
  });

  const asked = (changes: Record<string, string>): Promise<{ status: number; location: string }> => {
    const query = new URLSearchParams({
      client_id: 'gatehouse-console',
      response_type: 'code',
      redirect_uri: `${house.url}/auth/callback`,
      scope: 'openid',
      tenant: 'acme',
      code_challenge: 'x'.repeat(43),
      code_challenge_method: 'S256',
      ...changes,
    });
    return call(house.url, 'GET', `/oidc/auth?${query.toString()}`).then(({ status, headers }) => ({
      status,
      location: headers.get('location') ?? '',
    }));
  };

  test.each([
    '/auth/callback/',
    '/auth/callback?x=1',
    '/AUTH/callback',
    '/auth/callback/../x',
    '/auth/callback#a',
  ])('sends nobody to %s: the redirect URI is exact', async (path) => {
    expect(await asked({ redirect_uri: `${house.url}${path}` })).toEqual({ status: 400, location: '' });
  });

  test.each([
    ['no PKCE', { code_challenge: '', code_challenge_method: '' }, 'error=invalid_request'],
    ['plain PKCE', { code_challenge_method: 'plain' }, 'error=invalid_request'],
    ['an implicit token', { response_type: 'token' }, 'error=unsupported_response_type'],
    ['an unsigned request object', { request: 'eyJhbGciOiJub25lIn0.e30.' }, 'error=request_not_supported'],
    ['a request by reference', { request_uri: 'http://127.0.0.1:9/x' }, 'error=request_uri_not_supported'],
    ['silent sign-in', { prompt: 'none' }, 'error=login_required'],
  ])('refuses %s', async (_what, changes, error) => {
    expect((await asked(changes)).location).toContain(error);
  });
});

test('a huge head is refused', async () => {
  const { port } = new URL(house.url);
  const answer = await new Promise<string>((resolve) => {
    const socket = connect(Number(port), '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => void (text += chunk.toString('latin1')));
    socket.on('close', () => resolve(text));
    socket.on('error', () => resolve(text));
    socket.write(`GET / HTTP/1.1\r\nhost: localhost\r\nx: ${'a'.repeat(40_000)}\r\n\r\n`);
  });
  expect(answer).toMatch(/^HTTP\/1\.1 (431|400) /);
});

describe('a machine with the rights of a security admin', () => {
  const contacts = { description: 'x', rules: [{ action: 'read', subject: 'contacts.contact' }] };
  const guard = { description: 'x', rules: [{ action: ['dsr.approve'], subject: 'dsr' }] };
  const own = { description: 'x', rules: [{ action: 'can_read', subject: 'probe' }] };

  test.each([
    [
      'POST',
      '/v1/policy/grants',
      { principalId: '01999999-0000-7000-8000-000000000000', role: 'dpo', reason: 'x' },
    ],
    ['DELETE', '/v1/policy/grants/01999999-0000-7000-8000-000000000000', undefined],
    ['PUT', '/v1/policy/roles/probe-contacts', contacts],
    ['PUT', '/v1/policy/roles/probe-guard', guard],
  ])('gives no access away: %s %s asks for a person', async (method, path, body) => {
    const answer = await admin(method, path, body);
    expect([answer.status, answer.body.code]).toEqual([401, 'ERR_STEP_UP_REQUIRED']);
    expect(answer.headers.get('www-authenticate')).toContain('insufficient_user_authentication');
  });

  test("may set up the rules of its application's own resource types", async () => {
    expect((await admin('PUT', '/v1/policy/resource-types/probe', { fields: [] })).status).toBe(204);
    expect((await admin('PUT', '/v1/policy/roles/probe-own', own)).status).toBe(200);
  });
});

test('a URL that cannot be read is a problem document, too', async () => {
  const answer = await fetch(`${house.url}/v1/data/contacts/%zz`);
  expect([answer.status, answer.headers.get('content-type')?.split(';')[0]]).toEqual([
    400,
    'application/problem+json',
  ]);
});

test('a forged cursor is told apart from a fault of ours', async () => {
  const cursor = Buffer.from(JSON.stringify(['1 contacts.contact id', 'nope', 'nope'])).toString('base64url');
  const answer = await dpo('GET', `/v1/data/contacts/contact?cursor=${cursor}`, undefined, {
    'gatehouse-purpose': 'compliance',
  });
  expect(answer.status).toBe(400);
});
