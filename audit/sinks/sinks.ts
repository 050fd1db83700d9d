import { exactlyOne, type Tx } from '../../db/index.ts';
import { invalidRequest, notFound, type NewId, type Principal, type TenantId } from '../../kernel/index.ts';
import { auditError } from '../errors.ts';
import type { SinkConfiguration, SinkFilter, SinkSecrets } from './configuration.ts';
import { sinkChanged, sinkCreated, sinkRemoved } from './events.ts';
import { failingAfterAttempts, type RunSinkDeps } from './run-sink.ts';
import { createSinkWorker, type SinkWorker } from './sink-worker.ts';
import {
  deleteSink,
  insertSink,
  selectDeadLetters,
  selectLogSize,
  selectSink,
  selectSinks,
  updateSink,
  updateSinkSecrets,
} from './store.ts';
import { testSink, type SinkTrial } from './test-sink.ts';

/** A receiver as it is shown. */
export type SinkView = {
  readonly id: string;
  readonly name: string;
  readonly configuration: SinkConfiguration;
  readonly filter: SinkFilter;
  readonly personalData: boolean;
  /** `failing` after three attempts in a row. */
  readonly state: 'active' | 'paused' | 'failing';
  readonly cursor: number;
  /** Entries between the cursor and the end of the log. */
  readonly lag: number;
  /** When the oldest of these was recorded; null when there is none. */
  readonly waitingSince: Date | null;
  readonly delivered: number;
  readonly deadLetters: number;
  readonly attempts: number;
  readonly nextAttemptAt: Date;
  readonly lastError: string | null;
  readonly lastDeliveredAt: Date | null;
  readonly createdAt: Date;
};

/** What a new receiver is made of. */
export type NewSink = {
  readonly name: string;
  readonly configuration: SinkConfiguration;
  readonly filter: SinkFilter;
  readonly secrets: SinkSecrets;
  readonly personalData: boolean;
  /** First event it gets; null: only what comes from now on. */
  readonly from: number | null;
};

/** A change of a receiver. */
export type SinkChange =
  | { readonly kind: 'paused' }
  | { readonly kind: 'resumed' }
  | { readonly kind: 'replayed'; readonly from: number }
  | { readonly kind: 'secrets'; readonly secrets: SinkSecrets };

/** One event that a receiver refused. */
export type DeadLetter = { readonly seq: number; readonly reason: string; readonly refusedAt: Date };

/** Receivers of the trail. */
export type Sinks = {
  /** @returns the view and, for a webhook, the signing secret, which is shown this once @throws ERR_CONFLICT */
  readonly create: (
    tx: Tx,
    actor: Principal,
    sink: NewSink,
  ) => Promise<{ readonly sink: SinkView; readonly signingSecret: string | null }>;
  readonly list: (tx: Tx) => Promise<readonly SinkView[]>;
  /** @throws ERR_NOT_FOUND */
  readonly get: (tx: Tx, id: string) => Promise<SinkView>;
  /** @throws ERR_NOT_FOUND */
  readonly change: (tx: Tx, actor: Principal, id: string, change: SinkChange) => Promise<SinkView>;
  readonly remove: (tx: Tx, actor: Principal, id: string) => Promise<void>;
  readonly deadLetters: (
    tx: Tx,
    id: string,
    page: { readonly after: number; readonly limit: number },
  ) => Promise<readonly DeadLetter[]>;
  /** Sends one made-up event past the cursor. @throws ERR_NOT_FOUND */
  readonly test: (tenantId: TenantId, actor: Principal, id: string) => Promise<SinkTrial>;
  readonly worker: SinkWorker;
};

/** What the part needs. */
export type SinksDeps = RunSinkDeps & { readonly newId: NewId; readonly productVersion: string };

type SinkRow = Omit<SinkView, 'state' | 'lag'> & {
  readonly state: 'active' | 'paused';
  readonly logSize: number;
};

/** Makes the part. */
export function createSinks(deps: SinksDeps): Sinks {
  const get = async (tx: Tx, id: string): Promise<SinkView> => {
    const { rows } = await tx.query<SinkRow>(selectSink, [id]);
    if (rows[0] === undefined) throw notFound('sink', id);
    return viewOf(rows[0]);
  };
  return Object.freeze({
    get,
    list: async (tx: Tx) => (await tx.query<SinkRow>(selectSinks)).rows.map(viewOf),
    create: (tx: Tx, actor: Principal, sink: NewSink) => create(deps, get, tx, actor, sink),
    change: (tx: Tx, actor: Principal, id: string, change: SinkChange) =>
      applyChange(deps, get, tx, actor, id, change),
    remove: async (tx: Tx, actor: Principal, id: string) => {
      const { cursor, configuration } = await get(tx, id);
      await tx.query(deleteSink, [id]);
      const detail = { sinkId: id, kind: configuration.kind, cursor };
      await deps.audit().append(tx, { definition: sinkRemoved, ...about(tx.tenantId, actor, id), detail });
    },
    deadLetters: async (tx: Tx, id: string, { after, limit }) => {
      await get(tx, id);
      return (await tx.query<DeadLetter>(selectDeadLetters, [id, after, limit])).rows;
    },
    test: (tenantId: TenantId, actor: Principal, sinkId: string) =>
      testSink(deps, { tenantId, actor, sinkId }),
    worker: createSinkWorker(deps),
  } satisfies Sinks);
}

async function create(
  deps: SinksDeps,
  get: Sinks['get'],
  tx: Tx,
  actor: Principal,
  sink: NewSink,
): Promise<{ readonly sink: SinkView; readonly signingSecret: string | null }> {
  const id = deps.newId();
  const isWebhook = sink.configuration.kind === 'webhook';
  const signingSecret = isWebhook
    ? (sink.secrets.signingSecret ?? `whsec_${deps.randomBytes(32).toString('base64')}`)
    : null;
  const secrets = signingSecret === null ? sink.secrets : { ...sink.secrets, signingSecret };
  requireSecrets(sink.configuration, secrets);
  const { size } = exactlyOne(await tx.query<{ size: number }>(selectLogSize), 'log');
  const from = Math.min(sink.from ?? size, size);
  const sealed = await deps.sealer.seal(tx, id, secrets);
  const { configuration, filter, personalData, name } = sink;
  const values = [
    id,
    name,
    JSON.stringify(configuration),
    JSON.stringify(filter),
    personalData,
    sealed,
    from,
  ];
  const { rowCount } = await tx.query(insertSink, [...values, deps.clock.now()]);
  if (rowCount === 0)
    throw auditError('ERR_AUDIT_SINK_EXISTS', `a sink named "${name}" exists already; choose another name`);
  const detail = { sinkId: id, kind: configuration.kind, from, personalData };
  await deps.audit().append(tx, { definition: sinkCreated, ...about(tx.tenantId, actor, id), detail });
  return { sink: await get(tx, id), signingSecret };
}

/** What a kind cannot work without is asked for now, not at the first delivery. */
function requireSecrets(configuration: SinkConfiguration, secrets: SinkSecrets): void {
  const missing = missingSecret(configuration, secrets);
  if (missing !== null)
    throw invalidRequest(`a sink of kind "${configuration.kind}" like this needs "secrets.${missing}"`);
}

function missingSecret(configuration: SinkConfiguration, secrets: SinkSecrets): keyof SinkSecrets | null {
  if (configuration.kind === 'syslog' && configuration.clientCertificatePem !== undefined)
    return secrets.clientKeyPem === undefined ? 'clientKeyPem' : null;
  if (configuration.kind === 'kafka' && configuration.saslMechanism !== undefined) {
    if (secrets.username === undefined) return 'username';
    return secrets.password === undefined ? 'password' : null;
  }
  if (configuration.kind === 's3') {
    if (secrets.accessKeyId === undefined) return 'accessKeyId';
    return secrets.secretAccessKey === undefined ? 'secretAccessKey' : null;
  }
  return null;
}

async function applyChange(
  deps: SinksDeps,
  get: Sinks['get'],
  tx: Tx,
  actor: Principal,
  id: string,
  change: SinkChange,
): Promise<SinkView> {
  const before = await get(tx, id);
  const kept = before.state === 'paused' ? 'paused' : 'active';
  const now = deps.clock.now();
  switch (change.kind) {
    case 'paused':
      await tx.query(updateSink, [id, 'paused', null, now]);
      break;
    case 'resumed':
      await tx.query(updateSink, [id, 'active', null, now]);
      break;
    case 'replayed':
      if (change.from > before.cursor + before.lag)
        throw invalidRequest(`"from" is ${change.from}, but the log ends at ${before.cursor + before.lag}`);
      await tx.query(updateSink, [id, kept, change.from, now]);
      break;
    case 'secrets':
      requireSecrets(before.configuration, change.secrets);
      await tx.query(updateSinkSecrets, [id, await deps.sealer.seal(tx, id, change.secrets)]);
      break;
  }
  const from = change.kind === 'replayed' ? { from: change.from } : {};
  const detail = { sinkId: id, kind: before.configuration.kind, change: change.kind, ...from };
  await deps.audit().append(tx, { definition: sinkChanged, ...about(tx.tenantId, actor, id), detail });
  return get(tx, id);
}

const about = (tenantId: TenantId, actor: Principal, id: string) =>
  ({ tenantId, actor, outcome: 'success', targets: [{ type: 'audit.sink', id }] }) as const;

function viewOf({ logSize, state, ...row }: SinkRow): SinkView {
  const failing = state === 'active' && row.attempts >= failingAfterAttempts;
  return { ...row, state: failing ? 'failing' : state, lag: Math.max(0, logSize - row.cursor) };
}
