import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startTestHouse, type Caller, type TestHouse } from './support/house.ts';

/** Promise 1: no read without a decision, no decision without a record. Here the log has stopped taking records. */

let house: TestHouse;
let marketer: Caller;
let dpo: Caller;
let admin: Caller;
const purpose = { 'gatehouse-purpose': 'marketing' };

beforeAll(async () => {
  house = await startTestHouse({ contacts: 10 });
  [marketer, dpo, admin] = await Promise.all([
    house.as('acme', 'marketer'),
    house.as('acme', 'dpo'),
    house.as('acme', 'security_admin'),
  ]);
  expect((await marketer('GET', '/v1/data/contacts/contact', undefined, purpose)).status).toBe(200);
  await house.house.audit.stop();
}, 60_000);
afterAll(() => house.close());

test('a read of personal data gives nothing when it cannot be recorded', async () => {
  const answer = await marketer('GET', '/v1/data/contacts/contact', undefined, purpose);
  expect(answer.status).toBe(503);
  expect(answer.body).not.toHaveProperty('items');
});

test('a refusal that cannot be recorded is a failure, not a quiet refusal', async () => {
  const answer = await marketer('GET', '/v1/crypto/keys');
  expect(answer.status).toBe(503);
});

test('an AuthZEN decision is not given away unrecorded', async () => {
  const request = {
    subject: { type: 'user', id: 'x' },
    action: { name: 'read' },
    resource: { type: 'document', id: '1' },
  };
  const answer = await admin('POST', '/access/v1/evaluation', request);
  expect(answer.status).toBe(503);
  expect(answer.body).not.toHaveProperty('decision');
});

test('readiness says that the log does not write', async () => {
  const answer = await dpo('GET', '/health/ready');
  expect(answer.status).toBe(503);
  expect(answer.body.checks.find((check: { name: string }) => check.name === 'log')).toMatchObject({
    ok: false,
  });
});
