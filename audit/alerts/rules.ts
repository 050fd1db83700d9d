import { exactlyOne, type Tx } from '../../db/index.ts';
import {
  invalidRequest,
  notFound,
  parseSubjectId,
  type AuditSink,
  type Clock,
  type NewId,
  type Principal,
  type TenantId,
} from '../../kernel/index.ts';
import type { AuditCrypto } from '../crypto-need.ts';
import { auditError } from '../errors.ts';
import { selectLogSize } from '../sinks/store.ts';
import { ruleChanged } from './events.ts';
import type { StoredRuleState } from './rule-state.ts';
import { digestOf, ruleDefinitionSchema, type RuleDefinition, type Severity } from './rule.ts';
import {
  countRules,
  countSubscribers,
  deleteRule,
  deleteSubscriber,
  insertAlertCursor,
  insertRule,
  lockAlertCursor,
  selectNamesake,
  selectRule,
  selectRules,
  switchRule,
  updateRule,
  upsertSubscriber,
} from './store.ts';

/** A rule as it is stored. */
export type RuleRow = {
  readonly id: string;
  readonly name: string;
  readonly severity: Severity;
  readonly definition: RuleDefinition;
  readonly enabled: boolean;
  readonly sinceSeq: number | null;
  readonly sinceAt: Date | null;
  readonly state: StoredRuleState | null;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly changedAt: Date;
  /** When exactly this definition was last back-tested to the end. */
  readonly testedAt: Date | null;
};
/** What a rule is made of. */
export type RuleInput = Pick<RuleRow, 'name' | 'severity' | 'definition'>;
/** Who changes rules. */
export type RuleActor = Parameters<AuditSink<Tx>['append']>[1]['actor'];

/** Who tries rules, of which tenant. */
export type TenantActor = RuleActor & { readonly tenantId: TenantId };

/** Rules of a tenant. Every change is recorded. */
export type AlertRules = {
  readonly list: (tx: Tx) => Promise<readonly RuleRow[]>;
  /** @throws ERR_NOT_FOUND */
  readonly get: (tx: Tx, id: string) => Promise<RuleRow>;
  /** Switched off. @throws ERR_AUDIT_RULE_EXISTS, ERR_AUDIT_TOO_MANY_RULES */
  readonly create: (tx: Tx, actor: RuleActor, input: RuleInput) => Promise<RuleRow>;
  /** Another definition switches the rule off: it has to be back-tested. @throws ERR_NOT_FOUND, ERR_AUDIT_RULE_EXISTS */
  readonly replace: (tx: Tx, actor: RuleActor, id: string, input: RuleInput) => Promise<RuleRow>;
  /** Counts from the end of the log on. @throws ERR_AUDIT_RULE_UNTESTED, ERR_AUDIT_TOO_MANY_RULES */
  readonly enable: (tx: Tx, actor: RuleActor, id: string) => Promise<RuleRow>;
  /** Forgets what it remembered. */
  readonly disable: (tx: Tx, actor: RuleActor, id: string) => Promise<RuleRow>;
  readonly remove: (tx: Tx, actor: RuleActor, id: string) => Promise<void>;
  /** Mails about its alerts go to the caller's own address, sealed under the caller's own key. */
  readonly subscribe: (tx: Tx, actor: Principal, id: string) => Promise<void>;
  readonly unsubscribe: (tx: Tx, actor: Principal, id: string) => Promise<void>;
};

/** What the part needs. */
export type AlertRulesDeps = {
  readonly audit: () => AuditSink<Tx>;
  readonly crypto: Pick<AuditCrypto, 'seal'>;
  readonly clock: Clock;
  readonly newId: NewId;
};

/** Rules of one tenant, and those of them that are at work. */
export const maxRules = 200;
/** @see maxRules */
export const maxEnabledRules = 100;
const maxSubscribers = 100;

/** Where a subscriber's address is sealed. */
export const subscriberContext = (ruleId: string) =>
  ({
    service: 'audit',
    collection: 'alert_subscriber',
    field: 'recipient',
    rowId: ruleId,
    purpose: 'subject',
  }) as const;

/** Makes the part. */
export function createAlertRules(deps: AlertRulesDeps): AlertRules {
  const { clock } = deps;
  const recorded = async (tx: Tx, actor: RuleActor, id: string, change: Change): Promise<RuleRow> => {
    const rule = await getRule(tx, id);
    await record(deps, tx, actor, rule, change);
    return rule;
  };
  return Object.freeze({
    list: async (tx: Tx) => (await tx.query<RuleRow>(selectRules)).rows.map(parseRow),
    get: getRule,
    create: async (tx: Tx, actor: RuleActor, { name, severity, definition }: RuleInput) => {
      await requireRoom(tx, 'rules', maxRules);
      const id = deps.newId();
      const values = [
        id,
        name,
        severity,
        JSON.stringify(definition),
        digestOf(definition),
        actor.id,
        clock.now(),
      ];
      const { rowCount } = await tx.query(insertRule, values);
      if (rowCount === 0) throw exists(name);
      return recorded(tx, actor, id, 'created');
    },
    replace: async (tx: Tx, actor: RuleActor, id: string, { name, severity, definition }: RuleInput) => {
      await lockCursor(tx);
      await getRule(tx, id);
      if ((await tx.query(selectNamesake, [name, id])).rows.length > 0) throw exists(name);
      const values = [id, name, severity, JSON.stringify(definition), digestOf(definition), clock.now()];
      await tx.query(updateRule, values);
      return recorded(tx, actor, id, 'replaced');
    },
    enable: (tx: Tx, actor: RuleActor, id: string) => enable(deps, tx, actor, id),
    disable: async (tx: Tx, actor: RuleActor, id: string) => {
      await lockCursor(tx);
      const rule = await getRule(tx, id);
      if (!rule.enabled) return rule;
      await tx.query(switchRule, [id, null, null, clock.now()]);
      return recorded(tx, actor, id, 'disabled');
    },
    remove: async (tx: Tx, actor: RuleActor, id: string) => {
      await lockCursor(tx);
      const rule = await getRule(tx, id);
      await tx.query(deleteRule, [id]);
      await record(deps, tx, actor, rule, 'removed');
    },
    subscribe: (tx: Tx, actor: Principal, id: string) => subscribe(deps, tx, actor, id),
    unsubscribe: async (tx: Tx, actor: Principal, id: string) => {
      const rule = await getRule(tx, id);
      const { rowCount } = await tx.query(deleteSubscriber, [id, actor.id]);
      if (rowCount > 0) await record(deps, tx, actor, rule, 'unsubscribed');
    },
  } satisfies AlertRules);
}

type Change = 'created' | 'replaced' | 'enabled' | 'disabled' | 'removed' | 'subscribed' | 'unsubscribed';

const exists = (name: string): Error =>
  auditError('ERR_AUDIT_RULE_EXISTS', `a rule named "${name}" exists already; choose another name`);

/** Definitions of older versions are completed with today's defaults. */
const parseRow = (row: RuleRow): RuleRow => ({
  ...row,
  definition: ruleDefinitionSchema.parse(row.definition),
});

async function getRule(tx: Tx, id: string): Promise<RuleRow> {
  const { rows } = await tx.query<RuleRow>(selectRule, [id]);
  if (rows[0] === undefined) throw notFound('rule', id);
  return parseRow(rows[0]);
}

/** The follower must not be in the middle of a rule that changes. */
async function lockCursor(tx: Tx): Promise<void> {
  await tx.query(insertAlertCursor);
  await tx.query(lockAlertCursor);
}

async function requireRoom(tx: Tx, what: 'rules' | 'enabled', most: number): Promise<void> {
  const counts = exactlyOne(await tx.query<{ rules: number; enabled: number }>(countRules), 'count');
  if (counts[what] >= most)
    throw auditError(
      'ERR_AUDIT_TOO_MANY_RULES',
      what === 'rules'
        ? `a tenant has at most ${most} rules; remove one`
        : `at most ${most} rules are at work at once; switch one off`,
    );
}

async function enable(deps: AlertRulesDeps, tx: Tx, actor: RuleActor, id: string): Promise<RuleRow> {
  await lockCursor(tx);
  const rule = await getRule(tx, id);
  if (rule.enabled) return rule;
  if (rule.testedAt === null)
    throw auditError(
      'ERR_AUDIT_RULE_UNTESTED',
      `the rule "${rule.name}" as it is now was never back-tested to the end; do that first and look at what it would have raised`,
    );
  await requireRoom(tx, 'enabled', maxEnabledRules);
  const { size } = exactlyOne(await tx.query<{ size: number }>(selectLogSize), 'size');
  const now = deps.clock.now();
  await tx.query(switchRule, [id, size, now, now]);
  const enabled = await getRule(tx, id);
  await record(deps, tx, actor, enabled, 'enabled');
  return enabled;
}

async function subscribe(deps: AlertRulesDeps, tx: Tx, actor: Principal, id: string): Promise<void> {
  if (actor.kind !== 'user' || actor.email === null)
    throw invalidRequest('mails go to the address of the caller; your account has none');
  const rule = await getRule(tx, id);
  const { count } = exactlyOne(await tx.query<{ count: number }>(countSubscribers, [id]), 'count');
  if (count >= maxSubscribers) throw invalidRequest(`at most ${maxSubscribers} people get mails of a rule`);
  const scope = { kind: 'subject', subjectId: parseSubjectId(actor.id) } as const;
  const sealed = await deps.crypto.seal(tx, scope, subscriberContext(id), Buffer.from(actor.email, 'utf8'));
  await tx.query(upsertSubscriber, [id, actor.id, sealed]);
  await record(deps, tx, actor, rule, 'subscribed');
}

async function record(
  { audit }: AlertRulesDeps,
  tx: Tx,
  actor: RuleActor,
  { id, definition }: RuleRow,
  change: Change,
): Promise<void> {
  await audit().append(tx, {
    definition: ruleChanged,
    tenantId: tx.tenantId,
    outcome: 'success',
    actor,
    targets: [{ type: 'audit.alert_rule', id }],
    detail: { ruleId: id, change, kind: definition.kind, digest: digestOf(definition).toString('hex') },
  });
}
