import type { CallContext } from '../kernel/index.ts';
import type { PolicyErrorCode } from './errors.ts';
import type { RowFilter } from './row-filter.ts';

/** What is to be touched. With `properties` one row is decided on; without, the type, and `rowFilter` says which rows. */
export type Resource = {
  readonly type: string;
  readonly id?: string;
  readonly properties?: Readonly<Record<string, unknown>>;
};

/** What surrounds the call. */
export type DecisionContext = {
  readonly call?: CallContext;
  /** Purpose of the processing, as the data map names it. */
  readonly purpose?: string;
  /** Time of the decision; the clock's by default. */
  readonly now?: Date;
  readonly properties?: Readonly<Record<string, unknown>>;
};

/** Why a decision fell as it did. `rule` is `role#index`, or null when no rule spoke. */
export type Reason = {
  readonly code: PolicyErrorCode | 'ALLOWED';
  readonly message: string;
  readonly rule: string | null;
};

/** What the enforcement point must do besides; one that it does not know is a denial. */
export type Obligation = {
  readonly id: string;
  readonly type: 'step_up' | 'mask' | 'require_approval' | 'watermark' | 'notify';
  readonly properties: Readonly<Record<string, unknown>>;
};

/**
 * Which fields may be seen (or written, for actions that write). `readable: 'all'` means no field is restricted and then
 * `masked` is empty; a field in `masked` is never in `readable`; a field in neither must not leave the database.
 */
export type FieldMask = { readonly readable: 'all' | readonly string[]; readonly masked: readonly string[] };

/** The answer of {@link Policy.decide}. */
export type Decision = {
  readonly decision: boolean;
  readonly reasons: readonly Reason[];
  readonly rowFilter: RowFilter;
  readonly fieldMask: FieldMask;
  readonly obligations: readonly Obligation[];
  /** Revision of the tenant's rules and of the guardrails, e.g. `12-9f86d081`. */
  readonly revision: string;
};

/** No field is restricted. */
export const allFields: FieldMask = Object.freeze({ readable: 'all', masked: Object.freeze([]) });
/** No field at all. */
export const noFields: FieldMask = Object.freeze({ readable: Object.freeze([]), masked: Object.freeze([]) });
/** No row at all. */
export const noRows: RowFilter = Object.freeze({ kind: 'none' });
/** Every row. */
export const allRows: RowFilter = Object.freeze({ kind: 'all' });

/** A denial: no rows, no fields. */
export function denial(
  reasons: readonly Reason[],
  revision: string,
  obligations: readonly Obligation[] = [],
): Decision {
  return Object.freeze({
    decision: false,
    reasons,
    rowFilter: noRows,
    fieldMask: noFields,
    obligations,
    revision,
  });
}

/** One reason, frozen. */
export function reason(code: Reason['code'], message: string, rule: string | null = null): readonly Reason[] {
  return Object.freeze([Object.freeze({ code, message, rule })]);
}
