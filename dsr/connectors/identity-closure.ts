import { encryptionPlan, type DataMap } from '../../datamap/index.ts';
import type { Crypto } from '../../crypto/index.ts';
import { sql, type RawBuilder, type SqlBool, type Tx } from '../../db/index.ts';
import { dsrError } from '../errors.ts';
import type { Closure, Identifier } from './connector.ts';
import { runPrepared } from './run-prepared.ts';
import {
  columnOf,
  identityFields,
  parentOf,
  tableRef,
  type IdentityField,
  type RelatedCollection,
} from './relations.ts';

/** More people than this behind one identifier is a shared mailbox, not a person. */
const maxSubjectsPerIdentifier = 10;

type Ports = { readonly dataMap: DataMap; readonly crypto: Crypto };

/**
 * From identifiers to subjects. Only what the person proved is followed: a phone number found on their contact does not
 * lead to whoever shares it.
 *
 * @throws ERR_DSR_IDENTITY_AMBIGUOUS
 */
export async function closeIdentity(
  ports: Ports,
  tx: Tx,
  identifiers: readonly Identifier[],
): Promise<Closure> {
  const subjects = new Set<string>();
  const found: { collection: string; by: string; subjects: number }[] = [];
  for (const identity of identityFields(ports.dataMap)) {
    for (const identifier of identifiers.filter((one) => one.kind === identity.kind)) {
      const matches = await subjectsBehind(ports, tx, identity, identifier.value);
      if (matches.length > maxSubjectsPerIdentifier) {
        throw dsrError(
          'ERR_DSR_IDENTITY_AMBIGUOUS',
          `more than ${maxSubjectsPerIdentifier} people carry this ${identifier.kind} in ${identity.collection.type}; it is shared, ask the person for another identifier`,
        );
      }
      if (matches.length > 0)
        found.push({
          collection: identity.collection.type,
          by: identity.field.name,
          subjects: matches.length,
        });
      for (const match of matches) subjects.add(match);
    }
  }
  return { subjects: [...subjects].toSorted(), found };
}

async function subjectsBehind(
  ports: Ports,
  tx: Tx,
  identity: IdentityField,
  value: string,
): Promise<readonly string[]> {
  const condition = await carries(ports.crypto, tx, identity, value);
  if (condition === null) return [];
  const { table, column, where } = climb(ports.dataMap, identity.collection, condition);
  const query = sql<{
    subject: string;
  }>`select distinct ${sql.id(column)} as subject from ${table} where ${where} limit ${maxSubjectsPerIdentifier + 1}`;
  const { rows } = await runPrepared<{ subject: string }>(tx, query);
  return rows.map((row) => row.subject);
}

/** The condition that holds for rows carrying this value, or null when the value has no comparable form. */
export async function carries(
  crypto: Crypto,
  tx: Tx,
  identity: IdentityField,
  value: string,
): Promise<RawBuilder<SqlBool> | null> {
  const { field, collection } = identity;
  if (field.encryption.mode === 'none') {
    return identity.kind === 'email'
      ? sql<SqlBool>`lower(${sql.id(field.column)}) = ${value.trim().toLowerCase()}`
      : sql<SqlBool>`regexp_replace(${sql.id(field.column)}, '[^0-9]', '', 'g') = ${digits(value)}`;
  }
  const index = field.encryption.indexes.find((one) => one.kind === 'exact');
  if (index === undefined) return null;
  const terms = await crypto.indexTerms(tx, encryptionPlan(collection), field.name, index.name, value);
  return terms.length === 0 ? null : sql<SqlBool>`${sql.id(index.column)} = any(${terms}::bytea[])`;
}

/** The digits of a phone number. */
export function digits(phone: string): string {
  return phone.replace(/[^0-9]/g, '');
}

type Climbed = {
  readonly table: RawBuilder<unknown>;
  readonly column: string;
  readonly where: RawBuilder<SqlBool>;
};

/** Follows subject links up to the collection that knows the subject. */
function climb(dataMap: DataMap, collection: RelatedCollection, where: RawBuilder<SqlBool>): Climbed {
  const { subject } = collection;
  if ('field' in subject)
    return { table: tableRef(collection), column: columnOf(collection, subject.field), where };
  const parent = parentOf(dataMap, collection);
  if (parent === null)
    return {
      table: tableRef(collection),
      column: columnOf(collection, subject.via.field),
      where: sql`false`,
    };
  const target = sql.id(columnOf(parent, subject.via.toField));
  const own = sql.id(columnOf(collection, subject.via.field));
  return climb(
    dataMap,
    parent,
    sql`${target} in (select ${own} from ${tableRef(collection)} where ${where})`,
  );
}
