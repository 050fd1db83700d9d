import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { bootstrapSchema } from '../../server/bootstrap-file.ts';
import { missingVectors, vectorsFolder } from '../support/vectors.ts';

/** The README's commands, run as they stand there, against the house that the lane started. */

const run = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');
const file = process.env['GATEHOUSE_E2E_BOOTSTRAP'] ?? '';
const minute = 60_000;

async function commands(): Promise<readonly string[]> {
  const readme = await readFile(join(root, 'README.md'), 'utf8');
  const section = readme.slice(readme.indexOf('## From a script'));
  const block = /```sh\n([\s\S]*?)```/.exec(section)?.[1] ?? '';
  return block.split('\n').filter((line) => line !== '');
}

test(
  'each command of "From a script" works as it is written',
  async () => {
    const house = bootstrapSchema.parse(JSON.parse(await readFile(file, 'utf8')));
    const account = house.tenants
      .find(({ slug }) => slug === 'acme')
      ?.serviceAccounts.find(({ name }) => name === 'svc-marketer');
    const environment: Record<string, string> = {
      PATH: process.env['PATH'] ?? '',
      GATEHOUSE_DATA_DIR: dirname(file),
      CLIENT_ID: account?.clientId ?? '',
      CLIENT_SECRET: account?.clientSecret ?? '',
    };
    const lines = await commands();
    expect(lines.length).toBeGreaterThan(3);
    for (const line of lines) {
      if (line.includes('example load') && missingVectors('chinook') !== null) continue;
      const { stdout } = await run('bash', ['-c', here(line, house.url)], {
        cwd: root,
        env: environment,
        maxBuffer: 10_000_000,
      });
      if (line.includes('/oidc/token'))
        environment['TOKEN'] = (JSON.parse(stdout) as { access_token: string }).access_token; // RFC 6749 section 5.1
      expect([line, looksWrong(stdout)]).toEqual([line, false]);
    }
  },
  3 * minute,
);

/** The same command for this house's port, this checkout's CLI and the place of the published script. */
function here(line: string, url: string): string {
  return line
    .replaceAll('http://localhost:8470', url)
    .replace('npm run gatehouse --', `"${process.execPath}" cli/main.ts`)
    .replace('Chinook_PostgreSql.sql', join(vectorsFolder, 'chinook', 'Chinook_PostgreSql.sql'));
}

function looksWrong(output: string): boolean {
  return output === '' || /"code":"ERR_|FAIL|"error"/.test(output);
}
