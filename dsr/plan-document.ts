import { canonicalJson, sha256Hex, type CanonicalValue } from './canonical-json.ts';

/** Why something is kept. */
export type PlanExemption = {
  readonly code: string;
  readonly basis: string;
  readonly citation: string;
  readonly until: string | null;
};

/** What happens to one field. */
export type FieldAction = 'delete' | 'null' | 'pseudonymise' | 'shred' | 'keep' | 'export';

/** One field of a step. */
export type PlanField = {
  readonly field: string;
  readonly action: FieldAction;
  readonly exemption: string | null;
};

/** What happens to one collection. */
export type PlanStep = {
  /** Rows go in this order: referencing before referenced. */
  readonly order: number;
  readonly system: string;
  readonly collection: string;
  readonly table: string;
  readonly action: 'delete' | 'fields' | 'keep' | 'export';
  /** How rows lead to the person, e.g. `contact_id -> contacts.contact.id`. */
  readonly path: string;
  readonly rows: number;
  readonly exemption: PlanExemption | null;
  readonly fields: readonly PlanField[];
  readonly note: string | null;
};

/** An immutable plan. It holds ids and counts, no personal data. */
export type PlanDocument = {
  readonly format: 'gatehouse-dsr-plan/1';
  readonly requestId: string;
  readonly tenantId: string;
  readonly type: 'access' | 'erasure';
  readonly law: string;
  readonly lawVersion: number;
  readonly dataMapRevision: string;
  readonly createdAt: string;
  readonly createdBy: string;
  readonly identity: {
    readonly subjects: readonly string[];
    /** How the person was found, per collection. */
    readonly found: readonly {
      readonly collection: string;
      readonly by: string;
      readonly subjects: number;
    }[];
    /** Identifiers that other people's rows carry as well; absence is not claimed for them. */
    readonly sharedIdentifiers: number;
  };
  readonly steps: readonly PlanStep[];
  readonly totals: {
    readonly delete: number;
    readonly fields: number;
    readonly keep: number;
    readonly export: number;
  };
  /** Execution refuses when a collection's rows moved by more than both. */
  readonly tolerance: { readonly percent: number; readonly rows: number };
  readonly warnings: readonly string[];
};

/** A plan's bytes and what an approval signs. */
export type SealedPlan = { readonly text: string; readonly hash: string };

/** The canonical bytes of a plan and their SHA-256. */
export function sealPlan(document: PlanDocument): SealedPlan {
  const text = canonicalJson(document as unknown as CanonicalValue); // every member is a canonical value by its type
  return { text, hash: sha256Hex(text) };
}

/** Reads a stored plan; its hash was checked by the database when it was written. */
export function parsePlan(text: string): PlanDocument {
  return JSON.parse(text) as PlanDocument; // our own canonical bytes
}

/** What moved between approval and execution. */
export type Drift = { readonly collection: string; readonly planned: number; readonly found: number };

/**
 * Compares a plan with a fresh count.
 *
 * @returns what is beyond tolerance; empty when execution may go on
 */
export function findDrift(plan: PlanDocument, fresh: PlanDocument): readonly Drift[] {
  const drift: Drift[] = [];
  const moved = (name: string, planned: number, found: number): void => {
    drift.push({ collection: name, planned, found });
  };
  if (plan.dataMapRevision !== fresh.dataMapRevision) moved('(data map changed)', 0, 0);
  const same = plan.identity.subjects.join() === fresh.identity.subjects.join();
  if (!same) moved('(people found)', plan.identity.subjects.length, fresh.identity.subjects.length);
  const found = new Map(fresh.steps.map((step) => [step.collection, step]));
  for (const step of plan.steps) {
    const now = found.get(step.collection);
    const rows = now?.action === step.action ? now.rows : -1;
    const distance = Math.abs(rows - step.rows);
    const allowed = Math.max(plan.tolerance.rows, Math.floor((step.rows * plan.tolerance.percent) / 100));
    if (rows < 0 || distance > allowed) moved(step.collection, step.rows, rows);
  }
  return drift;
}
