import type { Database, RawBuilder, SqlBool, Tx } from '../db/index.ts';
import type { Crypto } from '../crypto/index.ts';
import type { CatalogEntry, DataMapRegistry } from '../datamap/index.ts';
import type { AuditSink, CallContext, Clock, Logger, NewId, Principal } from '../kernel/index.ts';

/** Obligations as policy states them. */
export type GatewayObligation = {
  readonly id: string;
  readonly type: string;
  readonly properties: Readonly<Record<string, unknown>>;
};

/** A decision as policy gives it; how its row filter looks inside is policy's own affair. */
export type GatewayDecision<Filter> = {
  readonly decision: boolean;
  readonly reasons: readonly {
    readonly code: string;
    readonly message: string;
    readonly rule: string | null;
  }[];
  readonly rowFilter: Filter;
  readonly fieldMask: { readonly readable: 'all' | readonly string[]; readonly masked: readonly string[] };
  readonly obligations: readonly GatewayObligation[];
  readonly revision: string;
};

/** What the gateway needs of policy; the composition root hands it in. */
export type GatewayPolicy<Filter> = {
  readonly decide: (
    principal: Principal,
    action: string,
    resource: { readonly type: string; readonly properties?: Readonly<Record<string, unknown>> },
    context?: { readonly call?: CallContext; readonly purpose?: string },
  ) => Promise<GatewayDecision<Filter>>;
  readonly compileRowFilter: (
    filter: Filter,
    columns: { readonly fields: readonly CatalogEntry[]; readonly table?: string },
  ) => RawBuilder<SqlBool>;
};

/** What identifies a person on the suppression list. */
export type SuppressionIdentifier = { readonly kind: 'email' | 'phone'; readonly value: string };

/** The list of people who must not come back. */
export type GatewaySuppression = {
  readonly isSuppressed: (
    tx: Tx,
    identifiers: readonly SuppressionIdentifier[],
    purpose: string,
  ) => Promise<object | null>;
};

/** Everything the gateway is made of. */
export type GatewayDeps<Filter> = {
  readonly database: Database;
  readonly crypto: Pick<Crypto, 'openRows' | 'sealFields' | 'indexTerms' | 'rangeTerms' | 'mac' | 'warm'>;
  readonly audit: AuditSink<Tx>;
  readonly dataMap: Pick<DataMapRegistry, 'current' | 'forTenant'>;
  readonly policy: GatewayPolicy<Filter>;
  readonly suppression: GatewaySuppression;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly logger: Logger;
};

/** The dependencies once policy's filter type is closed over. */
export type Parts = Omit<GatewayDeps<never>, 'policy'> & { readonly decide: Decide };

/** A decision with its row filter ready to be put into SQL. */
export type Verdict = Omit<GatewayDecision<never>, 'rowFilter'> & {
  readonly where: (fields: readonly CatalogEntry[], table: string) => RawBuilder<SqlBool>;
};

/** Asks policy. */
export type Decide = (
  principal: Principal,
  action: string,
  resource: { readonly type: string; readonly properties?: Readonly<Record<string, unknown>> },
  context: { readonly call: CallContext; readonly purpose?: string },
) => Promise<Verdict>;

/** Closes over policy's filter type, so that no other file needs to know it. */
export function bindPolicy<Filter>(policy: GatewayPolicy<Filter>): Decide {
  return async (principal, action, resource, context) => {
    const { rowFilter, ...decision } = await policy.decide(principal, action, resource, context);
    return { ...decision, where: (fields, table) => policy.compileRowFilter(rowFilter, { fields, table }) };
  };
}
