import { platformTenantId, type Clock, type Logger } from '../../kernel/index.ts';
import type { Database } from '../../db/index.ts';
import type { PlatformLog } from '../platform/platform-log.ts';
import {
  insertCosignature,
  selectCosignatures,
  selectCosignedSizes,
  selectWitnessStates,
  upsertWitnessState,
} from '../store-cosignatures.ts';
import type { WriteGuard } from '../write-guard.ts';
import { cosignedBy, type PolicyWitness, type WitnessPolicy } from './policy.ts';
import { proveContradiction, type ProvenContradiction } from './prove-contradiction.ts';
import { submitCheckpoint, type SubmissionOutcome } from './submit-checkpoint.ts';

/** What a witness said last. */
export type WitnessState = {
  readonly witness: string;
  readonly size: number;
  readonly outcome: SubmissionOutcome['kind'];
  readonly detail: string;
  readonly askedAt: Date;
  readonly cosignedAt: Date | null;
};

/** How far the quorum of the policy has come. */
export type QuorumState = {
  /** `none`: no policy was given; `halted`: a witness contradicted us. */
  readonly state: 'none' | 'met' | 'behind' | 'halted';
  readonly detail: string;
  /** The platform log's newest size, and the newest one that a quorum cosigned. */
  readonly size: number;
  readonly witnessedSize: number;
  /** With the verifier key that the policy gives; null for a witness that is no longer in it. */
  readonly witnesses: readonly (WitnessState & { readonly vkey: string | null })[];
};

/** Collects cosignatures of the platform log. */
export type WitnessClient = {
  /** Submits the newest checkpoint to every witness that has not cosigned it. @returns how many cosigned now */
  readonly tick: () => Promise<number>;
  /** Asks every witness before the first signature of this process; a contradiction halts the log. */
  readonly lookBeforeWriting: () => Promise<void>;
  readonly quorum: () => Promise<QuorumState>;
  /** The newest checkpoint that satisfies the policy, with all its lines; null when there is none. */
  readonly witnessedCheckpoint: () => Promise<string | null>;
};

/** What it is made of. */
export type WitnessClientDeps = {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly platform: PlatformLog;
  readonly guard: WriteGuard;
  /** Null: nobody is asked. */
  readonly policy: WitnessPolicy | null;
  /** Tells the world that a witness saw more than we have. */
  readonly alarm: (contradiction: Contradiction) => Promise<void>;
  /** The note of a platform checkpoint by its size, null when none of that size was released. */
  readonly noteOf: (size: number) => Promise<string | null>;
};

/** A witness that knows our log better than we do. */
export type Contradiction = ProvenContradiction & { readonly witness: string };

const baseMilliseconds = 1_000;
const capMilliseconds = 60_000;
/** How many sizes back the newest witnessed one is looked for. */
const sizesLookedAt = 50;

type Turn = { failures: number; notBefore: number };

/** Witnesses without an address are only checked, never asked. */
export function createWitnessClient(deps: WitnessClientDeps): WitnessClient {
  const { policy } = deps;
  const turns = new Map<string, Turn>();
  const asked = (policy?.witnesses ?? []).filter(({ url }) => url !== null);
  const askAll = async (evenIfBackingOff: boolean): Promise<number> => {
    if (asked.length === 0 || deps.guard.halted() !== null) return 0;
    const states = new Map((await readStates(deps)).map((state) => [state.witness, state]));
    const now = performance.now(); // a turned clock must not keep a witness waiting
    const due = asked.filter(({ name }) => evenIfBackingOff || (turns.get(name)?.notBefore ?? 0) <= now);
    const outcomes = await Promise.all(
      due.map(async (witness) => {
        const outcome = await ask(deps, witness, states.get(witness.name)?.size ?? 0, evenIfBackingOff);
        turns.set(witness.name, nextTurn(turns.get(witness.name), outcome, performance.now()));
        return outcome;
      }),
    );
    return outcomes.filter((outcome) => outcome === 'cosigned').length;
  };
  return Object.freeze({
    tick: () => askAll(false),
    lookBeforeWriting: async () => void (await askAll(true)),
    quorum: () => readQuorum(deps),
    witnessedCheckpoint: async () => (await newestWitnessed(deps))?.note ?? null,
  });
}

function nextTurn(turn: Turn | undefined, outcome: Asked, now: number): Turn {
  if (outcome === 'cosigned' || outcome === 'known') return { failures: 0, notBefore: 0 };
  const failures = (turn?.failures ?? 0) + 1;
  const cap = Math.min(capMilliseconds, baseMilliseconds * 2 ** Math.min(failures, 6));
  return { failures, notBefore: now + cap / 2 + Math.random() * (cap / 2) };
}

type Asked = SubmissionOutcome['kind'] | 'known';

async function ask(
  deps: WitnessClientDeps,
  { name, url, verifier }: PolicyWitness,
  oldSize: number,
  evenIfKnown: boolean,
): Promise<Asked> {
  const { platform, clock, logger } = deps;
  const { note, size } = await platform.head();
  if (size === 0 && !evenIfKnown) return 'known';
  if (oldSize >= size && !evenIfKnown) return 'known';
  const prove = (from: number): Promise<readonly Buffer[]> => platform.consistency(from, size);
  const outcome = await submitCheckpoint({ url: url ?? '', verifier, note, size, oldSize, prove });
  const proven = outcome.kind === 'contradicted' ? await proveContradiction(url ?? '', platform) : null;
  if (proven !== null) await contradicted(deps, name, proven);
  else if (outcome.kind !== 'cosigned')
    logger.warn('a witness did not cosign', { witness: name, ...outcome });
  const detail = outcome.kind === 'cosigned' ? 'cosigned' : outcome.detail.slice(0, 300);
  await deps.database.withTenant(platformTenantId, async (tx) => {
    const at = clock.now();
    const reached = outcome.kind === 'cosigned' ? size : 0;
    await tx.query(upsertWitnessState, [tx.tenantId, 'platform', name, reached, outcome.kind, detail, at]);
    if (outcome.kind === 'cosigned')
      await tx.query(insertCosignature, [tx.tenantId, 'platform', size, name, verifier.keyId, outcome.line]);
  });
  return outcome.kind;
}

async function contradicted(
  { guard, logger, alarm }: WitnessClientDeps,
  witness: string,
  proven: ProvenContradiction,
): Promise<void> {
  const { kind, size, witnessSize } = proven;
  const what = `the platform log was ${kind}: the witness ${witness} holds a checkpoint of ours with ${witnessSize} leaves, we stand at ${size}`;
  guard.halt(what);
  logger.error(`${what}; nothing more is signed`, { witness, witnessSize, size });
  await alarm({ witness, ...proven });
}

function readStates({ database }: WitnessClientDeps): Promise<readonly WitnessState[]> {
  return database.withTenant(
    platformTenantId,
    async (tx) => (await tx.query<WitnessState>(selectWitnessStates, [tx.tenantId, 'platform'])).rows,
    { readOnly: true },
  );
}

async function readQuorum(deps: WitnessClientDeps): Promise<QuorumState> {
  const { policy, guard, platform } = deps;
  const { size } = await platform.head();
  if (policy === null)
    return { state: 'none', detail: 'no witness policy was given', size, witnessedSize: 0, witnesses: [] };
  const [states, witnessed] = [await readStates(deps), await newestWitnessed(deps)];
  const keys = new Map(policy.witnesses.map(({ name, vkey }) => [name, vkey]));
  const witnesses = states.map((state) => ({ ...state, vkey: keys.get(state.witness) ?? null }));
  const witnessedSize = witnessed?.size ?? 0;
  const halted = guard.halted();
  if (halted !== null) return { state: 'halted', detail: halted, size, witnessedSize, witnesses };
  const met = policy.quorum === 'none' || witnessedSize >= size;
  const detail = met
    ? `the quorum "${policy.quorum}" cosigned ${size}`
    : `${size - witnessedSize} leaves wait for the quorum "${policy.quorum}"`;
  return { state: met ? 'met' : 'behind', detail, size, witnessedSize, witnesses };
}

async function newestWitnessed({
  database,
  policy,
  noteOf,
}: WitnessClientDeps): Promise<{ readonly size: number; readonly note: string } | null> {
  if (policy === null) return null;
  const { rows } = await database.withTenant(
    platformTenantId,
    (tx) =>
      tx.query<{ size: number; lines: readonly string[] }>(selectCosignedSizes, [
        tx.tenantId,
        'platform',
        Number.MAX_SAFE_INTEGER,
        sizesLookedAt,
      ]),
    { readOnly: true },
  );
  for (const { size, lines } of rows) {
    const bare = await noteOf(size);
    if (bare === null) continue;
    const note = bare + lines.join('');
    if (policy.isMet(cosignedBy(policy, note))) return { size, note };
  }
  return null;
}

/** Lines of witnesses over one platform checkpoint. */
export async function platformCosignatures(database: Database, size: number): Promise<string> {
  const { rows } = await database.withTenant(
    platformTenantId,
    (tx) => tx.query<{ line: string }>(selectCosignatures, [tx.tenantId, 'platform', size]),
    { readOnly: true },
  );
  return rows.map(({ line }) => line).join('');
}
