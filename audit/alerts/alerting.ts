import { createAlerts, type Alerts } from './alerts.ts';
import { runBacktest, type BacktestDeps, type BacktestLine, type BacktestQuery } from './backtest.ts';
import { createAlertMails, type AlertMailDeps } from './deliver-alerts.ts';
import { createAlertFollower, type AlertFollower, type AlertFollowerDeps } from './follower.ts';
import { createAlertRules, type AlertRules, type AlertRulesDeps, type TenantActor } from './rules.ts';
import { ruleTemplates, type RuleTemplate } from './templates.ts';

/** Rules over the trail and what they find. */
export type Alerting = {
  readonly rules: AlertRules;
  readonly alerts: Alerts;
  readonly templates: readonly RuleTemplate[];
  /** Shows the logs to the enabled rules. */
  readonly follower: AlertFollower;
  /** Tries a rule on history, line by line. @throws ERR_INVALID_REQUEST for a range that is too long */
  readonly backtest: (actor: TenantActor, query: BacktestQuery) => AsyncGenerator<BacktestLine>;
  /** Hands over the mails that are due. @returns alerts told of */
  readonly deliverMails: () => Promise<number>;
};

/** What it is made of. */
export type AlertingDeps = AlertFollowerDeps & AlertMailDeps & AlertRulesDeps & BacktestDeps;

/** Makes the part. */
export function createAlerting(deps: AlertingDeps): Alerting {
  return Object.freeze({
    rules: createAlertRules(deps),
    alerts: createAlerts(deps),
    templates: ruleTemplates,
    follower: createAlertFollower(deps),
    backtest: (actor: TenantActor, query: BacktestQuery) => runBacktest(deps, actor, query),
    deliverMails: createAlertMails(deps),
  });
}
