import { describe, expect, test } from '@jest/globals';
import { deliveryOf } from './http-answer.ts';
import { ReceiverAway } from './transport.ts';

const now = new Date('2026-11-23T10:00:00Z');
const answer = (status: number, changes: { retryAfter?: string; body?: string } = {}) =>
  deliveryOf({ status, retryAfter: changes.retryAfter ?? null, body: changes.body ?? '' }, now);
const away = (status: number, retryAfter?: string): unknown => {
  try {
    return answer(status, retryAfter === undefined ? {} : { retryAfter });
  } catch (error) {
    return error;
  }
};

test.each([200, 201, 202, 204, 299])('%i: the receiver has it', (status) => {
  expect(answer(status)).toEqual({ kind: 'delivered' });
});

test.each([400, 413, 415, 422])('%i speaks of the events: they are refused', (status) => {
  expect(answer(status, { body: 'bad\u0000\nfield\n"x"' })).toEqual({
    kind: 'refused',
    reason: `the receiver answered ${status}: bad field "x"`,
  });
});

test.each([0, 101, 301, 302, 307, 401, 403, 404, 405, 408, 409, 410, 429, 500, 502, 503, 504])(
  '%i speaks of the receiver: the events wait, and nothing is dropped',
  (status) => {
    expect(() => answer(status)).toThrow(ReceiverAway);
  },
);

describe('Retry-After', () => {
  test.each([
    ['120', 120],
    ['0', 0],
    ['Mon, 23 Nov 2026 10:05:00 GMT', 300],
    ['Mon, 23 Nov 2026 09:00:00 GMT', 0],
    ['soon', null],
    ['-5', null],
    ['99999999999', null],
  ])('"%s" asks for %p seconds', (retryAfter, seconds) => {
    expect(away(503, retryAfter)).toMatchObject({ retryAfterSeconds: seconds });
  });

  test('that is missing asks for nothing', () => {
    expect(away(503)).toMatchObject({ retryAfterSeconds: null });
  });
});

test('what the receiver says is cut, so that it fills neither a log nor a page', () => {
  expect(answer(422, { body: 'x'.repeat(10_000) })).toEqual({
    kind: 'refused',
    reason: `the receiver answered 422: ${'x'.repeat(200)}`,
  });
});
