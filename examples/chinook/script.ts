/** Tables of the script that are known; anything else in it is refused. */
export const chinookTables: readonly string[] = Object.freeze([
  'artist',
  'genre',
  'media_type',
  'playlist',
  'album',
  'track',
  'playlist_track',
  'employee',
  'customer',
  'invoice',
  'invoice_line',
]);

/** A statement of the script that may run. */
export type ScriptStatement = {
  readonly kind: 'create' | 'insert';
  readonly table: string;
  readonly text: string;
};

const maxScriptLength = 5_000_000;

/**
 * Takes the published script apart and keeps what makes and fills its tables. Values must be literals: whoever edits the
 * file cannot make it call a function or read another table.
 *
 * @throws RangeError naming the statement that is none of these
 */
export function readScript(script: string): readonly ScriptStatement[] {
  if (script.length > maxScriptLength)
    throw new RangeError(`the script is longer than ${maxScriptLength} characters`);
  const kept: ScriptStatement[] = [];
  for (const text of splitStatements(script)) {
    const statement = classify(text);
    if (statement !== null) kept.push(statement);
  }
  return kept;
}

const skipped = /^(DROP DATABASE|CREATE DATABASE|\\c |ALTER TABLE \w+ ADD CONSTRAINT|CREATE INDEX)/i;
const create = /^CREATE TABLE (\w+)\s*\(([\w\s,().]*)\)$/i;
const insert = /^INSERT INTO (\w+) \(([\w\s,]*)\) VALUES\s*/i;
const literals =
  /^(\s*\(\s*(N?'(?:[^']|'')*'|-?\d+(?:\.\d+)?|NULL)(\s*,\s*(N?'(?:[^']|'')*'|-?\d+(?:\.\d+)?|NULL))*\s*\)\s*,?)+$/i;

function classify(text: string): ScriptStatement | null {
  if (skipped.test(text)) return null;
  const created = create.exec(text);
  if (created !== null) return { kind: 'create', table: known(created[1] ?? '', text), text };
  const inserted = insert.exec(text);
  if (inserted === null || !rowsAreLiterals(text.slice(inserted[0].length))) {
    throw new RangeError(`the script has a statement that is not expected: "${text.slice(0, 60)}"`);
  }
  return { kind: 'insert', table: known(inserted[1] ?? '', text), text };
}

function known(table: string, text: string): string {
  if (chinookTables.includes(table)) return table;
  throw new RangeError(`the script names a table that is not expected: "${text.slice(0, 60)}"`);
}

/** Row by row: one expression over thousands of rows would be slow. */
function rowsAreLiterals(text: string): boolean {
  return text.split('\n').every((line) => line.trim() === '' || literals.test(line.trim()));
}

/** Statements end in `;` outside quotes and comments; psql's `\c` lines end with the line. */
function splitStatements(script: string): readonly string[] {
  const plain = script.replaceAll(/^\\c .*$/gm, '');
  const statements: string[] = [];
  let start = 0;
  let buffer = '';
  const token = /'(?:[^']|'')*'|\/\*[\s\S]*?\*\/|--[^\n]*|;/g;
  for (const match of plain.matchAll(token)) {
    if (match[0] === ';') {
      buffer += plain.slice(start, match.index);
      statements.push(buffer.trim());
      buffer = '';
    } else if (match[0].startsWith("'")) {
      continue;
    } else {
      buffer += plain.slice(start, match.index);
    }
    start = match.index + match[0].length;
  }
  if ((buffer + plain.slice(start)).trim() !== '') throw new RangeError('the script ends within a statement');
  return statements.filter((text) => text !== '');
}
