import { createHash } from 'node:crypto';
import { buildCollection } from './build-collection.ts';
import { dataMapError } from './errors.ts';
import { parseMapFile, type MapText } from './parse.ts';
import type { DatasetDocument } from './schema.ts';
import type { CollectionMap, DataMap, ServiceMap } from './types.ts';
import { findGaps, validateDocuments, validateService } from './validate.ts';

/**
 * Loads data map files: Fides dataset files as they are, with `gatehouse:` blocks where they go further.
 *
 * @param texts - at most 100 files
 * @throws ERR_DATAMAP_INVALID, ERR_DATAMAP_UNKNOWN_CATEGORY, ERR_DATAMAP_MASKING_OVERRIDE, ERR_DATAMAP_DUPLICATE
 */
export function loadDataMap(texts: readonly MapText[]): DataMap {
  if (texts.length > 100)
    throw dataMapError('ERR_DATAMAP_INVALID', `${texts.length} files; at most 100 are loaded at once`);
  const services = texts.flatMap((text) => {
    const file = parseMapFile(text);
    validateDocuments(file);
    return file.datasets.map((dataset, index) => {
      const service = buildService(dataset);
      validateService(file, service, dataset, index);
      return service;
    });
  });
  return createDataMap(services);
}

/**
 * Joins maps, e.g. the built-in services and a tenant's own.
 *
 * @throws ERR_DATAMAP_DUPLICATE when two services share a key
 */
export function joinDataMaps(maps: readonly DataMap[]): DataMap {
  return createDataMap(maps.flatMap((map) => map.services));
}

function buildService(dataset: DatasetDocument): ServiceMap {
  const block = dataset.gatehouse;
  const schema = block?.schema ?? '';
  return Object.freeze({
    key: dataset.fides_key,
    name: dataset.name ?? dataset.fides_key,
    description: dataset.description ?? '',
    kind: 'postgres',
    schema,
    region: block?.region ?? 'unknown',
    purposes: (block?.purposes ?? []).map(({ legal_basis: legalBasis, ...rest }) => ({
      ...rest,
      legalBasis,
    })),
    processors: (block?.processors ?? []).map(({ safeguard, ...rest }) => ({
      ...rest,
      safeguard: safeguard ?? null,
    })),
    maintenance: {
      team: block?.maintenance.team ?? null,
      reviewedAt: block?.maintenance.reviewed_at ?? null,
    },
    collections: dataset.collections.map((collection) =>
      buildCollection(collection, { service: dataset.fides_key, schema }),
    ),
  });
}

/** A map of services that were built already. @throws ERR_DATAMAP_DUPLICATE */
export function createDataMap(services: readonly ServiceMap[]): DataMap {
  const byKey = new Map<string, ServiceMap>();
  const byType = new Map<string, CollectionMap>();
  const tables = new Set<string>();
  for (const service of services) {
    if (byKey.has(service.key))
      throw dataMapError('ERR_DATAMAP_DUPLICATE', `service "${service.key}" stands twice`);
    byKey.set(service.key, service);
    for (const collection of service.collections) {
      if (byType.has(collection.type)) {
        throw dataMapError('ERR_DATAMAP_DUPLICATE', `collection "${collection.type}" stands twice`);
      }
      byType.set(collection.type, collection);
      if (collection.schema === '') continue;
      // Two maps of one table would let the laxer one uncover what the stricter one masks.
      const table = `${collection.schema}.${collection.table}`;
      if (tables.has(table)) throw dataMapError('ERR_DATAMAP_DUPLICATE', `table "${table}" is mapped twice`);
      tables.add(table);
    }
  }
  const collection = (type: string): CollectionMap | null => byType.get(type) ?? null;
  return Object.freeze({
    services: Object.freeze([...services]),
    revision: createHash('sha256').update(canonical(services)).digest('hex'),
    collection,
    service: (key: string) => byKey.get(key) ?? null,
    gaps: findGaps({ services, collection }),
  });
}

/** JSON with sorted keys, so that the same map has the same revision whatever the order in its file's objects. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
