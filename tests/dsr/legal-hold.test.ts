import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Principal, TenantId } from '../../kernel/index.ts';
import { askThroughPortal, createDsrFixture, planAndApprove, type DsrFixture } from './dsr-fixture.ts';

let f: DsrFixture;
let acme: TenantId;
let planner: Principal;
let approver: Principal;
beforeAll(async () => {
  f = await createDsrFixture();
  acme = await f.createTenant('acme', 12);
  [planner, approver] = [f.staff(acme, 'Planner'), f.staff(acme, 'Approver')];
});
afterAll(() => f.close());

const hold = (subjectId: string) =>
  f.db.database.withTenant(acme, (tx) =>
    f.audit.holds.place(tx, planner, { scope: { kind: 'subject', subjectId }, reason: 'a lawsuit' }),
  );
type Step = {
  readonly action: string;
  readonly exemption: { readonly code: string; readonly citation: string };
};

test('the plan of an erasure under a legal hold keeps everything and says why', async () => {
  const [person] = await f.contacts(acme);
  if (person === undefined) throw new Error('no contact');
  const { id } = await askThroughPortal(f, 'acme', { type: 'erasure', email: person.email });
  const { id: holdId } = await hold(person.subjectId);
  const planned = await f.call('planDsrRequest', { principal: planner, params: { id } });
  const { plan } = planned.body as { plan: { document: { steps: readonly Step[]; warnings: string[] } } };
  expect(plan.document.steps.length).toBeGreaterThan(0);
  for (const step of plan.document.steps) {
    expect(step).toMatchObject({ action: 'keep', exemption: { code: 'legal_hold' } });
    expect(step.exemption.citation).toContain(`kept: legal hold ${holdId}`);
  }
  expect(plan.document.warnings).toContain(`kept: legal hold ${holdId}`);
});

test('a hold placed after the approval stops the execution, and nothing is erased', async () => {
  const person = (await f.contacts(acme))[1];
  if (person === undefined) throw new Error('no contact');
  const { id } = await askThroughPortal(f, 'acme', { type: 'erasure', email: person.email });
  await planAndApprove(f, id, planner, approver);
  await hold(person.subjectId);
  const begun = f.call('executeDsrRequest', { principal: approver, params: { id } });
  await expect(begun).rejects.toMatchObject({ code: 'ERR_DSR_LEGAL_HOLD' });
  await f.settle();
  const { rows } = await f.db.admin('select state from dsr.request where id = $1', [id]);
  expect(rows[0]).toMatchObject({ state: 'verified' });
  expect((await f.contacts(acme)).map((one) => one.id)).toContain(person.id);
  await f.audit.flush();
  const refused = await f.db.admin(
    `select 1 from audit.entry where tenant_id = $1 and action = 'dsr.execution_refused' and position('legal_hold'::bytea in body) > 0`,
    [acme],
  );
  expect(refused.rowCount).toBe(1);
});
