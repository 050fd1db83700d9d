import { expect, test } from '@jest/globals';
import { GatehouseError } from '../kernel/index.ts';
import { toProblem } from './problem.ts';

test('an exposed error keeps its message, code and status', () => {
  const error = new GatehouseError('ERR_NOT_FOUND', 'contact "7" does not exist', { status: 404 });
  expect(toProblem(error, 'r1')).toEqual({
    type: '/docs/errors#err_not_found',
    title: 'Not Found',
    status: 404,
    detail: 'contact "7" does not exist',
    code: 'ERR_NOT_FOUND',
    requestId: 'r1',
  });
});

test('a server fault shows nothing of its message or cause', () => {
  const hidden = new GatehouseError('ERR_CRYPTO_DECRYPT', 'canary message', {
    status: 500,
    cause: new Error('canary cause'),
  });
  for (const error of [
    hidden,
    new TypeError('canary type'),
    'canary string',
    Object.assign(new Error('canary'), { statusCode: 500 }),
  ]) {
    const problem = toProblem(error, 'r2');
    expect(JSON.stringify(problem)).not.toContain('canary');
    expect(problem.status).toBe(500);
  }
});

test('refusals of the HTTP layer keep their status', () => {
  expect(toProblem(Object.assign(new Error('body is too large'), { statusCode: 413 }), 'r3')).toMatchObject({
    status: 413,
    code: 'ERR_TOO_LARGE',
  });
});
