import { expect, test } from '@jest/globals';
import { localPath } from './return-to.ts';

test.each(['/', '/audit', '/audit?q=a&b=%2F%2Fc', '/dsr/1#plan'])('a path of ours is kept: %s', (path) => {
  expect(localPath(path)).toBe(path);
});

test.each([
  undefined, '', 'audit', 'https://evil.example', '//evil.example', '/\\evil.example', '\\\\evil.example', '/\t/evil.example', '/a\r\nset-cookie: x',
  'javascript:alert(1)', '/.//evil.example', '/..//evil.example', '/a/..//evil.example', '/ą', `/${'a'.repeat(2_000)}`,
])('anything that could lead elsewhere becomes the start page: %j', (path) => {
  const result = localPath(path);
  expect(new URL(result, 'http://ours.example').host).toBe('ours.example');
  expect(result.startsWith('//')).toBe(false);
}); // prettier-ignore
