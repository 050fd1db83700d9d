import type { Tx } from '../../db/index.ts';
import type { PlanStep } from '../plan-document.ts';

/** How a person is named by whoever asks. */
export type Identifier = { readonly kind: 'email' | 'phone'; readonly value: string };

/** Who was found, and how. */
export type Closure = {
  readonly subjects: readonly string[];
  readonly found: readonly { readonly collection: string; readonly by: string; readonly subjects: number }[];
};

/** What the absence scan looks for; personal data, so it is kept sealed. */
export type SearchTerms = {
  readonly subjects: readonly string[];
  /** Ids of the person's rows that other rows point to. */
  readonly rowIds: readonly string[];
  readonly emails: readonly string[];
  readonly phones: readonly string[];
  /** Identifiers left out because other people's rows carry them too. */
  readonly shared: number;
};

/** One column with something left in it. Holds counts, never values. */
export type AbsenceFinding = {
  readonly table: string;
  readonly column: string;
  readonly kind: 'subject_id' | 'row_id' | 'blind_index' | 'text';
  readonly rows: number;
  /** The exemption that covers it; null when it must not be there. */
  readonly exemption: string | null;
};

/** What was looked through and what was found. */
export type AbsenceResult = {
  readonly scope: 'indexed' | 'full';
  readonly tables: number;
  readonly columns: number;
  readonly findings: readonly AbsenceFinding[];
  readonly clean: boolean;
};

/** Rows of one collection as the person gets them. */
export type ExportedCollection = {
  readonly collection: string;
  readonly description: string;
  readonly fields: readonly { readonly name: string; readonly categories: readonly string[] }[];
  readonly rows: readonly Readonly<Record<string, unknown>>[];
};

/** A kind of system that holds personal data. */
export type Connector = {
  readonly key: string;
  /** Proves that every mapped table, column, key and permission is there. @throws ERR_DSR_SYSTEM_UNREADY */
  readonly discover: (tx: Tx) => Promise<void>;
  /** From identifiers to subjects. @throws ERR_DSR_IDENTITY_AMBIGUOUS */
  readonly close: (tx: Tx, identifiers: readonly Identifier[]) => Promise<Closure>;
  /** Steps with row counts, in the order of execution. */
  readonly plan: (
    tx: Tx,
    subjects: readonly string[],
    type: 'access' | 'erasure',
  ) => Promise<{ readonly steps: readonly PlanStep[]; readonly warnings: readonly string[] }>;
  /** What must not be found any more after erasure; call it before. */
  readonly searchTerms: (
    tx: Tx,
    subjects: readonly string[],
    identifiers: readonly Identifier[],
  ) => Promise<SearchTerms>;
  readonly export: (
    tx: Tx,
    subjects: readonly string[],
    steps: readonly PlanStep[],
  ) => Promise<readonly ExportedCollection[]>;
  /** Carries the steps out inside `tx`. @returns rows touched per collection */
  readonly erase: (
    tx: Tx,
    subjects: readonly string[],
    steps: readonly PlanStep[],
  ) => Promise<Readonly<Record<string, number>>>;
  /** Looks for what is left, from the catalog and not from the plan's list. */
  readonly verifyAbsence: (
    tx: Tx,
    terms: SearchTerms,
    steps: readonly PlanStep[],
    scope: 'indexed' | 'full',
  ) => Promise<AbsenceResult>;
  /** Pages that a full scan would read. */
  readonly scanPages: (tx: Tx) => Promise<number>;
  readonly limits: { readonly rowsPerCollection: number; readonly subjectsPerRequest: number };
};
