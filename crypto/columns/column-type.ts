import { cryptoError } from '../errors.ts';
import type { FieldPlan } from '../types.ts';

/** How values of a column are read as text without loss, and compared. */
export type ColumnType = {
  /** @param column - quoted, with its alias @returns SQL of type text that holds the value exactly */
  readonly asText: (column: string) => string;
  /** @param text - SQL of type text, a sealed value @returns SQL that is true when both are the same value */
  readonly isSame: (column: string, text: string) => string;
};

const bytes = `collate "C"`;
const cast = (type: string) => (column: string, text: string) =>
  `case when pg_input_is_valid(${text}, '${type}') then ${column} = ${text}::${type} else false end`;
const plainText: ColumnType['asText'] = (column) => `(${column}::text ${bytes})`;
const sameText: ColumnType['isSame'] = (column, text) => `${column}::text ${bytes} = ${text} ${bytes}`;

/** Milliseconds where they are enough, as readers of the plaintext got them; microseconds where they are not. */
const instant: ColumnType['asText'] = (column) =>
  `(case when not isfinite(${column}) then ${column}::text
     when extract(microseconds from ${column})::bigint % 1000 = 0
       then to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
     else to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') end ${bytes})`;

const types: Readonly<Record<string, ColumnType>> = Object.freeze({
  text: { asText: plainText, isSame: sameText },
  'character varying': { asText: plainText, isSame: sameText },
  citext: { asText: plainText, isSame: sameText },
  uuid: { asText: plainText, isSame: cast('uuid') },
  smallint: { asText: plainText, isSame: cast('bigint') },
  integer: { asText: plainText, isSame: cast('bigint') },
  bigint: { asText: plainText, isSame: cast('bigint') },
  numeric: { asText: plainText, isSame: cast('numeric') },
  real: { asText: plainText, isSame: cast('real') },
  'double precision': { asText: plainText, isSame: cast('double precision') },
  boolean: { asText: plainText, isSame: cast('boolean') },
  date: { asText: plainText, isSame: cast('date') },
  inet: { asText: (column) => `(abbrev(${column}) ${bytes})`, isSame: cast('inet') },
  'timestamp with time zone': { asText: instant, isSame: cast('timestamptz') },
  json: {
    asText: plainText,
    isSame: (column, text) => cast('jsonb')(`${column}::jsonb`, text),
  },
  jsonb: { asText: plainText, isSame: cast('jsonb') },
});

/** Which types of column a sealed type can be compared with. */
const sealedAs: Readonly<Record<FieldPlan['type'], readonly string[]>> = Object.freeze({
  text: [
    'text',
    'character varying',
    'citext',
    'uuid',
    'smallint',
    'integer',
    'bigint',
    'numeric',
    'real',
    'double precision',
    'date',
    'inet',
  ],
  number: ['smallint', 'integer', 'bigint'],
  boolean: ['boolean'],
  date: ['timestamp with time zone'],
  json: ['json', 'jsonb'],
});

/** Whether a column of this type can be sealed as the data map says. @param type - without its modifier, as `format_type` gives it */
export function isSupported(type: string, sealed: FieldPlan['type']): boolean {
  return sealedAs[sealed].includes(type);
}

/** @throws ERR_CRYPTO_INPUT */
export function columnTypeOf(type: string): ColumnType {
  const found = types[type];
  if (found === undefined)
    throw cryptoError(
      'ERR_CRYPTO_INPUT',
      `columns of type ${type} cannot be migrated; change the type first`,
    );
  return found;
}

/**
 * A value read by {@link ColumnType.asText} as the logical value that is sealed.
 *
 * @returns undefined when JavaScript cannot hold it exactly
 */
export function logicalValue(plan: FieldPlan, text: string): unknown {
  switch (plan.type) {
    case 'number': {
      const value = Number(text);
      return Number.isSafeInteger(value) ? value : undefined;
    }
    case 'boolean':
      return text === 'true';
    case 'json':
      return JSON.parse(text) as unknown; // PostgreSQL's own output
    default:
      return text;
  }
}

/** An opened value as text that {@link ColumnType.isSame} compares. */
export function textOfOpened(plan: FieldPlan, value: unknown): string {
  return plan.type === 'json' || typeof value !== 'string' ? JSON.stringify(value) : value;
}
