import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { statement } from '../db/index.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import {
  badNames,
  collectStatements,
  loadStatements,
  storeFiles,
  type FoundStatement,
} from './support/statements.ts';

const root = join(import.meta.dirname, '..');
const found = await loadStatements(root);
let db: TestDatabase;
let client: pg.Client;
beforeAll(async () => {
  db = await createTestDatabase();
  client = new pg.Client({ connectionString: db.adminUrl });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await db.close();
});

/** @returns what PostgreSQL says against the text, null when it can be planned */
async function prepareProblem({ file, statement: { name, text } }: FoundStatement): Promise<string | null> {
  try {
    await client.query(`prepare probe as ${text}`);
    await client.query('deallocate probe');
    return null;
  } catch (error) {
    return `${file}: ${name}: ${(error as Error).message}`; // pg throws Errors
  }
}

describe('the statements of the house', () => {
  test('every one can be prepared against the migrated database', async () => {
    const problems: string[] = [];
    for (const item of found) {
      const problem = await prepareProblem(item);
      if (problem !== null) problems.push(problem);
    }
    expect(problems).toEqual([]);
  });

  test('every name is unique and tells its room', () => {
    expect(badNames(found)).toEqual([]);
  });

  test('every statement() in the text of a store is exported', () => {
    const hidden = storeFiles(root).filter((file) => {
      const written = readFileSync(join(root, file), 'utf8').match(/\bstatement\(\s*['"`]/g)?.length ?? 0;
      return written > found.filter((item) => item.file === file).length;
    });
    expect(hidden).toEqual([]);
  });
});

describe('the statements test itself', () => {
  const wrong = {
    file: 'audit/store.ts',
    statement: statement('audit.read_nothing', 'select nothing from audit.nowhere'),
  };

  test('sees a statement that PostgreSQL refuses', async () => {
    expect(await prepareProblem(wrong)).toContain('audit.nowhere');
    expect(await prepareProblem({ ...wrong, statement: statement('audit.x', 'select $1::uuid') })).toBeNull();
  });

  test('sees a name used twice and a name of another room', () => {
    const twin = { file: 'audit/store-twin.ts', statement: { ...wrong.statement } };
    expect(badNames([wrong, twin])).toEqual([
      'audit.read_nothing is used in audit/store.ts and in audit/store-twin.ts',
    ]);
    expect(badNames([wrong, wrong])).toEqual([]);
    expect(badNames([{ ...wrong, file: 'dsr/store.ts' }])).toHaveLength(1);
  });

  test('finds statements inside objects and lists', () => {
    const inner = wrong.statement;
    expect(collectStatements({ a: { b: [inner] }, c: inner, d: 'x' })).toEqual([inner]);
  });
});
