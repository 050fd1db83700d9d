import { expect, test } from '@jest/globals';
import { signDelivery } from './webhook.ts';

/** The one that Standard Webhooks publish with their libraries. */
const published = {
  secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  timestamp: '1614265330',
  body: Buffer.from('{"test": 2432232314}', 'utf8'),
};

test('the published vector of Standard Webhooks is signed as published', () => {
  expect(signDelivery(published)).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
});

test.each([
  ['body', { body: Buffer.from('{"test": 2432232315}', 'utf8') }],
  ['id', { id: 'msg_p5jXN8AQM9LWM0D4loKWxJel' }],
  ['time', { timestamp: '1614265331' }],
  ['secret', { secret: 'whsec_NfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' }],
] as const)('another %s gives another signature', (_, change) => {
  expect(signDelivery({ ...published, ...change })).not.toBe(signDelivery(published));
});
