import { createSecretKey } from 'node:crypto';
import { z } from 'zod';
import type { Database, Tx } from '../../db/index.ts';
import type { AuditSink, TenantId } from '../../kernel/index.ts';
import { toAeadKey } from '../aead.ts';
import type { Approved, Executor } from '../control/dual-control.ts';
import { equalInConstantTime, keyBytes, tenantKeyCommitment } from '../derive.ts';
import { cryptoError } from '../errors.ts';
import type { ProviderRegistry } from '../providers/provider-registry.ts';
import { keysExported } from './events.ts';
import { readRecipient } from './recipient.ts';
import { sealExport, type BareTenantKey, type SealedExport } from './seal-export.ts';
import { readExportableKeys } from './store.ts';

/** What exporting needs. */
export type ExportDeps = {
  readonly database: Database;
  readonly providers: ProviderRegistry;
  readonly audit: () => AuditSink<Tx>;
};

/** Payload of `crypto.export_keys`, as the second person is shown it. */
export const exportPayload = z.strictObject({
  format: z.enum(['jwe', 'rsa-aes-key-wrap']),
  thumbprint: z.string().length(43),
  recipient: z.record(z.string().max(20), z.string().max(4_000)),
});

type TenantKeyRow = {
  readonly epoch: number;
  readonly provider: string;
  readonly state: string;
  readonly wrapped: Buffer;
  readonly commitment: Buffer;
  readonly created_at: Date;
};

/** Newest epochs that one export holds. */
const maxEpochs = 200;

/** The executor of `crypto.export_keys`: every tenant key that is not destroyed, sealed to the recipient. */
export function createKeyExport(deps: ExportDeps): Executor {
  return (approved) => exportKeys(deps, approved);
}

async function exportKeys(
  deps: ExportDeps,
  { tenantId, payload, approvedBy, proposalId }: Approved,
): Promise<SealedExport> {
  const { format, recipient: jwk } = exportPayload.parse(payload);
  const recipient = readRecipient(jwk, format);
  const { rows } = await deps.database.withTenant(
    tenantId,
    (tx) => tx.query<TenantKeyRow>(readExportableKeys, [tenantId, maxEpochs]),
    { readOnly: true },
  );
  if (rows.length === 0) throw cryptoError('ERR_CRYPTO_INPUT', 'the tenant has no key; nothing to export');
  const bare: BareTenantKey[] = [];
  try {
    for (const row of rows) bare.push(await openKey(deps, tenantId, row));
    const sealed = await sealExport(tenantId, format, recipient, bare);
    const { epochs, recipient: thumbprint } = sealed;
    await deps.database.withTenant(tenantId, (tx) =>
      deps.audit().append(tx, {
        ...{ definition: keysExported, tenantId, outcome: 'success', actor: approvedBy },
        targets: [{ type: 'crypto.approval', id: proposalId }],
        detail: { approvalId: proposalId, format, recipient: thumbprint, epochs: [...epochs] },
      }),
    );
    return sealed;
  } finally {
    for (const { bytes } of bare) bytes.fill(0);
  }
}

/** Asks the provider itself: what the cache holds cannot be taken out of it. */
async function openKey(deps: ExportDeps, tenantId: TenantId, row: TenantKeyRow): Promise<BareTenantKey> {
  const { epoch, state, created_at: createdAt, commitment } = row;
  const provider = await deps.providers.named(tenantId, row.provider);
  const bytes = await provider.unwrap(tenantId, epoch, row.wrapped);
  const isTheOne =
    bytes.length === keyBytes &&
    equalInConstantTime(tenantKeyCommitment(toAeadKey(createSecretKey(bytes))), commitment);
  if (isTheOne) return { epoch, state, createdAt, commitment, bytes };
  bytes.fill(0);
  throw cryptoError(
    'ERR_CRYPTO_ROOT',
    'the root provider gave another key than the one committed to; nothing was exported',
  );
}
