import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Statement } from '../../db/index.ts';
import { sourceFiles } from './imports.ts';

/** A statement and the file that exports it. */
export type FoundStatement = { readonly file: string; readonly statement: Statement };

/** Files that hold SQL: `store.ts` and `store-*.ts`, at any depth of a room. */
export function storeFiles(root: string): readonly string[] {
  return sourceFiles(root).filter(
    (file) => /^store(-[a-z0-9-]+)?\.ts$/.test(basename(file)) && !file.startsWith('console/'),
  );
}

/** Imports every store and collects what it exports, inside objects and lists too. */
export async function loadStatements(root: string): Promise<readonly FoundStatement[]> {
  const found: FoundStatement[] = [];
  for (const file of storeFiles(root)) {
    const module: unknown = await import(pathToFileURL(join(root, file)).href);
    found.push(...collectStatements(module).map((statement) => ({ file, statement })));
  }
  return found;
}

/** Every distinct statement reachable through own properties. */
export function collectStatements(value: unknown, seen: Set<object> = new Set()): readonly Statement[] {
  if (typeof value !== 'object' || value === null || seen.has(value)) return [];
  seen.add(value);
  if (isStatement(value)) return [value];
  return Object.values(value).flatMap((part) => collectStatements(part, seen));
}

function isStatement(value: object): value is Statement {
  const record = value as Partial<Statement>; // probing an unknown
  return record.kind === 'statement' && typeof record.name === 'string' && typeof record.text === 'string';
}

/** Names that stand for more than one text, and names not of the form `room.verb_noun` of their own room. */
export function badNames(found: readonly FoundStatement[]): readonly string[] {
  const known = new Map<string, FoundStatement>();
  const problems: string[] = [];
  for (const item of found) {
    const { file, statement } = item;
    const other = known.get(statement.name);
    if (other?.statement === statement) continue; // passed on by another store
    if (other !== undefined) problems.push(`${statement.name} is used in ${other.file} and in ${file}`);
    known.set(statement.name, item);
    const room = file.split('/')[0] ?? '';
    if (
      !/^[a-z_]+(\.[a-z0-9_]+)+$/.test(statement.name) ||
      (room !== 'examples' && !statement.name.startsWith(`${room}.`))
    ) {
      problems.push(`${statement.name} in ${file} is not named ${room}.verb_noun`);
    }
  }
  return problems;
}
