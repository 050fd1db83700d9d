import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { TenantId } from '../../kernel/index.ts';
import { askThroughPortal, createDsrFixture, type DsrFixture } from './dsr-fixture.ts';

const reason = 'Three archives have to be searched by hand.';

describe('extending a deadline', () => {
  let f: DsrFixture;
  let tenantId: TenantId;
  beforeAll(async () => {
    f = await createDsrFixture();
    tenantId = await f.createTenant('acme', 6);
  }, 60_000);
  afterAll(() => f.close());

  const ask = async (at: number, law: string): Promise<{ id: string; email: string }> => {
    const email = (await f.contacts(tenantId))[at]?.email ?? '';
    return { ...(await askThroughPortal(f, 'acme', { type: 'access', email, law })), email };
  };
  const extend = (id: string) =>
    f.call('extendDsrRequest', {
      principal: f.staff(tenantId, 'Dana'),
      params: { id },
      body: { reason },
    });

  test.each([
    ['gdpr', '2027-02-02', 'GDPR Article 12(3) second sentence'],
    ['ccpa', '2027-01-31', '11 CCR 7021(b)'],
  ])(
    'gives what the law pack of %s allows, and tells the person the date and the reason',
    async (law, due, citation) => {
      const { id, email } = await ask(law === 'gdpr' ? 0 : 1, law);
      const { body } = await extend(id);
      expect(body).toMatchObject({ clock: { extensionReason: reason } });
      const { clock } = body as { clock: { dueAt: string; citation: string; extendedAt: string } };
      expect(clock.dueAt.slice(0, 10)).toBe(due);
      expect(clock.citation).toContain(citation);
      await f.settle();
      const mail = f.mails.findLast((one) => one.to === email);
      expect(mail?.text).toContain(reason);
      expect(mail?.text).toContain(due);
      await f.audit.flush();
      const { rows } = await f.db.admin(
        `select count(*)::integer as rows from audit.entry where idempotency_key = $1`,
        [`dsr.extended:${id}`],
      );
      expect(rows[0].rows).toBe(1);
    },
  );

  test('is refused the second time, after the deadline, and once nothing is owed', async () => {
    const { id } = await ask(2, 'gdpr');
    await extend(id);
    await expect(extend(id)).rejects.toMatchObject({ code: 'ERR_DSR_EXTENSION_REFUSED' });
    const refused = await ask(3, 'gdpr');
    await f.call('refuseDsrRequest', {
      principal: f.staff(tenantId, 'Dana'),
      params: { id: refused.id },
      body: { reason: 'excessive', citation: 'GDPR Article 12(5)(b)' },
    });
    await expect(extend(refused.id)).rejects.toMatchObject({ code: 'ERR_DSR_EXTENSION_REFUSED' });
    const late = await ask(4, 'gdpr');
    f.clock.set('2027-01-15T09:00:00.000Z');
    await expect(extend(late.id)).rejects.toMatchObject({ code: 'ERR_DSR_EXTENSION_REFUSED' });
  });
});
