import { execFile } from 'node:child_process';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from '@jest/globals';
import { testUnless } from '../support/skip.ts';

const regoFolder = join(import.meta.dirname, '..', '..', 'policy', 'rego');
const missingGo = spawnSync('go', ['version']).status === 0 ? null : 'the Go tool chain is not installed';

testUnless(
  missingGo,
  'the committed guardrail module is, byte for byte, what its sources compile to',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'gatehouse-rego-'));
    try {
      const out = join(folder, 'guardrail.wasm');
      const arguments_ = ['run', '.', regoFolder, join('build', 'capabilities.json'), out];
      await promisify(execFile)('go', arguments_, { cwd: join(regoFolder, 'build'), timeout: 480_000 });
      const [rebuilt, committed, hash] = await Promise.all([
        readFile(out),
        readFile(join(regoFolder, 'guardrail.wasm')),
        readFile(join(regoFolder, 'guardrail.wasm.sha256'), 'utf8'),
      ]);
      expect(createHash('sha256').update(rebuilt).digest('hex')).toBe(hash.trim());
      expect(rebuilt.equals(committed)).toBe(true);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
  500_000,
);
