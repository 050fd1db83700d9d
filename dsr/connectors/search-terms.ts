import { createHash } from 'node:crypto';
import { encryptionPlan, type DataMap } from '../../datamap/index.ts';
import type { Crypto } from '../../crypto/index.ts';
import { sql, queryBuilder, type Tx } from '../../db/index.ts';
import type { Identifier, SearchTerms } from './connector.ts';
import { carries, digits } from './identity-closure.ts';
import {
  columnOf,
  identityFields,
  relatedCollections,
  rowsOf,
  tableRef,
  type IdentityField,
} from './relations.ts';

type Ports = { readonly dataMap: DataMap; readonly crypto: Crypto };

const maxRowIds = 10_000;

/** Collects, before anything is deleted, what must not be found afterwards. */
export async function collectSearchTerms(
  ports: Ports,
  tx: Tx,
  subjects: readonly string[],
  identifiers: readonly Identifier[],
): Promise<SearchTerms> {
  const known: Identifier[] = identifiers.map((one) => ({ ...one }));
  for (const identity of identityFields(ports.dataMap))
    known.push(...(await valuesOf(ports, tx, identity, subjects)));
  const unique = [...new Map(known.map((one) => [`${one.kind}:${normalise(one)}`, one])).values()];
  const own: Identifier[] = [];
  let shared = 0;
  for (const identifier of unique) {
    if (await isShared(ports, tx, identifier, subjects)) shared += 1;
    else own.push(identifier);
  }
  const of = (kind: Identifier['kind']): readonly string[] =>
    own.filter((one) => one.kind === kind).map((one) => one.value);
  return {
    subjects,
    rowIds: await referencedRowIds(ports.dataMap, tx, subjects),
    emails: of('email'),
    phones: of('phone'),
    shared,
  };
}

async function valuesOf(
  { dataMap, crypto }: Ports,
  tx: Tx,
  identity: IdentityField,
  subjects: readonly string[],
): Promise<readonly Identifier[]> {
  if (subjects.length === 0) return [];
  const { collection, field, kind } = identity;
  const query = sql<
    Record<string, unknown>
  >`select * from ${tableRef(collection)} where ${rowsOf(dataMap, collection, subjects)} limit ${maxRowIds}`;
  const { rows } = await tx.run(query.compile(queryBuilder));
  const opened =
    field.encryption.mode === 'none'
      ? rows
      : await crypto.openRows(tx, encryptionPlan(collection), rows, [field.name]);
  const key = field.encryption.mode === 'none' ? field.column : field.name;
  return opened.flatMap((row) =>
    typeof row[key] === 'string' && row[key] !== '' ? [{ kind, value: row[key] }] : [],
  );
}

/** Whether somebody else's rows carry it too, as a family's phone: then its absence cannot be claimed. */
async function isShared(
  { dataMap, crypto }: Ports,
  tx: Tx,
  identifier: Identifier,
  subjects: readonly string[],
): Promise<boolean> {
  for (const identity of identityFields(dataMap).filter((one) => one.kind === identifier.kind)) {
    const condition = await carries(crypto, tx, identity, identifier.value);
    if (condition === null) continue;
    const mine = rowsOf(dataMap, identity.collection, subjects);
    const query = sql`select 1 from ${tableRef(identity.collection)} where ${condition} and (${mine}) is not true limit 1`;
    if ((await tx.run(query.compile(queryBuilder))).rowCount > 0) return true;
  }
  return false;
}

/** Ids of the person's rows that other collections reach the person through. */
async function referencedRowIds(
  dataMap: DataMap,
  tx: Tx,
  subjects: readonly string[],
): Promise<readonly string[]> {
  if (subjects.length === 0) return [];
  const related = relatedCollections(dataMap);
  const ids: string[] = [];
  for (const collection of related) {
    const fields = new Set(
      related.flatMap((one) => [
        ...('via' in one.subject && one.subject.via.to === collection.type ? [one.subject.via.toField] : []),
        ...one.fields.flatMap(({ references }) =>
          references !== null && `${references.service}.${references.collection}` === collection.type
            ? [references.field]
            : [],
        ),
      ]),
    );
    for (const name of fields) {
      if (collection.fields.find((one) => one.name === name)?.type !== 'uuid') continue; // small numbers would match strangers
      const query = sql<{
        id: string;
      }>`select ${sql.id(columnOf(collection, name))}::text as id from ${tableRef(collection)} where ${rowsOf(dataMap, collection, subjects)} limit ${maxRowIds}`;
      ids.push(...(await tx.run<{ id: string }>(query.compile(queryBuilder))).rows.map((row) => row.id));
    }
  }
  return [...new Set(ids)];
}

/** One form for comparing and hashing. */
export function normalise(identifier: Identifier): string {
  const text = identifier.value.normalize('NFC').trim();
  if (identifier.kind === 'email') return text.toLowerCase();
  return `+${digits(text).replace(/^00/, '')}`;
}

/**
 * What the text of a column is searched for, lower case: addresses as they are, percent-encoded and as the usual hashes;
 * phone numbers as stored, as E.164 and as bare digits.
 */
export function needles(terms: SearchTerms): readonly string[] {
  const list: string[] = [];
  for (const email of terms.emails) {
    const plain = normalise({ kind: 'email', value: email });
    list.push(plain, plain.replaceAll('@', '%40'));
    for (const algorithm of ['md5', 'sha1', 'sha256'])
      list.push(createHash(algorithm).update(plain).digest('hex'));
  }
  for (const phone of terms.phones) {
    const plain = normalise({ kind: 'phone', value: phone });
    list.push(phone.trim().toLowerCase(), plain, plain.slice(1));
  }
  return [...new Set([...list, ...terms.subjects, ...terms.rowIds])].filter((needle) => needle.length >= 6);
}

/** What bytea columns are searched for: plain text that never was encrypted, in the spellings people store. */
export function rawNeedles(terms: SearchTerms): readonly Buffer[] {
  const plain = [
    ...terms.emails.map((value) => normalise({ kind: 'email', value })),
    ...terms.phones.map((value) => normalise({ kind: 'phone', value }).slice(1)),
  ];
  const spellings = [...terms.emails, ...plain, ...plain.map((word) => word.toUpperCase())];
  return [...new Set(spellings)].filter((word) => word.length >= 6).map((word) => Buffer.from(word));
}

/** Every exact blind index value of the identifiers, over all indexes of the map. */
export async function blindIndexValues(
  { dataMap, crypto }: Ports,
  tx: Tx,
  terms: SearchTerms,
): Promise<readonly Buffer[]> {
  const values: Buffer[] = [];
  for (const { collection, field, kind } of identityFields(dataMap)) {
    if (field.encryption.mode === 'none') continue;
    for (const index of field.encryption.indexes.filter((one) => one.kind === 'exact')) {
      for (const value of kind === 'email' ? terms.emails : terms.phones) {
        values.push(
          ...(await crypto.indexTerms(tx, encryptionPlan(collection), field.name, index.name, value)),
        );
      }
    }
  }
  return values;
}
