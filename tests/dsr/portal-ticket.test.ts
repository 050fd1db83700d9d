import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Principal, TenantId } from '../../kernel/index.ts';
import { createDsrFixture, planAndApprove, type DsrFixture } from './dsr-fixture.ts';

const params = { slug: 'acme' };
const unknown = { code: 'ERR_DSR_TICKET_UNKNOWN', status: 404 };

describe('a request that a stranger opened with the address of another', () => {
  let f: DsrFixture;
  let tenantId: TenantId;
  let dana: Principal;
  let victims: readonly { email: string }[];
  beforeAll(async () => {
    f = await createDsrFixture();
    tenantId = await f.createTenant('acme', 8);
    dana = f.staff(tenantId, 'Dana');
    victims = await f.contacts(tenantId);
  }, 60_000);
  afterAll(() => f.close());

  const status = async (ticket: string): Promise<unknown> =>
    (await f.call('getPortalStatus', { params, query: { ticket } })).body;
  const certificate = (ticket: string) => f.call('getPortalCertificate', { params, query: { ticket } });
  const download = (ticket: string) => f.call('downloadPortalPackage', { params, body: { ticket } });
  const withdraw = (ticket: string) => f.call('withdrawPortalRequest', { params, body: { ticket } });
  const lastLink = (email: string): URL => {
    const text = f.mails.findLast((mail) => mail.to === email)?.text ?? '';
    return new URL(/https:\S+/.exec(text)?.[0] ?? 'https://no.link');
  };
  const ticketIn = (email: string): string =>
    new URLSearchParams(lastLink(email).hash.slice(1)).get('ticket') ?? '';
  const idOf = async (ticket: string): Promise<string> =>
    (
      await f.db.admin(`select id from dsr.request where ticket_hash = sha256(convert_to($1, 'UTF8'))`, [
        ticket,
      ])
    ).rows[0].id;

  /** The stranger keeps the first ticket; the victim proves with what stands in the mail alone. */
  async function asked(type: 'access' | 'erasure') {
    const email = victims[type === 'access' ? 1 : 2]?.email ?? '';
    const body = { type, law: 'gdpr', email };
    const strangers = ((await f.call('openPortalRequest', { params, body })).body as { ticket: string })
      .ticket;
    await f.settle();
    expect(lastLink(email).hash).toMatch(/^#stage=code&ticket=/);
    const proof = { ticket: ticketIn(email), code: f.codeFor(email) };
    const answer = await f.call('verifyPortalRequest', { params, body: proof });
    const { state, ticket } = answer.body as { state: string; ticket: string };
    expect([state, ticket === strangers]).toEqual(['verified', false]);
    await f.settle();
    return { email, strangers, ticket, id: await idOf(ticket) };
  }

  test('gives the package to the ticket of the proof alone', async () => {
    const { email, strangers, ticket, id } = await asked('access');
    await f.call('planDsrRequest', { principal: dana, params: { id } });
    await f.call('executeDsrRequest', { principal: dana, params: { id } });
    await f.settle();
    await expect(download(strangers)).rejects.toMatchObject(unknown);
    expect(await status(strangers)).toMatchObject({ state: 'completed', packageAvailable: false });
    expect(await status(ticket)).toMatchObject({ state: 'completed', packageAvailable: true });
    expect(ticketIn(email)).toBe(ticket);
    expect((await download(ticket)).status).toBe(200);
  });

  test('gives the certificate to the ticket of the proof alone, and withdraws for no other', async () => {
    const { email, strangers, ticket, id } = await asked('erasure');
    expect(ticketIn(email)).toBe(ticket);
    await expect(withdraw(strangers)).rejects.toMatchObject(unknown);
    await expect(f.call('resendPortalCode', { params, body: { ticket: strangers } })).rejects.toMatchObject(
      unknown,
    );
    await planAndApprove(f, id, dana, f.staff(tenantId, 'Robin'));
    await f.settle();
    await expect(certificate(strangers)).rejects.toMatchObject(unknown);
    expect(await status(strangers)).toMatchObject({ state: 'completed', certificateAvailable: false });
    expect(await status(ticket)).toMatchObject({ state: 'completed', certificateAvailable: true });
    expect(ticketIn(email)).toBe(ticket);
    expect((await certificate(ticket)).status).toBe(200);
  });

  test('is withdrawn by the ticket of the proof, and no code works with the old one again', async () => {
    const email = 'somebody@example.org';
    const body = { type: 'erasure', law: 'gdpr', email };
    const first = ((await f.call('openPortalRequest', { params, body })).body as { ticket: string }).ticket;
    await f.settle();
    const proof = { ticket: first, code: f.codeFor(email) };
    const { ticket } = (await f.call('verifyPortalRequest', { params, body: proof })).body as {
      ticket: string;
    };
    for (const again of [proof, { ...proof, ticket }])
      await expect(f.call('verifyPortalRequest', { params, body: again })).rejects.toMatchObject({
        code: 'ERR_DSR_CODE_INVALID',
      });
    await expect(withdraw(first)).rejects.toMatchObject(unknown);
    expect((await withdraw(ticket)).body).toEqual({ state: 'withdrawn' });
  });

  test('leaves neither ticket in the clear', async () => {
    const { rows } = await f.db.admin(
      `select octet_length(former_ticket_hash) as former, octet_length(ticket_hash) as hash, former_ticket_hash = ticket_hash as same
       from dsr.request where former_ticket_hash is not null`,
    );
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows) expect(row).toEqual({ former: 32, hash: 32, same: false });
    const { rows: clear } = await f.db.admin(`select r::text || coalesce(m.all, '') as text from dsr.request r
      left join lateral (select string_agg(m::text, '') as all from dsr.message m where m.request_id = r.id) m on true`);
    const text = clear.map((row) => row.text).join('');
    const mailed = f.mails.flatMap((mail) => /ticket=([\w-]{43})/.exec(mail.text)?.[1] ?? []);
    expect(mailed.length).toBeGreaterThan(0);
    for (const ticket of mailed) {
      expect(text).not.toContain(ticket);
      expect(text).not.toContain(Buffer.from(ticket).toString('hex'));
    }
  });
});
