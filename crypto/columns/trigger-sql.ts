import { columnTypeOf } from './column-type.ts';
import type { StoredLayout } from './store.ts';

type Quote = (name: string) => string;

/** Names of what a migration adds to a table beside columns; `zz` makes the trigger the last one to fire. */
export function namesOf({ id }: Pick<StoredLayout, 'id'>): {
  readonly trigger: string;
  readonly procedure: string;
  readonly waitingIndex: string;
  readonly check: string;
  readonly indexOf: (at: number) => string;
} {
  const key = id.replaceAll('-', '');
  return {
    trigger: `zz_column_${key}`,
    procedure: `column_${key}`,
    waitingIndex: `column_${key}_waiting`,
    check: `column_${key}_not_null`,
    indexOf: (at) => `column_${key}_i${at}`,
  };
}

/** Whatever binds a ciphertext to its row: its plaintext, row id, person and tenant. */
function changed(layout: StoredLayout, quote: Quote): string {
  const text = (row: string): string =>
    columnTypeOf(layout.columnType).asText(`${row}.${quote(layout.plainColumn)}`);
  const bound = [
    'tenant_id',
    layout.rowIdColumn,
    ...(layout.subjectColumn === null ? [] : [layout.subjectColumn]),
  ];
  return [
    `${text('new')} is distinct from ${text('old')}`,
    ...bound.map((column) => `new.${quote(column)} is distinct from old.${quote(column)}`),
  ].join(' or ');
}

/**
 * A writer that does not know of the ciphertext changes the plaintext alone: the ciphertext is emptied, and the backfill
 * finds the row again. A writer of ours changes both, since a ciphertext is never the same twice.
 */
export function followingTrigger(layout: StoredLayout, quote: Quote): readonly string[] {
  const { trigger, procedure } = namesOf(layout);
  const ciphertext = quote(layout.ciphertextColumn);
  const emptied = [layout.ciphertextColumn, ...layout.indexColumns].map(
    (column) => `new.${quote(column)} := null;`,
  );
  return [
    `create or replace function crypto.${quote(procedure)}() returns trigger language plpgsql set search_path = pg_catalog, pg_temp
     as $body$ begin ${emptied.join(' ')} return new; end $body$`,
    `comment on function crypto.${quote(procedure)}() is 'Empties a ciphertext whose plaintext was changed by a writer that does not know of it'`,
    ...putTrigger(
      layout,
      quote,
      trigger,
      `before update on ${tableOf(layout, quote)} for each row
       when (new.${ciphertext} is not distinct from old.${ciphertext} and (${changed(layout, quote)}))`,
    ),
  ];
}

/**
 * While the plaintext is going: writers that do not know are refused, so that nothing is written where nobody reads, and
 * the plaintext of what is written is emptied.
 */
export function refusingTrigger(layout: StoredLayout, quote: Quote): readonly string[] {
  const { trigger, procedure } = namesOf(layout);
  const plain = `new.${quote(layout.plainColumn)}`;
  const [fresh, old] = ['new', 'old'].map((row) => `${row}.${quote(layout.ciphertextColumn)}`);
  const emptied = [layout.ciphertextColumn, ...layout.indexColumns].map(
    (column) => `new.${quote(column)} := null;`,
  );
  return [
    `create or replace function crypto.${quote(procedure)}() returns trigger language plpgsql set search_path = pg_catalog, pg_temp
     as $body$ begin
       if tg_op = 'INSERT' then
         if ${plain} is not null and ${fresh} is null then
           raise exception 'this column is encrypted now: write through the gateway or sealFields' using errcode = '23514';
         end if;
       elsif ${fresh} is not distinct from ${old} then
         if not (${changed(layout, quote)}) then return new; end if;
         if ${plain} is not null or ${fresh} is not null and old.${quote(layout.plainColumn)} is null then
           raise exception 'this column is encrypted now: write through the gateway or sealFields' using errcode = '23514';
         end if;
         ${emptied.join(' ')}
       end if;
       ${plain} := null;
       return new;
     end $body$`,
    ...putTrigger(
      layout,
      quote,
      trigger,
      `before insert or update on ${tableOf(layout, quote)} for each row`,
    ),
  ];
}

function putTrigger(layout: StoredLayout, quote: Quote, trigger: string, head: string): readonly string[] {
  const { procedure } = namesOf(layout);
  const table = tableOf(layout, quote);
  return [
    `drop trigger if exists ${quote(trigger)} on ${table}`,
    `create trigger ${quote(trigger)} ${head} execute function crypto.${quote(procedure)}()`,
    // Also where session_replication_role silences other triggers.
    `alter table ${table} enable always trigger ${quote(trigger)}`,
  ];
}

/** The table, quoted. */
export function tableOf({ schema, table }: Pick<StoredLayout, 'schema' | 'table'>, quote: Quote): string {
  return `${quote(schema)}.${quote(table)}`;
}
