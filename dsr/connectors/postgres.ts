import type { Crypto } from '../../crypto/index.ts';
import type { DataMap } from '../../datamap/index.ts';
import type { Tx } from '../../db/index.ts';
import { readPages } from '../store-catalog.ts';
import { scanForPerson } from './absence-scan.ts';
import { loadCatalog, mappedSchemas } from './catalog.ts';
import type { Connector } from './connector.ts';
import { requireReady } from './discover.ts';
import { eraseRows } from './erase-rows.ts';
import { exportRows } from './export-rows.ts';
import { closeIdentity } from './identity-closure.ts';
import { countSteps, draftSteps, warningsOf } from './plan-steps.ts';
import { collectSearchTerms } from './search-terms.ts';

const limits = Object.freeze({ rowsPerCollection: 100_000, subjectsPerRequest: 1_000 });

/** The connector for services whose rows live in our PostgreSQL: everything of one database in one transaction. */
export function createPostgresConnector(deps: { readonly dataMap: DataMap; readonly crypto: Crypto }): Connector {
  const { dataMap } = deps;
  return Object.freeze<Connector>({
    key: 'postgres',
    limits,
    discover: async (tx) => requireReady(dataMap, await loadCatalog(tx, dataMap)),
    close: (tx, identifiers) => closeIdentity(deps, tx, identifiers),
    plan: async (tx, subjects, type) => {
      const catalog = await loadCatalog(tx, dataMap);
      requireReady(dataMap, catalog);
      const steps = await countSteps(dataMap, tx, draftSteps(dataMap, catalog, type), subjects);
      return { steps, warnings: type === 'erasure' ? warningsOf(dataMap, steps) : [] };
    },
    searchTerms: (tx, subjects, identifiers) => collectSearchTerms(deps, tx, subjects, identifiers),
    export: (tx, subjects, steps) => exportRows(deps, tx, subjects, { steps, maxRows: limits.rowsPerCollection }),
    erase: async (tx, subjects, steps) => {
      requireReady(dataMap, await loadCatalog(tx, dataMap));
      return eraseRows(dataMap, tx, subjects, steps);
    },
    verifyAbsence: async (tx, terms, steps, scope) => scanForPerson(deps, tx, await loadCatalog(tx, dataMap), { terms, steps, scope }),
    scanPages: async (tx: Tx) => {
      const { rows } = await tx.query<{ pages: number }>(readPages, [mappedSchemas(dataMap)]);
      return rows[0]?.pages ?? 0;
    },
  });
}
