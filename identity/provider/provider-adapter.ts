import { errors, type Adapter, type AdapterPayload } from 'oidc-provider';
import type { Database, Tx } from '../../db/index.ts';
import { platformTenantId, type Clock } from '../../kernel/index.ts';
import type { ServiceAccounts } from '../accounts/service-accounts.ts';
import { sha256 } from '../digest.ts';
import type { Sealing } from '../ports.ts';
import { sealedColumn } from '../sealed-values.ts';
import {
  consumeProviderObject,
  deleteProviderGrant,
  deleteProviderObject,
  findProviderObject,
  findProviderObjectByUid,
  upsertProviderObject,
  type ProviderObjectRow,
} from './store-provider.ts';

/** What the adapter is built from. */
export type ProviderAdapterDeps = {
  readonly database: Database;
  readonly crypto: Sealing;
  readonly clock: Clock;
  readonly serviceAccounts: ServiceAccounts;
};

const secondsToDate = (now: Date, seconds: number): Date => new Date(now.getTime() + seconds * 1000);
/** What has no life of its own ends after a day. */
const defaultLifeSeconds = 86_400;

/**
 * Keeps the provider's state in PostgreSQL under the platform tenant: found by the SHA-256 of its id, payload sealed.
 *
 * @param model - the provider's model name, such as `AuthorizationCode`
 */
export function createProviderAdapter(model: string, deps: ProviderAdapterDeps): Adapter {
  const { database, clock } = deps;
  const sealed = sealedColumn(deps.crypto, 'provider_object', model);
  const inPlatform = <T>(work: (tx: Tx) => Promise<T>): Promise<T> =>
    database.withTenant(platformTenantId, work);
  const open = async (tx: Tx, row: ProviderObjectRow | undefined): Promise<AdapterPayload | undefined> => {
    if (row === undefined) return undefined;
    const payload = JSON.parse(
      await sealed.open(tx, row.id_hash.toString('hex'), row.payload),
    ) as AdapterPayload; // we wrote it
    return row.consumed_at === null
      ? payload
      : { ...payload, consumed: Math.floor(row.consumed_at.getTime() / 1000) };
  };
  return Object.freeze({
    upsert: (id: string, payload: AdapterPayload, expiresIn: number | undefined) =>
      inPlatform(async (tx) => {
        const hash = sha256(id);
        const content = await sealed.seal(tx, hash.toString('hex'), JSON.stringify(payload));
        const expiresAt = secondsToDate(clock.now(), expiresIn ?? defaultLifeSeconds);
        await tx.query(upsertProviderObject, [
          tx.tenantId,
          model,
          hash,
          content,
          payload.uid ?? null,
          payload.grantId ?? null,
          expiresAt,
        ]);
      }),
    find: async (id: string) => {
      if (model === 'Client') return findServiceClient(id, deps.serviceAccounts);
      return inPlatform(async (tx) => {
        const { rows } = await tx.query<ProviderObjectRow>(findProviderObject, [
          tx.tenantId,
          model,
          sha256(id),
          clock.now(),
        ]);
        return open(tx, rows[0]);
      });
    },
    findByUid: (uid: string) =>
      inPlatform(async (tx) => {
        const { rows } = await tx.query<ProviderObjectRow>(findProviderObjectByUid, [
          tx.tenantId,
          model,
          uid,
          clock.now(),
        ]);
        return open(tx, rows[0]);
      }),
    // The device flow is off.
    findByUserCode: () => Promise.resolve(undefined),
    consume: (id: string) =>
      inPlatform(async (tx) => {
        const { rowCount } = await tx.query(consumeProviderObject, [
          tx.tenantId,
          model,
          sha256(id),
          clock.now(),
        ]);
        // Of two parallel redemptions of one code the second one fails here.
        if (rowCount !== 1) throw new errors.InvalidGrant('it was used already');
      }),
    destroy: (id: string) =>
      inPlatform(async (tx) => {
        await tx.query(deleteProviderObject, [tx.tenantId, model, sha256(id)]);
      }),
    revokeByGrantId: (grantId: string) =>
      inPlatform(async (tx) => {
        await tx.query(deleteProviderGrant, [tx.tenantId, grantId]);
      }),
  });
}

/** A service account as a client of the provider; `client_secret` is the digest, which the provider's client compares by digest. */
async function findServiceClient(
  clientId: string,
  accounts: ServiceAccounts,
): Promise<AdapterPayload | undefined> {
  const found = await accounts.find(clientId);
  if (found === null) return undefined;
  return {
    client_id: clientId,
    client_name: found.row.name,
    client_secret: found.row.secret_hash.toString('hex'),
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
    // The provider takes the secret in the header or in the body, whichever of the two is named here.
    token_endpoint_auth_method: 'client_secret_basic',
  };
}
