import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { parseSubjectId, type Principal, type SubjectId, type TenantId } from '../../kernel/index.ts';
import type { Hold } from '../../audit/index.ts';
import { createAuditFixture, createEvent, createPrincipal, newId, type AuditFixture } from './fixture.ts';

let house: AuditFixture;
let tenant: TenantId;
let dpo: Principal;
let second: Principal;
beforeAll(async () => {
  house = await createAuditFixture();
});
afterAll(() => house.close());
beforeEach(async () => {
  tenant = await house.db.createTenant();
  [dpo, second] = [createPrincipal(tenant, 'First'), createPrincipal(tenant, 'Second')];
  await house.audit.prepare(tenant);
});

type Scope = Parameters<AuditFixture['audit']['holds']['place']>[2]['scope'];
const place = (scope: Scope, until: Date | null = null): Promise<Hold> =>
  house.db.database.withTenant(tenant, (tx) =>
    house.audit.holds.place(tx, dpo, { scope, reason: 'a lawsuit', until }),
  );
const shred = (subjectId: SubjectId): Promise<unknown> =>
  house.db.database.withTenant(tenant, (tx) =>
    house.crypto.shred(tx, [subjectId], { requestId: newId(), reason: 'erasure', actor: dpo }),
  );
const propose = (holdId: string) =>
  house.db.database.withTenant(tenant, (tx) =>
    house.control.propose(tx, {
      action: 'audit.release_hold',
      payload: { holdId },
      reason: 'the lawsuit is over',
      proposedBy: dpo,
    }),
  );
const recorded = async (action: string): Promise<number> => {
  await house.audit.flush();
  const { rows } = await house.db.admin(
    'select count(*)::integer as n from audit.entry where tenant_id = $1 and action = $2',
    [tenant, action],
  );
  return rows[0].n;
};

test('the keys of a person under a hold are not destroyed until two people release it, and both steps are recorded', async () => {
  const [held, free] = [parseSubjectId(newId()), parseSubjectId(newId())];
  const hold = await place({ kind: 'subject', subjectId: held });
  await expect(shred(held)).rejects.toMatchObject({ code: 'ERR_AUDIT_HELD', status: 409 });
  await shred(free);
  const { id, digest } = await propose(hold.id);
  await expect(house.control.approve(id, dpo, digest)).rejects.toMatchObject({
    code: 'ERR_CRYPTO_SECOND_PERSON',
  });
  await expect(shred(held)).rejects.toMatchObject({ code: 'ERR_AUDIT_HELD' });
  await house.control.approve(id, second, digest);
  await shred(held);
  expect([await recorded('audit.hold_placed'), await recorded('audit.hold_released')]).toEqual([1, 1]);
});

test('a hold over the log, an actor or a time keeps the people it touches', async () => {
  const [seen, unseen] = [parseSubjectId(newId()), parseSubjectId(newId())];
  const actor = createPrincipal(tenant, 'Watched');
  await house.audit.record(createEvent(tenant, { actor, subjects: [seen] }));
  const release = async ({ id: holdId }: Hold): Promise<void> => {
    const { id, digest } = await propose(holdId);
    await house.control.approve(id, second, digest);
  };
  const heldUnder = async (scope: Scope): Promise<readonly string[]> => {
    const hold = await place(scope);
    const people = [seen, unseen, parseSubjectId(actor.id)];
    const held = await house.db.database.withTenant(tenant, (tx) => house.audit.holds.held(tx, people));
    await release(hold);
    return held.map(({ subjectId }) => subjectId).toSorted();
  };
  const now = Date.now();
  const both = [seen, actor.id].toSorted();
  expect(await heldUnder({ kind: 'log' })).toHaveLength(3);
  expect(await heldUnder({ kind: 'actor', actorId: actor.id })).toEqual(both);
  const around = { kind: 'time', from: new Date(now - 60_000), to: new Date(now + 60_000) } as const;
  expect(await heldUnder(around)).toEqual(both);
  const before = { kind: 'time', from: new Date(now - 9e6), to: new Date(now - 8e6) } as const;
  expect(await heldUnder(before)).toEqual([]);
});

test('a hold whose end has come blocks nothing, and one in another tenant never did', async () => {
  const person = parseSubjectId(newId());
  const hold = await place({ kind: 'subject', subjectId: person }, new Date(Date.now() + 400));
  await expect(shred(person)).rejects.toMatchObject({ code: 'ERR_AUDIT_HELD' });
  await new Promise((wake) => setTimeout(wake, 450));
  await shred(person);
  const read = await house.db.database.withTenant(tenant, (tx) => house.audit.holds.read(tx, hold.id));
  expect(read.active).toBe(false);
  const other = await house.db.createTenant();
  const list = await house.db.database.withTenant(other, (tx) =>
    house.audit.holds.list(tx, { after: null, limit: 10, active: false }),
  );
  expect(list).toEqual([]);
});

test('nobody changes or forgets a hold, the owner of the table included', async () => {
  await place({ kind: 'log' });
  for (const text of [
    `update audit.hold set until = now()`,
    `delete from audit.hold`,
    `truncate audit.hold cascade`,
  ])
    await expect(house.db.admin(text)).rejects.toMatchObject({ code: '42501' });
});
