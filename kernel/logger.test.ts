import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { createLogger, redact } from './logger.ts';
import { Secret } from './secret.ts';

describe('redact', () => {
  test('hides names of secrets at every depth', () => {
    const safe = redact({
      user: { profile: { password: 'hunter2', totpSecret: 'ABC', name: 'kept' } },
      list: [{ accessToken: 'x' }],
    });
    expect(JSON.stringify(safe)).not.toMatch(/hunter2|ABC|"x"/);
    expect(JSON.stringify(safe)).toContain('kept');
  });

  test('hides shapes of secrets inside text: JWTs, private keys, mail addresses, bearer headers', () => {
    const text = `token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc mail ada@example.org header Bearer abcdef\n-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----`;
    const safe = String(redact(text));
    expect(safe).not.toMatch(/eyJ|ada@|abcdef|MC4C/);
  });

  test('keeps the cause of an error and hides what it carries', () => {
    const error = Object.assign(new Error('outer', { cause: new Error('inner ada@example.org') }), {
      token: 'abc123',
    });
    const safe = JSON.stringify(redact({ error }));
    expect(safe).toContain('inner');
    expect(safe).not.toMatch(/ada@|abc123/);
  });

  test('shows buffers by length only and secrets not at all', () => {
    expect(redact({ key: Buffer.from('canary'), wrapped: new Secret('canary') })).toEqual({
      key: '[6 bytes]',
      wrapped: '[redacted]',
    });
  });

  test('survives a cycle', () => {
    const loop: Record<string, unknown> = {};
    loop['self'] = loop;
    expect(JSON.stringify(redact(loop))).toContain('[too deep]');
  });
});

test('what the logger writes is redacted, fields of a child included', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-log-'));
  const file = join(folder, 'out.log');
  const logger = createLogger({ level: 'error', format: 'json', file }).child({
    session: { cookie: 'canary-cookie' },
  });
  logger.error('sign-in of canary@example.org failed', {
    body: { password: 'canary-password' },
    cause: new Error('Bearer canary-token'),
  });
  for (let wait = 0; wait < 100; wait += 1) {
    if ((await readFile(file, 'utf8').catch(() => '')) !== '') break;
    await sleep(10);
  }
  const written = await readFile(file, 'utf8');
  expect(written).toContain('sign-in of');
  expect(written).not.toContain('canary');
  await rm(folder, { recursive: true });
});
