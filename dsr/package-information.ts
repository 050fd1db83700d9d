import type { DataMap } from '../datamap/index.ts';
import type { ExportedCollection } from './connectors/connector.ts';
import type { LawPack } from './law-packs.ts';

/** What GDPR Article 15(1) and (2) make a controller tell, taken from the data map. */
export type ArticleFifteen = {
  readonly purposes: readonly {
    readonly service: string;
    readonly purpose: string;
    readonly legalBasis: string;
  }[];
  readonly categories: readonly string[];
  readonly recipients: readonly {
    readonly name: string;
    readonly country: string;
    readonly safeguard: string | null;
  }[];
  readonly retention: readonly { readonly collection: string; readonly period: string }[];
  readonly source: string;
  readonly automatedDecisions: string;
  readonly rights: readonly string[];
  readonly complaint: string;
};

/** Only services that hold something of this person speak. */
export function articleFifteen(
  dataMap: DataMap,
  pack: LawPack,
  data: readonly ExportedCollection[],
): ArticleFifteen {
  const withRows = data.filter((one) => one.rows.length > 0);
  const collections = withRows.flatMap((one) => dataMap.collection(one.collection) ?? []);
  const services = dataMap.services.filter((service) =>
    collections.some((collection) => collection.service === service.key),
  );
  const processors = new Map(services.flatMap((service) => service.processors.map((one) => [one.key, one])));
  return {
    purposes: services.flatMap((service) =>
      service.purposes.map((one) => ({
        service: service.key,
        purpose: one.name,
        legalBasis: one.legalBasis,
      })),
    ),
    categories: [
      ...new Set(withRows.flatMap((one) => one.fields.flatMap((field) => field.categories))),
    ].toSorted(),
    recipients: [...processors.values()].map(({ name, country, safeguard }) => ({
      name,
      country,
      safeguard,
    })),
    retention: collections.map((one) => ({
      collection: one.type,
      period:
        one.retention === null ? 'until erased' : `${one.retention.days} days after ${one.retention.after}`,
    })),
    source:
      'given by the person or observed in the use of the services; the data map declares no other source',
    automatedDecisions: 'none declared in the data map',
    rights: ['rectification', 'erasure', 'restriction', 'objection', 'portability'],
    complaint: pack.complaint,
  };
}

/** Fields whose content may never be shown, only described. */
export function withheldFields(pack: LawPack, collection: ExportedCollection): readonly string[] {
  const hidden = (category: string): boolean =>
    pack.neverDisclose.some((prefix) => category === prefix || category.startsWith(`${prefix}.`));
  return collection.fields.filter((field) => field.categories.some(hidden)).map((field) => field.name);
}

/** The collection with withheld values described instead of shown. */
export function withhold(pack: LawPack, collection: ExportedCollection): ExportedCollection {
  const names = new Set(withheldFields(pack, collection));
  if (names.size === 0) return collection;
  const rows = collection.rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [
        name,
        names.has(name) && value !== null ? `[held, not shown: ${pack.neverDiscloseCitation}]` : value,
      ]),
    ),
  );
  return { ...collection, rows };
}
