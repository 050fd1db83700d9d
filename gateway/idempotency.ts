import { timingSafeEqual } from 'node:crypto';
import type { Tx } from '../db/index.ts';
import type { Call } from './call.ts';
import { gatewayError } from './errors.ts';
import type { Parts } from './ports.ts';
import { claimKey, deleteExpiredKeys, selectKey, type HeldKey } from './store.ts';

const lifeMilliseconds = 24 * 60 * 60 * 1_000;

/**
 * Takes an Idempotency-Key inside the creating transaction, so that record and key exist together or not at all. A
 * second call waits for the first one's end.
 *
 * @returns the id of the record that this key already made, or null when the key is ours now
 * @throws ERR_GATEWAY_IDEMPOTENCY when the key was used for another request
 */
export async function claim(
  parts: Pick<Parts, 'crypto' | 'clock'>,
  tx: Tx,
  input: { readonly call: Call; readonly key: string; readonly body: unknown; readonly recordId: string },
): Promise<string | null> {
  const { call, key, body, recordId } = input;
  const { principal, collection } = call;
  const now = parts.clock.now();
  const expiry = new Date(now.getTime() - lifeMilliseconds);
  const text = JSON.stringify([collection.type, call.purpose, body]);
  const mac = await parts.crypto.mac(tx, 'gateway-idempotency', text);
  await tx.query(deleteExpiredKeys, [tx.tenantId, principal.id, expiry]);
  const values = [tx.tenantId, principal.id, key, collection.type, mac, recordId, now, expiry];
  if ((await tx.query(claimKey, values)).rows.length > 0) return null;
  const { rows } = await tx.query<HeldKey>(selectKey, [tx.tenantId, principal.id, key]);
  const held = rows[0];
  if (held === undefined || held.collection !== collection.type || !timingSafeEqual(held.request_mac, mac)) {
    throw gatewayError(
      'ERR_GATEWAY_IDEMPOTENCY',
      'this Idempotency-Key was used for another request; send a new one',
    );
  }
  return held.record_id;
}
