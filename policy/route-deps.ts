import { type AuditSink, type Clock, type StepUp } from '../kernel/index.ts';
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
  readonly clock: Clock;
};

/** Giving access away needs a person who was there a moment ago; a machine never is. */
export const grantStepUp: StepUp & { readonly level: 2 } = Object.freeze({ level: 2, maxAgeSeconds: 300 });
