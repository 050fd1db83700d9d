import { createDataMap } from './load.ts';
import type { CollectionMap, DataMap, FieldMap } from './types.ts';

/** How far one column of one table is on its way to being encrypted, for one tenant. */
export type ColumnPhaseOf = {
  readonly schema: string;
  readonly table: string;
  /** The column that holds, or held, the plaintext. */
  readonly plainColumn: string;
  readonly phase: 'plain' | 'both_read_plain' | 'both_read_ciphertext' | 'ciphertext';
};

/**
 * The map as it is in force: fields that declare a column for their ciphertext are read from the side that their migration
 * has come to. Collections without such a field stay the same objects.
 */
export function applyColumnPhases(map: DataMap, phases: readonly ColumnPhaseOf[]): DataMap {
  if (phases.length === 0) return map;
  const byColumn = new Map(phases.map((one) => [`${one.schema}.${one.table}.${one.plainColumn}`, one.phase]));
  const phaseOf = (collection: CollectionMap, field: FieldMap): ColumnPhaseOf['phase'] =>
    field.twin === null
      ? 'plain'
      : (byColumn.get(`${collection.schema}.${collection.table}.${field.column}`) ?? 'plain');
  const services = map.services.map((service) => ({
    ...service,
    collections: service.collections.map((collection) =>
      collection.fields.every((field) => phaseOf(collection, field) === 'plain')
        ? collection
        : {
            ...collection,
            fields: collection.fields.map((field) => inPhase(field, phaseOf(collection, field))),
          },
    ),
  }));
  return createDataMap(services);
}

function inPhase(field: FieldMap, phase: ColumnPhaseOf['phase']): FieldMap {
  const { twin, column, encryption } = field;
  if (twin === null || phase === 'plain') return field;
  if (phase === 'both_read_plain') return { ...field, twin: { ...twin, written: true } };
  const turned = { ...field, column: twin.column, encryption: twin.encryption };
  return { ...turned, twin: phase === 'ciphertext' ? null : { column, encryption, written: true } };
}
