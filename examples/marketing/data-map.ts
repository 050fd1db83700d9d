import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadDataMap, type DataMap } from '../../datamap/index.ts';

/** Keys of the three services of the embedded default. */
export const marketingServices: readonly string[] = Object.freeze(['contacts', 'engagement', 'campaigns']);

/** Loads the maps of the three marketing services, as the embedded default wraps them. */
export function loadMarketingDataMap(): DataMap {
  return loadDataMap(
    marketingServices.map((service) => ({
      name: `examples/marketing/${service}/datamap.yaml`,
      yaml: readFileSync(join(import.meta.dirname, service, 'datamap.yaml'), 'utf8'),
    })),
  );
}
