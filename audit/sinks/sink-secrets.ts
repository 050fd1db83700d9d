import type { Tx } from '../../db/index.ts';
import type { AuditCrypto } from '../crypto-need.ts';
import { auditError } from '../errors.ts';
import { sinkSecretsSchema, type SinkSecrets } from './configuration.ts';

/** Keeps the secrets of sinks sealed. */
export type SinkSealer = {
  readonly seal: (tx: Tx, sinkId: string, secrets: SinkSecrets) => Promise<Buffer>;
  /** @throws ERR_CRYPTO_DECRYPT */
  readonly open: (tx: Tx, sinkId: string, sealed: Buffer) => Promise<SinkSecrets>;
};

const purpose = 'audit-sink';

/** @param crypto - seals under the tenant's key of this purpose */
export function createSinkSealer(crypto: Pick<AuditCrypto, 'seal' | 'open'>): SinkSealer {
  const context = (sinkId: string) =>
    ({ service: 'audit', collection: 'sink', field: 'secrets', rowId: sinkId, purpose }) as const;
  return Object.freeze({
    seal: (tx: Tx, sinkId: string, secrets: SinkSecrets) =>
      crypto.seal(
        tx,
        { kind: 'tenant', purpose },
        context(sinkId),
        Buffer.from(JSON.stringify(secrets), 'utf8'),
      ),
    open: async (tx: Tx, sinkId: string, sealed: Buffer) => {
      const opened = await crypto.open(tx, context(sinkId), sealed);
      if (opened.kind === 'shredded')
        throw auditError('ERR_AUDIT_CORRUPT', 'the secrets of this sink were destroyed; give it new ones');
      return sinkSecretsSchema.parse(JSON.parse(opened.plaintext.toString('utf8')));
    },
  });
}
