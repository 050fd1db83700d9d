import { createHash } from 'node:crypto';
import { encryptionPlan, type DataMap } from '../../datamap/index.ts';
import type { Crypto } from '../../crypto/index.ts';
import { sql, type RawBuilder, type Tx } from '../../db/index.ts';
import type { Identifier, SearchTerms } from './connector.ts';
import { carries, digits } from './identity-closure.ts';
import {
  columnOf,
  identityFields,
  relatedCollections,
  rowsOf,
  tableRef,
  type RelatedCollection,
} from './relations.ts';
import { runPrepared } from './run-prepared.ts';

type Ports = { readonly dataMap: DataMap; readonly crypto: Crypto };

const maxRowIds = 10_000;
const identifiersPerStatement = 20;

/** Collects, before anything is deleted, what must not be found afterwards. */
export async function collectSearchTerms(
  ports: Ports,
  tx: Tx,
  subjects: readonly string[],
  identifiers: readonly Identifier[],
): Promise<SearchTerms> {
  const known: Identifier[] = identifiers.map((one) => ({ ...one }));
  const rowIds = new Set<string>();
  for (const collection of subjects.length === 0 ? [] : relatedCollections(ports.dataMap)) {
    const found = await readPerson(ports, tx, collection, subjects);
    known.push(...found.identifiers);
    for (const id of found.rowIds) rowIds.add(id);
  }
  const unique = [...new Map(known.map((one) => [`${one.kind}:${normalise(one)}`, one])).values()];
  const shared = await sharedAmong(ports, tx, unique, subjects);
  const own = unique.filter((one) => !shared.has(one));
  const of = (kind: Identifier['kind']): readonly string[] =>
    own.filter((one) => one.kind === kind).map((one) => one.value);
  return { subjects, rowIds: [...rowIds], emails: of('email'), phones: of('phone'), shared: shared.size };
}

type Found = { readonly identifiers: readonly Identifier[]; readonly rowIds: readonly string[] };

/** Identities that the person's rows carry, and ids by which other rows point to them; one statement, or none. */
async function readPerson(
  { dataMap, crypto }: Ports,
  tx: Tx,
  collection: RelatedCollection,
  subjects: readonly string[],
): Promise<Found> {
  const identities = identityFields(dataMap).filter((one) => one.collection === collection);
  const ids = referencedFields(dataMap, collection).map((name) => columnOf(collection, name));
  if (identities.length + ids.length === 0) return { identifiers: [], rowIds: [] };
  const columns = new Set([
    columnOf(collection, collection.primaryKey),
    ...ids,
    ...identities.map(({ field }) => field.column),
  ]);
  const list = sql.join([...columns].map((column) => sql.id(column)));
  const { rows } = await runPrepared<Record<string, unknown>>(
    tx,
    sql`select ${list} from ${tableRef(collection)} where ${rowsOf(dataMap, collection, subjects)} limit ${sql.lit(maxRowIds)}`,
  );
  const sealed = identities.flatMap(({ field }) => (field.encryption.mode === 'none' ? [] : [field.name]));
  const opened =
    sealed.length === 0 ? rows : await crypto.openRows(tx, encryptionPlan(collection), rows, sealed);
  const identifiers = identities.flatMap(({ field, kind }) =>
    rows.flatMap((row, at) => {
      const value = field.encryption.mode === 'none' ? row[field.column] : opened[at]?.[field.name];
      return typeof value === 'string' && value !== '' ? [{ kind, value }] : [];
    }),
  );
  return { identifiers, rowIds: rows.flatMap((row) => ids.map((column) => String(row[column]))) };
}

/** Uuid fields by which other collections reach rows of this one; small numbers would match strangers. */
function referencedFields(dataMap: DataMap, collection: RelatedCollection): readonly string[] {
  const names = relatedCollections(dataMap).flatMap((one) => [
    ...('via' in one.subject && one.subject.via.to === collection.type ? [one.subject.via.toField] : []),
    ...one.fields.flatMap(({ references }) =>
      references !== null && `${references.service}.${references.collection}` === collection.type
        ? [references.field]
        : [],
    ),
  ]);
  return [...new Set(names)].filter(
    (name) => collection.fields.find((one) => one.name === name)?.type === 'uuid',
  );
}

/** Those that somebody else's rows carry too, as a family's phone: their absence cannot be claimed. */
async function sharedAmong(
  { dataMap, crypto }: Ports,
  tx: Tx,
  identifiers: readonly Identifier[],
  subjects: readonly string[],
): Promise<ReadonlySet<Identifier>> {
  const asked: { identifier: Identifier; query: RawBuilder<unknown> }[] = [];
  for (const identifier of identifiers) {
    for (const identity of identityFields(dataMap).filter((one) => one.kind === identifier.kind)) {
      const condition = await carries(crypto, tx, identity, identifier.value);
      if (condition === null) continue;
      const mine = rowsOf(dataMap, identity.collection, subjects);
      const query = sql`select ${sql.lit(asked.length)} as position where exists (
        select 1 from ${tableRef(identity.collection)} where ${condition} and (${mine}) is not true)`;
      asked.push({ identifier, query });
    }
  }
  const shared = new Set<Identifier>();
  for (let at = 0; at < asked.length; at += identifiersPerStatement) {
    const part = asked.slice(at, at + identifiersPerStatement);
    const { rows } = await runPrepared<{ position: number }>(
      tx,
      sql.join(
        part.map(({ query }) => query),
        sql` union all `,
      ),
    );
    for (const { position } of rows) {
      const found = asked[position];
      if (found !== undefined) shared.add(found.identifier);
    }
  }
  return shared;
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
