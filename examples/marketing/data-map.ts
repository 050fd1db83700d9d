import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { joinDataMaps, loadDataMap, type DataMap } from '../../datamap/index.ts';

/** Keys of the three services of the embedded default. */
export const marketingServices: readonly string[] = Object.freeze(['contacts', 'engagement', 'campaigns']);

/** The maps of the three marketing services, as the embedded default wraps them for every tenant. */
export function loadBuiltInDataMap(): DataMap {
  return loadDataMap(
    marketingServices.map((service) => ({
      name: `examples/marketing/${service}/datamap.yaml`,
      yaml: readFileSync(join(import.meta.dirname, service, 'datamap.yaml'), 'utf8'),
    })),
  );
}

/**
 * The built-in maps and those of the examples that a tenant may load: the fields that rules may name, whether or not a
 * tenant has loaded them.
 */
export function loadCatalogDataMap(): DataMap {
  const chinook = join(import.meta.dirname, '../chinook/datamap.yaml');
  const builtIn = loadBuiltInDataMap();
  if (!existsSync(chinook)) return builtIn;
  const example = { name: 'examples/chinook/datamap.yaml', yaml: readFileSync(chinook, 'utf8') };
  return joinDataMaps([builtIn, loadDataMap([example])]);
}
