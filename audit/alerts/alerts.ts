import type { Tx } from '../../db/index.ts';
import { notFound, type AuditSink, type Clock, type Principal } from '../../kernel/index.ts';
import { alertChanged, networksReplaced } from './events.ts';
import type { Network } from './places.ts';
import type { Severity } from './rule.ts';
import {
  countAlerts,
  deleteNetworks,
  insertNetworks,
  selectAlert,
  selectAlerts,
  selectNetworks,
  updateAlert,
} from './store.ts';

/** What somebody made of an alert. */
export type AlertState = 'open' | 'acknowledged' | 'closed';
/** What a rule found, and what became of it. */
export type Alert = {
  readonly id: string;
  readonly ruleId: string;
  readonly ruleName: string;
  readonly kind: string;
  readonly severity: Severity;
  readonly key: string;
  readonly at: Date;
  readonly seqs: readonly number[];
  readonly events: number;
  readonly note: string | null;
  readonly state: AlertState;
  readonly raisedAt: Date;
  readonly changedBy: string | null;
  readonly changedAt: Date | null;
};
/** How many there are. */
export type AlertCounts = {
  readonly open: number;
  /** Open ones of high or critical severity. */
  readonly urgent: number;
  /** Alerts whose mails were not handed over yet. */
  readonly mails: number;
  /** Those among them that failed three times. */
  readonly failedMails: number;
};

/** Alerts of a tenant. */
export type Alerts = {
  /** Newest first. */
  readonly list: (
    tx: Tx,
    page: {
      readonly state: AlertState | null;
      readonly ruleId: string | null;
      readonly before: string | null;
      readonly limit: number;
    },
  ) => Promise<readonly Alert[]>;
  /** @throws ERR_NOT_FOUND */
  readonly get: (tx: Tx, id: string) => Promise<Alert>;
  readonly change: (tx: Tx, actor: Principal, id: string, state: AlertState) => Promise<Alert>;
  readonly count: (tx: Tx) => Promise<AlertCounts>;
  readonly networks: (tx: Tx) => Promise<readonly Network[]>;
  readonly replaceNetworks: (tx: Tx, actor: Principal, networks: readonly Network[]) => Promise<void>;
};

/** Makes the part. */
export function createAlerts(deps: { readonly audit: () => AuditSink<Tx>; readonly clock: Clock }): Alerts {
  const get = async (tx: Tx, id: string): Promise<Alert> => {
    const { rows } = await tx.query<Alert>(selectAlert, [id]);
    if (rows[0] === undefined) throw notFound('alert', id);
    return rows[0];
  };
  return Object.freeze({
    get,
    list: async (tx: Tx, { state, ruleId, before, limit }) =>
      (await tx.query<Alert>(selectAlerts, [state, ruleId, before, limit])).rows,
    change: async (tx: Tx, actor: Principal, id: string, state: AlertState) => {
      const before = await get(tx, id);
      if (before.state === state) return before;
      await tx.query(updateAlert, [id, state, actor.id, deps.clock.now()]);
      await deps.audit().append(tx, {
        definition: alertChanged,
        tenantId: tx.tenantId,
        outcome: 'success',
        actor,
        targets: [{ type: 'audit.alert', id }],
        detail: { alertId: id, ruleId: before.ruleId, state },
      });
      return get(tx, id);
    },
    count: async (tx: Tx) =>
      (await tx.query<AlertCounts>(countAlerts)).rows[0] ?? { open: 0, urgent: 0, mails: 0, failedMails: 0 },
    networks: async (tx: Tx) => (await tx.query<Network>(selectNetworks)).rows,
    replaceNetworks: async (tx: Tx, actor: Principal, networks: readonly Network[]) => {
      await tx.query(deleteNetworks);
      await tx.query(insertNetworks, [
        networks.map(({ network }) => network),
        networks.map(({ place }) => place),
        networks.map(({ latitude }) => latitude),
        networks.map(({ longitude }) => longitude),
      ]);
      await deps.audit().append(tx, {
        definition: networksReplaced,
        tenantId: tx.tenantId,
        outcome: 'success',
        actor,
        detail: { networks: networks.length },
      });
    },
  } satisfies Alerts);
}
