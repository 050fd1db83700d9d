import type { Database, Tx } from '../db/index.ts';
import type { AuditEvent, AuditSink, Clock, TenantId } from '../kernel/index.ts';
import { applyColumnPhases, type ColumnPhaseOf } from './column-phases.ts';
import { dataMapError } from './errors.ts';
import { serviceLoaded } from './events.ts';
import { joinDataMaps, loadDataMap } from './load.ts';
import { createMapCache } from './map-cache.ts';
import { notifyChanged, selectServices, upsertService, type StoredService } from './store.ts';
import type { DataMap } from './types.ts';

/** What a map is loaded with. */
export type LoadServiceInput = {
  readonly name: string;
  readonly yaml: string;
  readonly actor: AuditEvent['actor'];
  readonly audit: AuditSink<Tx>;
};

/** The maps that are in force: the built-in services and each tenant's own. */
export type DataMapRegistry = {
  readonly builtIn: DataMap;
  /** The map of the transaction's tenant; cached until a NOTIFY says that it changed. */
  readonly forTenant: (tx: Tx) => Promise<DataMap>;
  /** As `forTenant`, opening a transaction only when the map is not cached. */
  readonly current: (tenantId: TenantId) => Promise<DataMap>;
  /** Validates and stores a file with one service for the transaction's tenant. @throws ERR_DATAMAP_* */
  readonly loadService: (tx: Tx, input: LoadServiceInput) => Promise<DataMap>;
  /** Tells every replica at commit that the map of the transaction's tenant is another one now. */
  readonly announce: (tx: Tx) => Promise<void>;
};

/** @param deps - `builtIn` wins: a tenant cannot replace one of its services */
export function createDataMapRegistry(deps: {
  readonly database: Database;
  readonly builtIn: DataMap;
  readonly clock: Clock;
  /** Which columns are being encrypted for the transaction's tenant; without it none are. */
  readonly columnPhases?: (tx: Tx) => Promise<readonly ColumnPhaseOf[]>;
}): DataMapRegistry {
  const { database, builtIn, clock } = deps;
  const cache = createMapCache(database);
  const read = async (tx: Tx): Promise<DataMap> => {
    const { rows } = await tx.query<StoredService>(selectServices, [tx.tenantId]);
    const phases = (await deps.columnPhases?.(tx)) ?? [];
    if (rows.length === 0) return applyColumnPhases(builtIn, phases);
    const own = loadDataMap(rows.map(({ key, yaml }) => ({ name: `service ${key}`, yaml })));
    return applyColumnPhases(joinDataMaps([builtIn, own]), phases);
  };
  const announce = async (tx: Tx): Promise<void> => {
    await tx.query(notifyChanged, [tx.tenantId]);
    tx.onCommit(() => cache.forget(tx.tenantId));
  };
  const forTenant = (tx: Tx): Promise<DataMap> => cache.load(tx, read);
  return Object.freeze({
    builtIn,
    forTenant,
    current: async (tenantId: TenantId) =>
      cache.find(tenantId) ?? (await database.withTenant(tenantId, forTenant, { readOnly: true })),
    loadService: async (tx: Tx, input: LoadServiceInput) => {
      const service = onlyService(input);
      const { key } = service.services[0] ?? { key: '' };
      joinDataMaps([builtIn, service]);
      const { rows } = await tx.query<StoredService>(selectServices, [tx.tenantId]);
      const replaced = rows.find((row) => row.key === key)?.revision ?? null;
      const { actor, audit } = input;
      const by = [tx.tenantId, key, input.yaml, service.revision, clock.now(), actor.id];
      await tx.query(upsertService, by);
      await audit.append(tx, {
        definition: serviceLoaded,
        tenantId: tx.tenantId,
        outcome: 'success',
        actor,
        targets: [{ type: 'datamap.service', id: key }],
        detail: { service: key, revision: service.revision, replaced },
      });
      await announce(tx);
      return read(tx);
    },
    announce,
  });
}

function onlyService(input: LoadServiceInput): DataMap {
  const map = loadDataMap([input]);
  const [service] = map.services;
  if (service === undefined || map.services.length !== 1) {
    throw dataMapError(
      'ERR_DATAMAP_INVALID',
      `${input.name}: holds ${map.services.length} services; load one file per service`,
    );
  }
  if (service.schema === '') {
    throw dataMapError(
      'ERR_DATAMAP_INVALID',
      `${input.name}: no gatehouse block; say kind, schema, region and purposes`,
    );
  }
  return map;
}
