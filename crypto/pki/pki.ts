import type { Tx } from '../../db/index.ts';
import type { CallContext, TenantId } from '../../kernel/index.ts';
import type { Actor } from '../types.ts';
import { listAuthorities, publishCrl } from './authority.ts';
import { bundle } from './bundle.ts';
import { inspect } from './inspect.ts';
import { findCertificate, issue } from './issue.ts';
import { maintain, readPlatformPosture, readPosture, type Maintenance } from './maintain.ts';
import { readMaterial, readTrust, watchMaterial, type CertificateName } from './material.ts';
import { createRefusals, type Refusals } from './refusals.ts';
import type { PkiDeps } from './parts.ts';
import { renew } from './renew.ts';
import { revoke } from './revoke.ts';
import { certificateOf, type CertificateRow } from './rows.ts';
import { listCertificates, readCrlOf } from './store.ts';
import type {
  Authority,
  Bundle,
  BundleRequest,
  By,
  Certificate,
  Inspection,
  IssueRequest,
  MutualTlsMaterial,
  PkiPosture,
  ProfileName,
  Revocation,
} from './types.ts';

/** A page of certificates, newest first. */
export type CertificatePage = {
  readonly after: string | null;
  readonly limit: number;
  readonly profile: ProfileName | null;
};

/** Certificates of the house and its tenants. */
export type Pki = {
  /** @throws ERR_CRYPTO_CERTIFICATE */
  readonly issue: (
    tenantId: TenantId,
    request: IssueRequest,
    actor: Actor,
    call?: CallContext,
  ) => Promise<Certificate>;
  /** The successor, with a new key; asked again the same one. */
  readonly renew: (
    tenantId: TenantId,
    id: string,
    how: By & { readonly csr?: string },
  ) => Promise<Certificate>;
  /** Revokes, and signs the list that says so, in one transaction. */
  readonly revoke: (tenantId: TenantId, id: string, revocation: Revocation) => Promise<Certificate>;
  readonly find: (tx: Tx, id: string) => Promise<Certificate | null>;
  readonly list: (tx: Tx, page: CertificatePage) => Promise<readonly Certificate[]>;
  readonly authorities: (tx: Tx) => Promise<readonly Authority[]>;
  /** Signs a new revocation list now. */
  readonly publishCrl: (tenantId: TenantId, authorityId: string, by: By) => Promise<void>;
  /** DER of the newest revocation list and when it ends; null when there is no such authority. */
  readonly crl: (
    tenantId: TenantId,
    authorityId: string,
  ) => Promise<{ readonly der: Buffer; readonly nextUpdate: Date } | null>;
  readonly bundle: (tenantId: TenantId, id: string, how: BundleRequest & By) => Promise<Bundle>;
  readonly inspect: (tx: Tx, pem: string) => Promise<Inspection>;
  /** What {@link createMutualTlsServer} and {@link createMutualTlsAgent} take. @throws ERR_NOT_FOUND */
  readonly material: (tenantId: TenantId, name: CertificateName) => Promise<MutualTlsMaterial>;
  /** Authorities and lists in PEM, for an end whose key is elsewhere. */
  readonly trust: (tx: Tx) => Promise<Pick<MutualTlsMaterial, 'authorities' | 'revocationLists'>>;
  /** Calls back on every change on any process; gives back what ends it. */
  readonly watch: (
    tenantId: TenantId,
    name: CertificateName,
    onMaterial: (material: MutualTlsMaterial) => void,
  ) => Promise<() => void>;
  /** Records a refused connection of a tenant; hand it to the two factories. */
  readonly onRefused: Refusals['onRefused'];
  /** Renews, signs lists, raises alarms of a tenant: once an hour. */
  readonly maintain: (tenantId: TenantId) => Promise<Maintenance>;
  readonly posture: (tx: Tx) => Promise<PkiPosture>;
  /** Of the authorities of the house itself. */
  readonly platformPosture: () => Promise<PkiPosture>;
  /** Resolves when every refusal is recorded. */
  readonly stop: () => Promise<void>;
};

/** Joins the parts. */
export function createPki(deps: PkiDeps): Pki {
  const refusals = createRefusals(deps);
  return Object.freeze({
    issue: (tenantId: TenantId, request: IssueRequest, actor: Actor, call?: CallContext) =>
      issue(deps, tenantId, request, call === undefined ? { actor } : { actor, call }),
    renew: (tenantId, id, how) => renew(deps, tenantId, id, how),
    revoke: (tenantId, id, revocation) => revoke(deps, tenantId, id, revocation),
    find: findCertificate,
    list: async (tx: Tx, { after, limit, profile }: CertificatePage) => {
      const { rows } = await tx.query<CertificateRow>(listCertificates, [tx.tenantId, after, profile, limit]);
      return rows.map(certificateOf);
    },
    authorities: listAuthorities,
    publishCrl: async (tenantId: TenantId, authorityId: string, by: By) => {
      await deps.crypto.warm(tenantId);
      await deps.database.withTenant(tenantId, (tx) => publishCrl(tx, deps, authorityId, by));
    },
    crl: async (tenantId: TenantId, authorityId: string) => {
      const { rows } = await deps.database.withTenant(
        tenantId,
        (tx) => tx.query<{ crl: Buffer; crl_next_update: Date }>(readCrlOf, [tenantId, authorityId]),
        { readOnly: true },
      );
      return rows[0] === undefined ? null : { der: rows[0].crl, nextUpdate: rows[0].crl_next_update };
    },
    bundle: (tenantId, id, how) => bundle(deps, tenantId, id, how),
    inspect: (tx: Tx, pem: string) => inspect(tx, deps.clock, pem),
    material: async (tenantId: TenantId, name: CertificateName) => {
      await deps.crypto.warm(tenantId);
      return deps.database.withTenant(tenantId, (tx) => readMaterial(tx, deps, name), { readOnly: true });
    },
    trust: (tx: Tx) => readTrust(tx, deps.clock),
    watch: (tenantId, name, onMaterial) => watchMaterial(deps, tenantId, name, onMaterial),
    onRefused: refusals.onRefused,
    maintain: (tenantId: TenantId) => maintain(deps, tenantId),
    posture: (tx: Tx) => readPosture(tx, deps),
    platformPosture: () => readPlatformPosture(deps),
    stop: refusals.settled,
  } satisfies Pki);
}
