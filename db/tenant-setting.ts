import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import type { TenantId } from '../kernel/index.ts';

/**
 * The tenant setting is `tenant|mac`, mac = HMAC-SHA-256 over tenant, backend pid and transaction timestamp, so that
 * neither a forged setting nor one replayed in another transaction opens anything. `db.current_tenant()` checks it.
 */
export type TenantSettingKey = KeyObject;

/**
 * The key that signs tenant settings. It comes from the application role's password: the process knows that by
 * connecting, the database stores the derived key where only the owner reads it, injected SQL can learn neither.
 */
export function deriveTenantSettingKey(appPassword: string): TenantSettingKey {
  return createSecretKey(createHmac('sha256', appPassword).update('gatehouse tenant setting v1').digest());
}

/**
 * @param backendPid - `pg_backend_pid()` of the transaction's connection
 * @param transactionMicroseconds - `transaction_timestamp()` as microseconds since 1970, decimal
 */
export function signTenantSetting(
  key: TenantSettingKey,
  tenantId: TenantId,
  backendPid: number,
  transactionMicroseconds: string,
): string {
  const mac = createHmac('sha256', key)
    .update(`${tenantId}|${backendPid}|${transactionMicroseconds}`)
    .digest('hex');
  return `${tenantId}|${mac}`;
}

const blockBytes = 64;

/** RFC 2104's two padded keys, so that SQL can compute the HMAC with sha256() alone. */
export function padHmacKey(key: TenantSettingKey): { readonly inner: Buffer; readonly outer: Buffer } {
  const padded = Buffer.alloc(blockBytes);
  key.export().copy(padded);
  return {
    inner: Buffer.from(padded.map((byte) => byte ^ 0x36)),
    outer: Buffer.from(padded.map((byte) => byte ^ 0x5c)),
  };
}
