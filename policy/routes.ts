import type { AnyRoute, AuditSink } from '../kernel/index.ts';
import type { Database, Tx } from '../db/index.ts';
import type { FieldCatalog } from './catalog.ts';
import type { Decider } from './decider.ts';
import type { Policy } from './policy.ts';

/** What the routes need. */
export type PolicyRouteDeps = {
  readonly policy: Omit<Policy, 'routes'>;
  readonly decider: Decider;
  readonly database: Database;
  readonly audit: AuditSink<Tx>;
  readonly fieldCatalog: FieldCatalog;
  readonly publicUrl: string | null;
};

/** Every route of this room. */
export function createPolicyRoutes(_deps: PolicyRouteDeps): readonly AnyRoute[] {
  return [];
}
