import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Secret } from '../kernel/index.ts';
import { canaries, canaryKey } from './support/canaries.ts';
import { createTestLogger } from './support/logger.ts';
import { judge } from './support/results.ts';
import { scanLogs } from './support/scan-logs.ts';

const run = promisify(execFile);
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gatehouse-logs-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function scanText(text: string): Promise<readonly string[]> {
  const file = join(folder, 'planted.txt');
  await writeFile(file, text);
  return (await scanLogs([file])).map((leak) => `${leak.canary}:${leak.line}`);
}

describe('the search for canaries', () => {
  test('finds nothing in a clean log, and passes over absent files', async () => {
    expect(await scanText('one\ntwo\n')).toEqual([]);
    expect(await scanLogs([join(folder, 'absent')])).toEqual([]);
  });

  test.each(Object.entries(canaries))('finds the canary %s with its line', async (name, value) => {
    expect(await scanText(`one\ntwo ${value} three`)).toContain(`${name}:2`);
  });

  test.each([0, 1, 2])('finds a canary inside base64 at alignment %i', async (shift) => {
    const bytes = Buffer.concat([Buffer.alloc(shift, 7), canaryKey, Buffer.alloc(5, 9)]);
    expect(await scanText(bytes.toString('base64'))).toContain('key:1');
    expect(await scanText(bytes.toString('hex'))).toContain('key:1');
  });

  test('finds a canary across the border of two reads', async () => {
    const before = 'x'.repeat((1 << 20) - 10);
    expect(await scanText(`${before}${canaries.secret}`)).toEqual(['secret:1']);
  });
});

test('the logger writes none of the canaries under the names and in the shapes of secrets', async () => {
  const file = join(folder, 'log.jsonl');
  const logger = createTestLogger(file).child({ password: canaries.password });
  logger.info('signed in', {
    nested: { clientSecret: canaries.secret, key: canaryKey, email: canaries.email },
  });
  logger.warn(`mail to ${canaries.email}`, { value: new Secret(canaries.plaintext), phone: canaries.phone });
  logger.error('failed', { error: new Error('x', { cause: { token: canaries.secret } }) });
  await waitForText(file, '"failed"');
  expect(await scanLogs([file])).toEqual([]);
});

async function waitForText(file: string, text: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if ((await readFile(file, 'utf8').catch(() => '')).includes(text)) return;
    await new Promise((wake) => setTimeout(wake, 20));
  }
  throw new Error(`"${text}" was not written to the log`);
}

describe('the runner', () => {
  test('fails on a canary in the log, a failed test and a skip without reason, and says so', async () => {
    const environment = { ...process.env, NODE_OPTIONS: '' };
    const attempt = run(process.execPath, [join(import.meta.dirname, 'run.ts'), 'selftest'], {
      env: environment,
    });
    const outcome = (await attempt.catch((error: unknown) => error)) as { code?: number; stdout: string }; // execFile's error
    expect(outcome.code).toBe(1);
    expect(outcome.stdout).toContain(
      'FAILED: canary "plaintext" was written in clear (text) in line 1 of the log',
    );
    expect(outcome.stdout).toContain('FAILED: a skip without reason is a failure: pending without a reason');
    expect(outcome.stdout).toContain('skipped: a skip with reason is told: the moon is too far');
    expect(outcome.stdout.trim().split('\n').at(-1)).toBe('1 passed, 3 failed');
  }, 60_000);

  test('counts a file that did not run as a failure', () => {
    const file = {
      name: 'a.test.ts',
      status: 'failed',
      message: '● Test suite failed to run\n\n  boom',
      assertionResults: [],
    };
    const verdict = judge(
      { numPassedTests: 4, numFailedTests: 0, testResults: [file] },
      { filtered: false, problems: [] },
    );
    expect(verdict).toMatchObject({
      passed: 4,
      failed: 1,
      problems: ['a.test.ts: the file did not run: boom'],
    });
  });
});
