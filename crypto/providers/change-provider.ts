import { z } from 'zod';
import type { Database, Tx } from '../../db/index.ts';
import {
  notFound,
  type AuditSink,
  type Logger,
  type RandomBytes,
  type TenantId,
} from '../../kernel/index.ts';
import type { Approved } from '../control/dual-control.ts';
import { cryptoError } from '../errors.ts';
import type { RootProvider } from '../root-provider.ts';
import type { Crypto, RotationProgress } from '../types.ts';
import { providerChanged } from './events.ts';
import type { ProviderRegistry } from './provider-registry.ts';
import {
  activateProvider,
  deactivateProvider,
  lockTenantProviders,
  readActiveEpochProvider,
} from './store.ts';
import { createTrialEpochs, requirePassed, tryProvider } from './try-provider.ts';

/** What a change needs. */
export type ChangeDeps = {
  readonly database: Database;
  readonly registry: ProviderRegistry;
  readonly audit: () => AuditSink<Tx>;
  readonly logger: Logger;
  readonly randomBytes: RandomBytes;
  readonly rotate: Crypto['rotate'];
};

/** Payload of `crypto.change_provider`. */
export const changePayload = z.strictObject({ provider: z.string().min(1).max(100) });

/** A rotation that was already under way goes first, then the one that moves to the new provider. */
const maxRotations = 3;

/**
 * Lets another provider wrap the tenant's epochs: trial, switch, new epoch, every data key wrapped again. When the new
 * epoch cannot be made, the switch is taken back and everything stays as it was.
 *
 * @throws ERR_CRYPTO_PROVIDER when the trial fails; ERR_NOT_FOUND
 */
export async function changeProvider(deps: ChangeDeps, approved: Approved): Promise<unknown> {
  const { tenantId } = approved;
  const { provider: name } = changePayload.parse(approved.payload);
  await passTrial(deps, tenantId, name);
  const from = await switchTo(deps, approved, name, null);
  try {
    const progress = await rotateOnto(deps, approved, name);
    return { from, to: name, epoch: progress.epoch, rewrapped: progress.rewrapped };
  } catch (error) {
    const moved = (await activeEpochProvider(deps, tenantId)) === name;
    deps.logger.error('a change of root provider did not end', { tenantId, provider: name, moved, error });
    if (!moved) await switchTo(deps, approved, from, 'the new epoch could not be made');
    throw error;
  }
}

async function passTrial(deps: ChangeDeps, tenantId: TenantId, name: string): Promise<void> {
  if (name === deps.registry.house.name) return;
  const raw: RootProvider | null = await deps.registry.build(tenantId, name, { epochs: createTrialEpochs() });
  if (raw === null) throw notFound('root provider', name);
  requirePassed(await tryProvider(raw, tenantId, deps.randomBytes), name);
}

/** @returns the name of the provider that was active before */
async function switchTo(
  deps: ChangeDeps,
  approved: Approved,
  name: string,
  failure: string | null,
): Promise<string> {
  const { tenantId, approvedBy: actor, proposedBy, proposalId } = approved;
  const house = deps.registry.house.name;
  return deps.database.withTenant(tenantId, async (tx) => {
    await tx.query(lockTenantProviders, [tenantId]);
    const { rows } = await tx.query<{ name: string }>(deactivateProvider, [tenantId]);
    const from = rows[0]?.name ?? house;
    if (name !== house) {
      const { rowCount } = await tx.query(activateProvider, [tenantId, name]);
      if (rowCount === 0) throw notFound('root provider', name);
    }
    await deps.audit().append(tx, {
      ...{ definition: providerChanged, tenantId, actor, outcome: failure === null ? 'success' : 'failure' },
      ...(failure === null ? {} : { reason: failure }),
      targets: [{ type: 'crypto.provider', id: name }],
      detail: { from, to: name, proposalId, proposedBy },
    });
    return from;
  });
}

async function rotateOnto(deps: ChangeDeps, approved: Approved, name: string): Promise<RotationProgress> {
  const { tenantId, approvedBy: actor } = approved;
  for (let rotation = 0; rotation < maxRotations; rotation += 1) {
    const progress = await deps.rotate(tenantId, { actor });
    if ((await activeEpochProvider(deps, tenantId)) === name) return progress;
  }
  throw cryptoError(
    'ERR_CRYPTO_KEY',
    'other rotations of this tenant kept coming in between; propose it again',
  );
}

async function activeEpochProvider({ database }: ChangeDeps, tenantId: TenantId): Promise<string | null> {
  const { rows } = await database.withTenant(
    tenantId,
    (tx) => tx.query<{ provider: string }>(readActiveEpochProvider, [tenantId]),
    { readOnly: true },
  );
  return rows[0]?.provider ?? null;
}
