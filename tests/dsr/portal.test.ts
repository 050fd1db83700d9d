import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { TenantId } from '../../kernel/index.ts';
import { createDsrFixture, type DsrFixture } from './dsr-fixture.ts';

describe('the portal', () => {
  let f: DsrFixture;
  let tenantId: TenantId;
  beforeAll(async () => {
    f = await createDsrFixture();
    tenantId = await f.createTenant('acme', 5);
  }, 60_000);
  afterAll(() => f.close());

  const params = { slug: 'acme' };
  const ask = async (email: string, language = 'en'): Promise<string> =>
    (
      (await f.call('openPortalRequest', { params, body: { type: 'erasure', law: 'gdpr', email, language } }))
        .body as { ticket: string }
    ).ticket;
  const aTicket = expect.stringMatching(/^[A-Za-z0-9_-]{43}$/);
  const tryCode = (ticket: string, code: string) =>
    f.call('verifyPortalRequest', { params, body: { ticket, code } });

  test('answers the same, and runs the same statements, whether the person is known or not', async () => {
    const known = (await f.contacts(tenantId))[0]?.email ?? '';
    const shape = async (email: string) => {
      const ticket = await ask(email);
      const { rows } = await f.db.admin(
        `select (to_jsonb(r) - '{id,ticket_hash,identity_hash,sealed,subject_label,received_at,created_at,updated_at}'::text[]) as row,
        length(r.sealed) - length($2) as size from dsr.request r where ticket_hash = sha256(convert_to($1, 'UTF8'))`,
        [ticket, email],
      );
      return { length: ticket.length, ...rows[0] };
    };
    expect(await shape(known)).toEqual(await shape('nobody@example.org'));
  });

  test('gives a ticket of 256 bits that the database knows only as a hash', async () => {
    const ticket = await ask('ticket@example.org');
    expect(Buffer.from(ticket, 'base64url')).toHaveLength(32);
    const { rows } = await f.db.admin(
      `select count(*)::integer as rows from dsr.request r where r::text like $1`,
      [`%${ticket}%`],
    );
    expect(rows[0].rows).toBe(0);
  });

  test('verifies by the mailed code once, and never again', async () => {
    const ticket = await ask('once@example.org');
    await f.settle();
    const code = f.codeFor('once@example.org');
    expect((await tryCode(ticket, code)).body).toEqual({ state: 'verified', ticket: aTicket });
    await expect(tryCode(ticket, code)).rejects.toMatchObject({ code: 'ERR_DSR_CODE_INVALID' });
  });

  test('refuses after five wrong tries, the right code included, with one answer for everything', async () => {
    const ticket = await ask('tries@example.org');
    await f.settle();
    const code = f.codeFor('tries@example.org');
    const wrong = code === '00000000' ? '00000001' : '00000000';
    for (let attempt = 0; attempt < 5; attempt += 1)
      await expect(tryCode(ticket, wrong)).rejects.toMatchObject({
        code: 'ERR_DSR_CODE_INVALID',
        status: 400,
      });
    await expect(tryCode(ticket, code)).rejects.toMatchObject({ code: 'ERR_DSR_CODE_INVALID', status: 400 });
    await expect(tryCode('A'.repeat(43), code)).rejects.toMatchObject({
      code: 'ERR_DSR_CODE_INVALID',
      status: 400,
    });
  });

  test('lets five guesses at once count as five', async () => {
    const ticket = await ask('race@example.org');
    await f.settle();
    const code = f.codeFor('race@example.org');
    const wrong = code === '00000000' ? '00000001' : '00000000';
    await Promise.allSettled(Array.from({ length: 8 }, () => tryCode(ticket, wrong)));
    await expect(tryCode(ticket, code)).rejects.toMatchObject({ code: 'ERR_DSR_CODE_INVALID' });
  });

  test('lets a code die after ten minutes, and a new one void the old', async () => {
    const ticket = await ask('late@example.org');
    await f.settle();
    const first = f.codeFor('late@example.org');
    f.clock.advance(10 * 60_000 + 1);
    await expect(tryCode(ticket, first)).rejects.toMatchObject({ code: 'ERR_DSR_CODE_INVALID' });
    await f.call('resendPortalCode', { params, body: { ticket } });
    await f.settle();
    const second = f.codeFor('late@example.org');
    expect((await tryCode(ticket, second)).body).toEqual({ state: 'verified', ticket: aTicket });
  });

  test('stores codes and addresses nowhere in the clear', async () => {
    await ask('secret.person@example.org');
    const { rows } = await f.db.admin(
      `select count(*)::integer as rows from dsr.message m where m::text ilike '%secret.person%'`,
    );
    const { rows: requests } = await f.db.admin(
      `select count(*)::integer as rows from dsr.request r where r::text ilike '%secret.person%'`,
    );
    expect([rows[0].rows, requests[0].rows]).toEqual([0, 0]);
  });

  test('links a second open request of the same person and lets both clocks run', async () => {
    await ask('Twice@example.org');
    f.clock.advance(86_400_000);
    const second = await ask('twice@EXAMPLE.org');
    const { rows } = await f.db.admin(
      `select r.linked_to, r.due_at > t.due_at as later from dsr.request r join dsr.request t on t.id = r.linked_to where r.ticket_hash = sha256(convert_to($1, 'UTF8'))`,
      [second],
    );
    expect(rows[0]?.later).toBe(true);
  });

  test('mails at most five codes an hour to one address, and says nothing about it', async () => {
    for (let count = 0; count < 8; count += 1) expect(await ask('flood@example.org')).toHaveLength(43);
    await f.settle();
    expect(f.mails.filter((mail) => mail.to === 'flood@example.org')).toHaveLength(5);
  });

  test('writes in the language of the person', async () => {
    await ask('polska@example.org', 'pl');
    await f.settle();
    expect(f.mails.find((mail) => mail.to === 'polska@example.org')?.text).toContain('usunięcie danych');
  });

  test('lets the ticket holder see the way, and withdraw', async () => {
    const ticket = await ask('leaver@example.org');
    expect((await f.call('getPortalStatus', { params, query: { ticket } })).body).toMatchObject({
      state: 'verifying',
      type: 'erasure',
      certificateAvailable: false,
      packageAvailable: false,
    });
    expect((await f.call('withdrawPortalRequest', { params, body: { ticket } })).body).toEqual({
      state: 'withdrawn',
    });
    await expect(f.call('withdrawPortalRequest', { params, body: { ticket } })).rejects.toMatchObject({
      code: 'ERR_DSR_TRANSITION_REFUSED',
    });
  });

  test('does not know the tickets of another tenant', async () => {
    await f.createTenant('globex', 0);
    const ticket = await ask('mine@example.org');
    await expect(
      f.call('getPortalStatus', { params: { slug: 'globex' }, query: { ticket } }),
    ).rejects.toMatchObject({ status: 404 });
  });

  test('expires what nobody proved in time, and forgets the address', async () => {
    const ticket = await ask('silent@example.org');
    f.clock.advance(31 * 86_400_000);
    await f.settle();
    const { rows } = await f.db.admin(
      `select state, sealed, subject_label from dsr.request where ticket_hash = sha256(convert_to($1, 'UTF8'))`,
      [ticket],
    );
    expect(rows[0]).toEqual({ state: 'expired', sealed: null, subject_label: null });
  });
});
