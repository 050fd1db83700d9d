import { AsyncLocalStorage } from 'node:async_hooks';
import type { Tx } from '../../db/index.ts';
import {
  platformTenantId,
  type AuditSink,
  type Clock,
  type Logger,
  type TenantId,
} from '../../kernel/index.ts';
import { providerCalled } from './events.ts';
import type { CallReport } from './guarded-provider.ts';

/** Writes one event for every call to a provider. */
export type CallRecorder = {
  /** Never throws and never waits: the call that is reported must not be lost with its record. */
  readonly report: (report: CallReport) => void;
  /** Resolves when everything reported so far is recorded, or logged as not recordable. */
  readonly flush: () => Promise<void>;
  /** Records nothing more. */
  readonly stop: () => void;
};

/** What the part needs. */
export type CallRecorderDeps = {
  readonly audit: () => AuditSink<Tx>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether the tenant's key is at hand, so that recording needs no call of its own. */
  readonly holdsKey: (tenantId: TenantId) => boolean;
};

type Waiting = { readonly report: CallReport; readonly depth: number; readonly since: number };

const pauseMilliseconds = 500;
/** The transaction that asked for the key has committed by then, or never will. */
const patienceMilliseconds = 10_000;
const maxWaiting = 2_000;
/** Recording may itself need a key; the call for that is recorded too, the one for recording that only logged. */
const maxDepth = 1;

/**
 * Makes the part. The log needs keys for itself, so events are written after the call, outside its transaction, once the
 * tenant's key is cached. What a tenant's own log cannot take, because its provider refuses, goes to the platform's.
 */
export function createCallRecorder(deps: CallRecorderDeps): CallRecorder {
  const depths = new AsyncLocalStorage<number>();
  let waiting: Waiting[] = [];
  let stopped = false;
  let timer: NodeJS.Timeout | null = null;
  let running = Promise.resolve();
  const now = (): number => deps.clock.now().getTime();
  const isDue = ({ report, since }: Waiting): boolean =>
    deps.holdsKey(report.tenantId) || now() - since >= patienceMilliseconds;
  const write = (condition: (entry: Waiting) => boolean): Promise<void> => {
    const due = waiting.filter(condition);
    waiting = waiting.filter((entry) => !due.includes(entry));
    running = running.then(async () => {
      for (const { report, depth } of due) await depths.run(depth + 1, () => record(deps, report));
    });
    return running;
  };
  const disarm = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
  };
  const arm = (): void => {
    if (stopped || timer !== null || waiting.length === 0) return;
    timer = setTimeout(() => {
      timer = null;
      void write(isDue).then(arm);
    }, pauseMilliseconds);
    timer.unref();
  };
  return Object.freeze({
    report: (report: CallReport) => {
      const depth = depths.getStore() ?? 0;
      if (depth > maxDepth) return deps.logger.debug('a call to record a call to a root provider', report);
      if (waiting.length >= maxWaiting)
        return deps.logger.error('a call to a root provider is not recorded: too many wait', report);
      waiting.push({ report, depth, since: now() });
      depths.exit(arm);
    },
    flush: async () => {
      disarm();
      // Recording may report calls of its own, at most as deep as is counted above.
      for (let round = 0; round <= maxDepth + 1; round += 1) await write(() => true);
    },
    stop: () => {
      stopped = true;
      disarm();
    },
  });
}

/** A failure may have taken away the keys of the tenant's own log; then the platform's says it. */
async function record(deps: CallRecorderDeps, report: CallReport): Promise<void> {
  const own = report.outcome === 'success' || deps.holdsKey(report.tenantId);
  const logs = own ? [report.tenantId, platformTenantId] : [platformTenantId];
  for (const tenantId of new Set(logs)) {
    try {
      return await deps.audit().record(eventOf(report, tenantId));
    } catch (error) {
      deps.logger.error('a call to a root provider could not be recorded', {
        ...report,
        log: tenantId,
        error,
      });
    }
  }
}

function eventOf(report: CallReport, log: TenantId): Parameters<AuditSink<Tx>['record']>[0] {
  const { tenantId, outcome, provider, operation, epoch, attempts, milliseconds } = report;
  const elsewhere = log === tenantId ? [] : [{ type: 'tenant', id: tenantId }];
  return {
    definition: providerCalled,
    tenantId: log,
    outcome: outcome === 'success' ? 'success' : 'failure',
    ...(outcome === 'success' ? {} : { reason: outcome }),
    actor: { kind: 'system', id: 'crypto', displayName: 'crypto' },
    targets: [{ type: 'crypto.tenant_key', id: String(epoch) }, ...elsewhere],
    detail: { provider, operation, epoch, outcome, attempts, milliseconds },
  };
}
