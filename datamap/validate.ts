import { dataMapError, type DataMapErrorCode } from './errors.ts';
import { refuseMaskingOverride } from './masking-override.ts';
import type { ParsedFile } from './parse.ts';
import type { DatasetDocument, FieldDocument } from './schema.ts';
import { indexProblem } from './index-problem.ts';
import { isKnownCategory } from './taxonomy.ts';
import type { CollectionMap, DataMap, FieldEncryption, MapGap, ServiceMap } from './types.ts';

type Path = readonly PropertyKey[];

/** Rules that a schema cannot say, on the documents: taxonomy, masking overrides, reference form. @throws ERR_DATAMAP_* */
export function validateDocuments(file: ParsedFile): void {
  for (const [index, dataset] of file.datasets.entries()) {
    const path: Path = ['dataset', index];
    requireCategories(file, path, dataset.data_categories);
    for (const [at, collection] of dataset.collections.entries()) {
      const below: Path = [...path, 'collections', at];
      requireCategories(file, below, collection.data_categories);
      validateFields(file, [...below, 'fields'], collection.fields);
    }
  }
}

function validateFields(file: ParsedFile, path: Path, fields: readonly FieldDocument[]): void {
  const seen = new Set<string>();
  for (const [index, field] of fields.entries()) {
    const at: Path = [...path, index];
    if (seen.has(field.name))
      fail(file, 'ERR_DATAMAP_DUPLICATE', [...at, 'name'], `field "${field.name}" stands twice`);
    seen.add(field.name);
    requireCategories(file, at, field.data_categories);
    const override = field.fides_meta?.masking_strategy_override ?? field.masking_strategy_override;
    const refusal = override == null ? null : refuseMaskingOverride(override.strategy);
    if (refusal !== null) fail(file, 'ERR_DATAMAP_MASKING_OVERRIDE', at, `field "${field.name}": ${refusal}`);
    for (const reference of field.fides_meta?.references ?? []) {
      if (!/^[^.]+\..+$/.test(reference.field)) {
        fail(
          file,
          'ERR_DATAMAP_INVALID',
          at,
          `reference "${reference.field}" must be written collection.field`,
        );
      }
    }
    validateFields(file, [...at, 'fields'], field.fields ?? []);
  }
}

function requireCategories(
  file: ParsedFile,
  path: Path,
  categories: readonly string[] | null | undefined,
): void {
  for (const [index, category] of (categories ?? []).entries()) {
    if (isKnownCategory(category)) continue;
    const at = [...path, 'data_categories', index];
    fail(file, 'ERR_DATAMAP_UNKNOWN_CATEGORY', at, `"${category}" is not a Fideslang data category`);
  }
}

function fail(file: ParsedFile, code: DataMapErrorCode, path: Path, message: string): never {
  throw dataMapError(code, `${file.locate(path)}: ${message}`, { file: file.name });
}

/** The house's own schemas and PostgreSQL's: a map that names one would open a guard's tables through the gateway. */
const closedSchemas =
  /^(pg_.*|information_schema|db|crypto|datamap|audit|identity|policy|dsr|gateway|server|pgboss)$/;

/** Rules on one built service that carries our block. @throws ERR_DATAMAP_INVALID */
export function validateService(
  file: ParsedFile,
  service: ServiceMap,
  dataset: DatasetDocument,
  index: number,
): void {
  if (dataset.gatehouse === undefined) return;
  const base: Path = ['dataset', index];
  if (closedSchemas.test(service.schema)) {
    fail(
      file,
      'ERR_DATAMAP_INVALID',
      [...base, 'gatehouse', 'schema'],
      `schema "${service.schema}" belongs to the house`,
    );
  }
  for (const [at, collection] of service.collections.entries()) {
    const path: Path = [...base, 'collections', at];
    const problem = collectionProblem(collection);
    if (problem !== null)
      fail(file, 'ERR_DATAMAP_INVALID', path, `collection "${collection.name}": ${problem}`);
  }
}

function collectionProblem(collection: CollectionMap): string | null {
  const names = new Set(collection.fields.map(({ name }) => name));
  const { subject, managed, retention } = collection;
  const link = subject === null ? null : 'field' in subject ? subject.field : subject.via.field;
  const named = [link, managed.createdAt, managed.updatedAt, managed.restricted, retention?.after ?? null];
  const missing = named.find((name) => name !== null && !names.has(name));
  if (missing !== undefined) return `"${missing}" is named by its gatehouse block but is no field of it`;
  if (
    subject !== null &&
    collection.erasure.action === 'keep' &&
    collection.erasure.exemption === undefined
  ) {
    return 'rows of persons are kept without an exemption; name code, basis and citation';
  }
  const columns = collection.fields.flatMap(({ column, encryption, twin }) => [
    column,
    ...indexColumns(encryption),
    ...(twin === null ? [] : [twin.column, ...indexColumns(twin.encryption)]),
  ]);
  const twice = columns.find((column, at) => columns.indexOf(column) !== at);
  if (twice !== undefined) return `column "${twice}" is used twice`;
  if (columns.includes(collection.tenantColumn)) return 'tenant_id belongs to the house and is not mapped';
  return (
    collection.fields.map((field) => fieldProblem(field, collection)).find((problem) => problem !== null) ??
    null
  );
}

const indexColumns = (encryption: FieldEncryption): readonly string[] =>
  encryption.mode === 'field' ? encryption.indexes.map((index) => index.column) : [];

function fieldProblem(field: CollectionMap['fields'][number], collection: CollectionMap): string | null {
  const { erasure } = field;
  const encryption = field.twin?.encryption ?? field.encryption;
  const direct = collection.subject !== null && 'field' in collection.subject;
  if (encryption.mode === 'field' && encryption.scope === 'subject' && !direct) {
    return `field "${field.name}" is under the subject's key but the collection has no subject field of its own`;
  }
  const indexes = encryption.mode === 'field' ? encryption.indexes : [];
  const badIndex = indexes.map((index) => indexProblem(field, index)).find((problem) => problem !== null);
  if (badIndex !== undefined) return badIndex;
  if (encryption.mode === 'field' && field.name === collection.primaryKey)
    return 'the primary key cannot be encrypted';
  if (erasure.action === 'null' && !field.nullable)
    return `field "${field.name}" is not nullable, erasure cannot null it`;
  const keptPerson = collection.subject !== null && field.sensitivity !== 'none' && erasure.action === 'keep';
  if (keptPerson && erasure.exemption === undefined) {
    return `personal field "${field.name}" is kept without an exemption; name code, basis and citation`;
  }
  return null;
}

/** What keeps a map that loads from being served or erased by. */
export function findGaps(map: Pick<DataMap, 'services' | 'collection'>): readonly MapGap[] {
  return map.services.flatMap((service) =>
    service.collections.flatMap((collection) => {
      const { type, primaryKey, subject } = collection;
      const gaps: MapGap[] = [];
      if (primaryKey === '') gaps.push({ type, problem: 'no single primary key is declared' });
      if (service.schema === '')
        gaps.push({ type, problem: 'the file has no gatehouse block, so no schema is known' });
      const personal = collection.fields.some(({ sensitivity }) => sensitivity !== 'none');
      if (personal && subject === null && service.schema === '')
        gaps.push({ type, problem: 'no subject link is declared' });
      if (subject !== null && 'via' in subject && map.collection(subject.via.to) === null) {
        gaps.push({ type, problem: `its subject link leads to "${subject.via.to}", which is not mapped` });
      }
      return gaps;
    }),
  );
}
