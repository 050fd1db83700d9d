import { randomUUID } from 'node:crypto';
import { isGatehouseError, parseTenantId, type RandomBytes, type TenantId } from '../../kernel/index.ts';
import { keyBytes } from '../derive.ts';
import { cryptoError } from '../errors.ts';
import type { RootProvider } from '../root-provider.ts';
import { defaultGuardLimits } from './guard-limits.ts';
import { withTimeout } from './with-timeout.ts';

/** What was tried, in this order; the first that fails ends the trial. */
export type TrialStep = {
  readonly step: 'describe' | 'wrap' | 'unwrap' | 'foreign_tenant';
  readonly ok: boolean;
  readonly milliseconds: number;
  /** What to do about a failure; empty when there is none. */
  readonly detail: string;
};

/** Outcome of a trial. */
export type Trial = { readonly ok: boolean; readonly steps: readonly TrialStep[] };

/** No tenant has such an epoch, so that a trial touches no key of anybody. */
const trialEpoch = 0;

/** Wraps and unwraps a key that nobody uses; changes nothing of the tenant's keys. Never throws. */
export async function tryProvider(
  provider: RootProvider,
  tenantId: TenantId,
  randomBytes: RandomBytes,
): Promise<Trial> {
  const steps: TrialStep[] = [];
  const key = randomBytes(keyBytes);
  const state: { wrapped: Buffer } = { wrapped: Buffer.alloc(0) };
  const works: readonly (readonly [TrialStep['step'], (signal: AbortSignal) => Promise<boolean>])[] = [
    ['describe', async () => (await provider.describe()).name === provider.name],
    [
      'wrap',
      async (signal) => {
        state.wrapped = await provider.wrap(tenantId, trialEpoch, key, { signal });
        return !state.wrapped.includes(key);
      },
    ],
    [
      'unwrap',
      async (signal) => (await provider.unwrap(tenantId, trialEpoch, state.wrapped, { signal })).equals(key),
    ],
    ['foreign_tenant', (signal) => refusesForeign(provider, state.wrapped, signal)],
  ];
  for (const [step, work] of works) {
    const tried = await tryStep(provider.name, step, work);
    steps.push(tried);
    if (!tried.ok) break;
  }
  key.fill(0);
  return { ok: steps.every(({ ok }) => ok), steps };
}

async function tryStep(
  name: string,
  step: TrialStep['step'],
  work: (signal: AbortSignal) => Promise<boolean>,
): Promise<TrialStep> {
  const startedAt = performance.now();
  const done = (ok: boolean, detail: string): TrialStep => ({
    ...{ step, ok, milliseconds: Math.round(performance.now() - startedAt), detail: detail.slice(0, 500) },
  });
  try {
    const ok = await withTimeout(work, {
      milliseconds: defaultGuardLimits.timeoutMilliseconds,
      provider: name,
    });
    return done(ok, ok ? '' : 'the provider gave something else than was asked for; it must not be used');
  } catch (error) {
    return done(false, isGatehouseError(error) ? error.message : 'the provider failed; the log says how');
  }
}

async function refusesForeign(
  provider: RootProvider,
  wrapped: Buffer,
  signal: AbortSignal,
): Promise<boolean> {
  const stranger = parseTenantId(randomUUID());
  return provider.unwrap(stranger, trialEpoch, wrapped, { signal }).then(
    () => false,
    (error: unknown) => isGatehouseError(error) && error.details['retryable'] !== true,
  );
}

/** @throws ERR_CRYPTO_PROVIDER naming the step that failed and its cause */
export function requirePassed(trial: Trial, name: string): void {
  const failed = trial.steps.find(({ ok }) => !ok);
  if (failed === undefined) return;
  throw cryptoError(
    'ERR_CRYPTO_PROVIDER',
    `the root provider "${name}" did not pass its trial ("${failed.step}": ${failed.detail}); nothing was changed`,
  );
}

/** Holds the secrets of a trial: in memory, gone with it. */
export function createTrialEpochs(): RootProvider {
  const secrets = new Map<string, Buffer>();
  return Object.freeze({
    name: 'trial',
    wrap: async (tenantId: TenantId, epoch: number, key: Buffer) => {
      const id = Buffer.from(randomUUID());
      secrets.set(`${tenantId}/${epoch}/${id.toString()}`, Buffer.from(key));
      return id;
    },
    unwrap: async (tenantId: TenantId, epoch: number, wrapped: Buffer) => {
      const secret = secrets.get(`${tenantId}/${epoch}/${wrapped.toString()}`);
      if (secret === undefined) throw cryptoError('ERR_CRYPTO_ROOT', 'not a key of this trial');
      return Buffer.from(secret);
    },
    describe: async () => ({
      name: 'trial',
      kind: 'sealed-file' as const,
      development: true,
      destroyDelayDays: 0,
    }),
    scheduleDestroy: async () => ({ destroyedAt: null, scheduledFor: null }),
    health: async () => ({ ok: true, detail: 'a trial' }),
  });
}
