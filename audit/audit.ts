import {
  notFound,
  platformTenantId,
  type AddressRules,
  type AuditSink,
  type Clock,
  type EventDefinition,
  type Logger,
  type NewId,
  type RandomBytes,
  type TenantId,
} from '../kernel/index.ts';
import type { Executors } from '../crypto/index.ts';
import type { Database, Tx } from '../db/index.ts';
import type { Readable } from 'node:stream';
import { createAlerting, type Alerting } from './alerts/alerting.ts';
import { createReadHealth, type LogHealth } from './health/read-health.ts';
import { createLogVerifier, type LogVerifier } from './health/verify-logs.ts';
import { createEventChecker } from './check-event.ts';
import type { AuditCrypto } from './crypto-need.ts';
import { auditEvents, rollbackDetected } from './events.ts';
import { createEvidencePack, type EvidenceRange } from './evidence.ts';
import { createHolds, type Holds } from './keeping/holds.ts';
import { createPruning, type Pruning } from './keeping/prune.ts';
import { changeRetention, readMinimumIndex, readRetention } from './keeping/retention.ts';
import { createLogDirectory, type LogInfo } from './log-directory.ts';
import { createLogReader, type LogReader } from './log-reader.ts';
import { listEventTypes, type EventType } from './ocsf/event-types.ts';
import { createToOcsf, type ToOcsf } from './ocsf/to-ocsf.ts';
import { openGroups, type OpenedGroups } from './open-groups.ts';
import { createPlatformLog, type PlatformLog } from './platform/platform-log.ts';
import { createPublishedLog, type PublishedLog } from './published-log.ts';
import { createQuantumSignatures } from './quantum-signatures.ts';
import { createRecorder } from './recorder.ts';
import { createGroupSealer } from './sealed-groups.ts';
import { createSequencer, type SequencerHealth } from './sequencer.ts';
import { readBlastRadius } from './search/blast-radius.ts';
import { createProjector, type Projector } from './search/projector.ts';
import { followLog, type TailQuery } from './search/tail.ts';
import { readTimeline } from './search/timeline.ts';
import { createSinkSealer } from './sinks/sink-secrets.ts';
import { createSinks, type Sinks } from './sinks/sinks.ts';
import { createIntents, type Intents } from './intents/intents.ts';
import { createSpool, type Spool } from './spool/spool.ts';
import type { SpoolLimits } from './spool/spool-file.ts';
import { countPending } from './store-sequencer.ts';
import { createTrail, type Trail } from './trail.ts';
import type { WitnessPolicy } from './witness/policy.ts';
import { createWitnessClient, type Contradiction, type WitnessClient } from './witness/witness-client.ts';
import { createWriteGuard } from './write-guard.ts';
import { createViewEntries } from './view-entries.ts';
import { createViewDelivery, type SendViewMail } from './views/deliver-views.ts';
import { createSavedViews, type SavedViews } from './views/saved-views.ts';

/** What happened: one verifiable log per tenant. */
export type Audit = AuditSink<Tx> &
  Trail &
  Omit<LogReader, 'checkpoint' | 'tile'> &
  PublishedLog & {
    /** The log of the tenants' checkpoints. */
    readonly platform: PlatformLog;
    /** Who cosigns it. */
    readonly witnesses: WitnessClient;
    /** As `record`, for many; not all-or-nothing. */
    readonly recordMany: (events: readonly Parameters<AuditSink<Tx>['record']>[0][]) => Promise<void>;
    /** A zip of a run of events that verifies offline; `to` defaults to the newest checkpoint. */
    readonly evidence: (
      tenantId: TenantId,
      from: number,
      to?: number,
    ) => Promise<{ readonly range: EvidenceRange; readonly zip: Readable }>;
    /** Makes sure the tenant's log and keys are at hand; call it before BEGIN. */
    readonly prepare: (tenantId: TenantId) => Promise<LogInfo>;
    /** Opens the groups behind some commitments (hex), for verification. */
    readonly openCommitments: (tx: Tx, commitments: readonly string[]) => Promise<OpenedGroups>;
    /** The tenant's log, made when it has none. */
    readonly ensureLog: (tenantId: TenantId) => Promise<LogInfo>;
    /** The tenant's log, or null. */
    readonly logInfo: (tenantId: TenantId) => Promise<LogInfo | null>;
    /** Resolves when everything committed so far is in the log. */
    readonly flush: () => Promise<void>;
    /** Asks the witnesses, begins to listen and takes up what an earlier process left. */
    readonly start: () => Promise<void>;
    /** Writes what is queued, then refuses more. */
    readonly stop: () => Promise<void>;
    readonly health: () => SequencerHealth;
    /** Every type of event that can stand in a log. */
    readonly eventTypes: readonly EventType[];
    readonly toOcsf: ToOcsf;
    /** Receivers of the trail outside the house. */
    readonly sinks: Sinks;
    /** Reads while the log cannot be written. */
    readonly spool: Spool;
    /** Effects outside the house: before, after, and those of which nobody said how they went. */
    readonly intent: Intents['intent'];
    readonly outcome: Intents['outcome'];
    readonly intents: Pick<Intents, 'findOrphans' | 'orphans'>;
    /** What must be kept. */
    readonly holds: Holds;
    /** How long entries are kept, and letting go of them. */
    readonly pruning: Pruning;
    readonly retention: typeof readRetention;
    readonly minimumIndex: typeof readMinimumIndex;
    /** What two people may decide here. */
    readonly executors: Executors;
    /** Searches that people keep. */
    readonly views: SavedViews;
    /** Delivers the views that are due. @returns how many */
    readonly deliverViews: () => Promise<number>;
    /** Rules over the trail and what they find. */
    readonly alerting: Alerting;
    /** Full verification from time to time. */
    readonly verifier: LogVerifier;
    /** How a tenant's log is doing. */
    readonly logHealth: (tenantId: TenantId) => Promise<LogHealth>;
    /** Follows the logs for search by words. */
    readonly projector: Projector;
    /** Brings search by words up to the end of a log, unless it lags far behind. */
    readonly project: (tenantId: TenantId) => Promise<number>;
    /** Server-sent events of a log. */
    readonly follow: (query: TailQuery) => AsyncGenerator<string>;
    readonly timeline: typeof readTimeline;
    readonly blastRadius: typeof readBlastRadius;
  };

/** What it is made of. */
export type AuditDeps = {
  readonly database: Database;
  readonly crypto: AuditCrypto;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly randomBytes: RandomBytes;
  readonly logger: Logger;
  /** Schemeless URL of the logs without trailing slash, e.g. `gatehouse.example/log`. */
  readonly originPrefix: string;
  /** Every event that rooms may record; this room's own are added. */
  readonly definitions: readonly EventDefinition[];
  /** Who must cosign the platform log; default nobody. */
  readonly witnessPolicy?: WitnessPolicy | null;
  /** The version that exported events name; default `0`. */
  readonly productVersion?: string;
  /** Hands mails of scheduled views to the mail system; default: none is delivered. */
  readonly sendMail?: SendViewMail;
  /** Origin of the console, for links in mails. */
  readonly publicUrl?: string;
  /** Where receivers of the trail may stand; default: in the public internet only. */
  readonly addressRules?: AddressRules;
  /** Entries that may wait before callers are refused; default 8,192. */
  readonly maxQueued?: number;
  /** Folder for records of reads while the log cannot be written; absent: such reads are always refused. */
  readonly spoolFolder?: string;
  readonly spoolLimits?: SpoolLimits;
  /** How long an effect outside the house may take before it is an orphan; default 15 minutes. */
  readonly orphanMilliseconds?: number;
  /** Entries that one transaction of pruning looks at; default 8,192. */
  readonly pruneBatchEntries?: number;
  /** How long `record` waits for the signed checkpoint before it fails closed; default 10,000. */
  readonly confirmMilliseconds?: number;
};

const foreignWakeMilliseconds = 50;
const pollMilliseconds = 200;
const flushPollMilliseconds = 10;
/** More than this is left to the projector: a reader does not wait for a rebuild. */
const maxProjectedByReader = 5_000;

/** Opens the log of every tenant. Call `start()` before use and `stop()` at the end. */
export function createAudit(deps: AuditDeps): Audit {
  const { database, crypto, clock, logger, originPrefix } = deps;
  if (!/^[a-z0-9.:-]+(\/[A-Za-z0-9._-]+)*$/.test(originPrefix))
    throw new RangeError(`"${originPrefix}" is not a schemeless URL without trailing slash`);
  const definitions = [
    ...deps.definitions.filter((definition) => !auditEvents.includes(definition)),
    ...auditEvents,
  ];
  const directory = createLogDirectory(deps);
  const guard = createWriteGuard();
  const sequencer = createSequencer({
    database,
    directory,
    clock,
    logger,
    guard,
    ...(deps.maxQueued === undefined ? {} : { maxQueued: deps.maxQueued }),
  });
  const reader = createLogReader(database, directory);
  const groups = createGroupSealer(deps);
  const recorder = createRecorder({
    database,
    crypto,
    clock,
    newId: deps.newId,
    check: createEventChecker(definitions),
    groups,
    sequencer,
    ...(deps.confirmMilliseconds === undefined ? {} : { confirmMilliseconds: deps.confirmMilliseconds }),
  });
  const platform = createPlatformLog({ ...deps, guard });
  const witnesses = createWitnessClient({
    database,
    clock,
    logger,
    platform,
    guard,
    policy: deps.witnessPolicy ?? null,
    noteOf: platform.noteOf,
    alarm: (contradiction) => recordRollback(deps, recorder, contradiction),
  });
  const quantum = createQuantumSignatures(deps);
  const published = createPublishedLog({ database, directory, reader, platform, quantum, witnesses });
  const pending = async (): Promise<number> =>
    database.withSequencer(
      async (tx) => (await tx.query<{ count: number }>(countPending)).rows[0]?.count ?? 0,
    );
  const toOcsf = createToOcsf(definitions);
  const sinks = createSinks({
    ...deps,
    audit: () => recorder,
    toOcsf,
    view: createViewEntries(crypto, definitions),
    sealer: createSinkSealer(crypto),
    productVersion: deps.productVersion ?? '0',
    rules: deps.addressRules ?? { development: false, allowPrivate: false },
  });
  const trail = createTrail(crypto, definitions);
  const projector = createProjector({ database, logger });
  const project = (tenantId: TenantId): Promise<number> => projector.catchUp(tenantId, maxProjectedByReader);
  const intents = createIntents({ ...deps, audit: () => recorder });
  const deliverViews = createViewDelivery({
    ...deps,
    project,
    intents,
    send: deps.sendMail ?? (() => Promise.reject(new Error('no mail system was given'))),
    publicUrl: deps.publicUrl ?? '',
  });
  const holds = createHolds({ ...deps, audit: () => recorder });
  const alerting = createAlerting({
    ...deps,
    audit: () => recorder,
    send: deps.sendMail ?? (() => Promise.reject(new Error('no mail system was given'))),
    publicUrl: deps.publicUrl ?? '',
  });
  const spool = createSpool({ ...deps, recorder, definitions });
  const pruning = createPruning({ ...deps, audit: () => recorder });
  const life = createWakeUps(database, sequencer.wake);
  return Object.freeze({
    ...recorder,
    record: spool.record,
    spool,
    intent: intents.intent,
    outcome: intents.outcome,
    intents,
    ...trail,
    ...reader,
    ...published,
    platform,
    witnesses,
    evidence: async (tenantId: TenantId, from: number, to?: number) => {
      const log = await directory.ensure(tenantId);
      const head = await database.withTenant(tenantId, reader.head, { readOnly: true });
      if (head === null) throw notFound('log', log.logId);
      const checkpoint = { ...head, note: await published.signedTwice(log, head.note) };
      const vkeys = await published.keysOf(log);
      const minimumIndex = await database.withTenant(tenantId, readMinimumIndex, { readOnly: true });
      const range = { log, vkeys, checkpoint, from, to: to ?? checkpoint.size, minimumIndex };
      return { range, zip: await createEvidencePack({ database, crypto, clock }, range) };
    },
    prepare: async (tenantId: TenantId) => {
      await crypto.warm(tenantId);
      return directory.ensure(tenantId);
    },
    openCommitments: (tx: Tx, commitments: readonly string[]) => openGroups(tx, crypto, commitments),
    ensureLog: directory.ensure,
    logInfo: directory.byTenant,
    flush: async () => {
      for (;;) {
        sequencer.wake();
        await sequencer.idle();
        if ((await pending()) === 0) return;
        await new Promise((wake) => setTimeout(wake, flushPollMilliseconds));
      }
    },
    start: async () => {
      await witnesses.lookBeforeWriting();
      await life.start();
    },
    stop: async () => {
      life.stop();
      await sinks.worker.settle();
      await spool.stop();
      await sequencer.stop();
    },
    health: sequencer.health,
    eventTypes: listEventTypes(definitions),
    toOcsf,
    sinks,
    holds,
    pruning,
    retention: readRetention,
    minimumIndex: readMinimumIndex,
    executors: Object.freeze({
      'audit.release_hold': holds.release,
      'audit.change_retention': (approved) =>
        changeRetention({ database, clock, audit: () => recorder }, approved),
      'audit.prune': pruning.begin,
    } satisfies Executors),
    views: createSavedViews(deps),
    deliverViews,
    alerting,
    verifier: createLogVerifier({ ...deps, audit: () => recorder }),
    logHealth: createReadHealth({
      ...deps,
      sequencerHealth: sequencer.health,
      witnesses,
      sinks,
      alerts: alerting.alerts,
    }),
    projector,
    project,
    follow: (query: TailQuery) => followLog({ database, view: trail.view, project }, query),
    timeline: readTimeline,
    blastRadius: readBlastRadius,
  });
}

/**
 * Leaves the alarm where the log will take it up: while the log is halted it waits among the pending events, and it is
 * there for whoever looks.
 */
async function recordRollback(
  { database, crypto }: AuditDeps,
  recorder: AuditSink<Tx>,
  { witness, kind, size, witnessSize }: Contradiction,
): Promise<void> {
  await crypto.warm(platformTenantId);
  await database.withTenant(platformTenantId, (tx) =>
    recorder.append(tx, {
      definition: rollbackDetected,
      tenantId: platformTenantId,
      outcome: 'failure',
      actor: { kind: 'system', id: 'audit.witnesses', displayName: 'Witnesses' },
      detail: { witness, kind, size, witnessSize },
      idempotencyKey: `rollback ${witness} ${witnessSize} ${size}`,
    }),
  );
}

/** NOTIFY from other processes, and a slow look around for what a dead one left. */
function createWakeUps(
  database: Database,
  wake: () => void,
): { readonly start: () => Promise<void>; readonly stop: () => void } {
  let unsubscribe: (() => void) | null = null;
  let poll: NodeJS.Timeout | null = null;
  let soon: NodeJS.Timeout | null = null;
  return {
    start: async () => {
      if (poll !== null) return;
      poll = setInterval(wake, pollMilliseconds).unref();
      unsubscribe = await database.listener.subscribe('audit_pending', () => {
        // The process that appended is already at it; the others give it a moment.
        soon ??= setTimeout(() => {
          soon = null;
          wake();
        }, foreignWakeMilliseconds).unref();
      });
      wake();
    },
    stop: () => {
      unsubscribe?.();
      if (poll !== null) clearInterval(poll);
      if (soon !== null) clearTimeout(soon);
      poll = null;
    },
  };
}
