import { expect, test } from '@jest/globals';
import { encryptionPlan } from '../datamap/index.ts';
import { loadBuiltInDataMap } from '../examples/marketing/data-map.ts';
import { sealedTablesOf } from './sealed-tables.ts';

const map = loadBuiltInDataMap();
const all = map.services.flatMap(({ collections }) => collections);

test('every collection with an encrypted field is a sealed table, and no other', () => {
  const encrypted = all.filter(({ fields }) => fields.some(({ encryption }) => encryption.mode === 'field'));
  expect(encrypted.length).toBeGreaterThan(0);
  expect(sealedTablesOf(map).map(({ schema, table }) => `${schema}.${table}`)).toEqual(
    encrypted.map(({ schema, table }) => `${schema}.${table}`),
  );
});

test('a sealed table carries the very plan that seals its rows, with the columns of row and person', () => {
  for (const { plan, rowIdColumn, subjectColumn } of sealedTablesOf(map)) {
    const collection = all.find(({ type }) => type === `${plan.service}.${plan.collection}`);
    expect(collection && encryptionPlan(collection)).toBe(plan);
    const columns = collection?.fields.map(({ column }) => column);
    expect(columns).toContain(rowIdColumn);
    if (subjectColumn !== null) expect(columns).toContain(subjectColumn);
  }
});

test('a collection that the map cannot serve is no sealed table', () => {
  const gaps = map.services.map((service) => ({
    ...service,
    collections: service.collections.map((collection) => ({ ...collection, schema: '' })),
  }));
  expect(sealedTablesOf({ services: gaps })).toEqual([]);
});
