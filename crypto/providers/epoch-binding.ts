import type { TenantId } from '../../kernel/index.ts';
import { uuidBytes } from '../associated-data.ts';

/**
 * Associated data of a key that is wrapped for one tenant and epoch: the provider's label, the tenant's 16 bytes, the
 * epoch's 4, big-endian.
 *
 * @param label - constant of the provider and its format, ends with a zero byte
 * @param epoch - 1..2^32-1
 */
export function epochBinding(label: Buffer, tenantId: TenantId, epoch: number): Buffer {
  const number = Buffer.alloc(4);
  number.writeUInt32BE(epoch);
  return Buffer.concat([label, uuidBytes(tenantId), number]);
}
