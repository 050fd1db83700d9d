import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { openDataFolder } from './data-folder.ts';

let parent: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'gatehouse-folder-'));
});
afterEach(() => rm(parent, { recursive: true, force: true }));

test('keeps secrets in a folder that only the owner enters', async () => {
  const folder = await openDataFolder(join(parent, 'data'));
  expect((await stat(folder.secretsPath)).mode & 0o777).toBe(0o700);
  await folder.release();
});

test('refuses a second start while the first lives and says what to do', async () => {
  const path = join(parent, 'data');
  const first = await openDataFolder(path);
  await writeFile(join(path, 'lock'), String(process.ppid));
  await expect(openDataFolder(path)).rejects.toMatchObject({
    code: 'ERR_ALREADY_RUNNING',
    message: expect.stringContaining('GATEHOUSE_PORT'),
  });
  await first.release();
});

test('takes over the lock of a process that was killed', async () => {
  const path = join(parent, 'data');
  await (await openDataFolder(path)).release();
  await writeFile(join(path, 'lock'), '999999999');
  const second = await openDataFolder(path);
  await second.release();
});

test('a folder that cannot be made is named with its remedy', async () => {
  const file = join(parent, 'file');
  await writeFile(file, '');
  await expect(openDataFolder(join(file, 'data'))).rejects.toMatchObject({
    code: 'ERR_DATA_FOLDER',
    message: expect.stringContaining('GATEHOUSE_DATA_DIR'),
  });
});
