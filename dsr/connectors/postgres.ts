import type { Crypto } from '../../crypto/index.ts';
import type { DataMap, DataMapRegistry } from '../../datamap/index.ts';
import type { Tx } from '../../db/index.ts';
import { readPages } from '../store-catalog.ts';
import { scanForPerson } from './absence-scan.ts';
import { createCatalogReader, mappedSchemas, type Catalog } from './catalog.ts';
import type { Connector } from './connector.ts';
import { requireReady } from './discover.ts';
import { eraseRows } from './erase-rows.ts';
import { exportRows } from './export-rows.ts';
import { closeIdentity } from './identity-closure.ts';
import { countSteps, draftSteps, warningsOf } from './plan-steps.ts';
import { collectSearchTerms } from './search-terms.ts';

const limits = Object.freeze({ rowsPerCollection: 100_000, subjectsPerRequest: 1_000 });

type Live = { readonly crypto: Crypto; readonly dataMap: DataMap; readonly catalog: Catalog };

/** The connector for services whose rows live in our PostgreSQL: everything of one database in one transaction. */
export function createPostgresConnector(deps: {
  readonly dataMap: Pick<DataMapRegistry, 'forTenant'>;
  readonly crypto: Crypto;
}): Connector {
  const { crypto } = deps;
  const catalogs = createCatalogReader();
  const ready = new WeakMap<Tx, Promise<Live>>();
  const ports = async (tx: Tx) => ({ crypto, dataMap: await deps.dataMap.forTenant(tx) });
  const live = async (tx: Tx): Promise<Live> => {
    const { dataMap } = await ports(tx);
    return { crypto, dataMap, catalog: await catalogs.read(tx, dataMap) };
  };
  /** Planning and erasing in one transaction look at the schema once; the scan always looks for itself. */
  const readyOnce = (tx: Tx): Promise<Live> => {
    const known = ready.get(tx) ?? live(tx);
    ready.set(tx, known);
    return known.then((found) => {
      requireReady(found.dataMap, found.catalog);
      return found;
    });
  };
  return Object.freeze<Connector>({
    key: 'postgres',
    limits,
    discover: async (tx) => void (await readyOnce(tx)),
    close: async (tx, identifiers) => closeIdentity(await ports(tx), tx, identifiers),
    plan: async (tx, subjects, type) => {
      const { dataMap, catalog } = await readyOnce(tx);
      const steps = await countSteps(dataMap, tx, draftSteps(dataMap, catalog, type), subjects);
      return { steps, warnings: type === 'erasure' ? warningsOf(dataMap, steps) : [] };
    },
    searchTerms: async (tx, subjects, identifiers) =>
      collectSearchTerms(await ports(tx), tx, subjects, identifiers),
    export: async (tx, subjects, steps) =>
      exportRows(await ports(tx), tx, subjects, { steps, maxRows: limits.rowsPerCollection }),
    erase: async (tx, subjects, steps) => eraseRows((await readyOnce(tx)).dataMap, tx, subjects, steps),
    verifyAbsence: async (tx, terms, steps, scope) => {
      const { catalog, ...rest } = await live(tx);
      return scanForPerson(rest, tx, catalog, { terms, steps, scope });
    },
    scanPages: async (tx) => {
      const { dataMap } = await ports(tx);
      const { rows } = await tx.query<{ pages: number }>(readPages, [mappedSchemas(dataMap)]);
      return rows[0]?.pages ?? 0;
    },
  });
}
