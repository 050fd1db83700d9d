import type { CatalogEntry, CollectionMap, DataMap, FieldMap } from '../datamap/index.ts';
import { fieldCatalog } from '../datamap/index.ts';
import type { CallContext, Principal } from '../kernel/index.ts';
import { gatewayError } from './errors.ts';

/** One call on one collection, after its path and purpose were understood. */
export type Call = {
  readonly principal: Principal;
  readonly context: CallContext;
  readonly map: DataMap;
  readonly collection: CollectionMap;
  readonly catalog: readonly CatalogEntry[];
  /** Key of the purpose in the data map; null when the caller named none. */
  readonly purpose: string | null;
};

/** What the gateway does with rows. */
export type Operation = 'read' | 'create' | 'update' | 'delete';

/**
 * Finds the collection and the purpose that a request names.
 *
 * @throws ERR_GATEWAY_UNKNOWN_COLLECTION, ERR_GATEWAY_OPERATION, ERR_GATEWAY_PURPOSE
 */
export function openCall(
  request: Pick<Call, 'principal' | 'context' | 'map'> & {
    readonly service: string;
    readonly collection: string;
    readonly purpose: string | readonly string[] | undefined;
  },
  operation: Operation,
): Call {
  const { principal, context, map } = request;
  const type = `${request.service}.${request.collection}`;
  const collection = map.collection(type);
  if (collection === null || collection.schema === '' || collection.primaryKey === '') {
    throw gatewayError(
      'ERR_GATEWAY_UNKNOWN_COLLECTION',
      `"${type}" is not served here; see GET /v1/datamap/services`,
    );
  }
  if (!collection.operations.includes(operation)) {
    const allowed = collection.operations.join(', ');
    throw gatewayError('ERR_GATEWAY_OPERATION', `"${type}" does not take ${operation}; it takes ${allowed}`);
  }
  const purpose = resolvePurpose(map, collection, request.purpose);
  return { principal, context, map, collection, catalog: fieldCatalog(map, type) ?? [], purpose };
}

function resolvePurpose(
  map: DataMap,
  collection: CollectionMap,
  header: string | readonly string[] | undefined,
): string | null {
  if (header === undefined) return null;
  const purposes = map.service(collection.service)?.purposes ?? [];
  const found =
    typeof header === 'string'
      ? purposes.find(({ key, aliases }) => key === header || aliases.includes(header))
      : undefined;
  if (found !== undefined) return found.key;
  const known = purposes.map(({ key }) => key).join(', ');
  throw gatewayError(
    'ERR_GATEWAY_PURPOSE',
    `Gatehouse-Purpose must be one purpose of ${collection.service}: ${known}`,
  );
}

/** A field by name. @throws ERR_GATEWAY_UNKNOWN_FIELD naming it */
export function requireField(collection: CollectionMap, name: string, place: string): FieldMap {
  const field = collection.fields.find((candidate) => candidate.name === name);
  if (field === undefined) {
    throw gatewayError(
      'ERR_GATEWAY_UNKNOWN_FIELD',
      `${place} names "${name.slice(0, 64)}", which ${collection.type} does not have`,
    );
  }
  return field;
}
