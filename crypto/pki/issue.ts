import { X509Certificate, type KeyObject } from 'node:crypto';
import type { Tx } from '../../db/index.ts';
import { notFound, type TenantId } from '../../kernel/index.ts';
import { ensureAuthority, openIssuer } from './authority.ts';
import { buildEndCertificate, makeSerial, type Issuer } from './build-certificate.ts';
import { certificateIssued } from './events.ts';
import { authorityFor, makeKeyPair } from './keys.ts';
import { checkCommonName, checkNames } from './names.ts';
import { dayMilliseconds, fingerprintOf, sealKey, type PkiDeps } from './parts.ts';
import { certificateError } from './pki-error.ts';
import { backdateMilliseconds, profiles } from './profiles.ts';
import { readCsr } from './read-csr.ts';
import { certificateOf, type CertificateRow } from './rows.ts';
import { insertCertificate, notifyPki, readCertificate } from './store.ts';
import type { AlternativeName, Authority, By, Certificate, IssueRequest } from './types.ts';

/** A request that passed every check, with the key it is for. */
type Checked = {
  readonly request: IssueRequest;
  readonly names: readonly AlternativeName[];
  readonly algorithm: Certificate['algorithm'];
  readonly publicKey: KeyObject;
  /** Null when a CSR brought the public key alone. */
  readonly privateKey: KeyObject | null;
  readonly days: number;
};

/**
 * Issues a certificate: from a CSR, or with a key made here and sealed.
 *
 * @param renews - the certificate that it takes over from; when that already has a successor, the successor is given
 * @throws ERR_CRYPTO_CERTIFICATE when the request asks for what is not issued
 */
export async function issue(
  deps: PkiDeps,
  tenantId: TenantId,
  request: IssueRequest,
  by: By,
  renews: string | null = null,
): Promise<Certificate> {
  const checked = await check(request);
  const isSelfSigned = request.selfSigned ?? request.profile === 'saml-signing';
  const notAfter = new Date(deps.clock.now().getTime() + checked.days * dayMilliseconds);
  const authority = isSelfSigned
    ? null
    : await ensureAuthority(deps, tenantId, authorityFor(checked.algorithm), notAfter);
  await deps.crypto.warm(tenantId);
  return deps.database.withTenant(tenantId, (tx) =>
    issueIn(tx, deps, { checked, authority, notAfter, renews, by }),
  );
}

async function check(request: IssueRequest): Promise<Checked> {
  const profile = profiles[request.profile];
  checkCommonName(request.commonName);
  const days = request.days ?? profile.days;
  if (!Number.isInteger(days) || days < 1 || days > profile.maxDays)
    throw certificateError(
      `a certificate of profile ${request.profile} lives 1 to ${profile.maxDays} days, not ${days}`,
    );
  if (request.selfSigned === true && request.profile !== 'saml-signing')
    throw certificateError('only a SAML signing certificate may be self-signed; leave "selfSigned" out');
  const checked = await (request.csr === undefined ? withOwnKey(request) : withCsr(request, request.csr));
  if (profile.needsNames && checked.names.length === 0)
    throw certificateError('a certificate for TLS needs at least one alternative name: dns, ip or uri');
  if (request.profile === 'saml-signing' && !checked.algorithm.startsWith('rsa'))
    throw certificateError('a SAML signing certificate needs an RSA key; choose rsa-2048 or rsa-3072');
  return { ...checked, request, days };
}

type WithKey = Omit<Checked, 'request' | 'days'>;

async function withOwnKey(request: IssueRequest): Promise<WithKey> {
  const algorithm = request.algorithm ?? profiles[request.profile].algorithm;
  const names = checkNames(request.names ?? []);
  return { names, algorithm, ...(await makeKeyPair(algorithm)) };
}

async function withCsr(request: IssueRequest, csr: string): Promise<WithKey> {
  const isOurs =
    request.exportable === true || request.algorithm !== undefined || request.selfSigned === true;
  if (isOurs)
    throw certificateError(
      'with a CSR the key is yours: leave out "algorithm", "exportable" and "selfSigned"',
    );
  if (request.profile === 'saml-signing' && request.selfSigned !== false)
    throw certificateError(
      'a SAML certificate from a CSR is signed by the authority: say "selfSigned": false',
    );
  const { publicKey, algorithm, names: asked } = readCsr(csr);
  const names = request.names === undefined ? asked : checkNames(request.names);
  const stranger = asked.find(
    ({ kind, value }) => !names.some((name) => name.kind === kind && name.value === value),
  );
  if (stranger !== undefined)
    throw certificateError(
      `the request asks for the ${stranger.kind} name "${stranger.value}", which "names" does not have`,
    );
  return { names, algorithm, publicKey, privateKey: null };
}

type Issuing = {
  readonly checked: Checked;
  readonly authority: Authority | null;
  readonly notAfter: Date;
  readonly renews: string | null;
  readonly by: By;
};

async function issueIn(tx: Tx, deps: PkiDeps, issuing: Issuing): Promise<Certificate> {
  const { checked, authority, renews } = issuing;
  const id = deps.newId();
  const serial = makeSerial(deps.randomBytes);
  const issuer = await issuerOf(tx, deps, checked, authority);
  const built = build(deps, tx.tenantId, issuing, { issuer, serial });
  if (authority !== null && !new X509Certificate(built.der).checkIssued(new X509Certificate(authority.der)))
    throw certificateError('the certificate does not chain to its authority; nothing was issued');
  const { request, privateKey } = checked;
  const sealed = privateKey === null ? null : await sealKey(tx, deps, { kind: 'end', id }, privateKey);
  const exportable = privateKey !== null && request.exportable === true;
  const { rowCount } = await tx.query(insertCertificate, [
    ...[tx.tenantId, id, authority?.id ?? null, serial, request.profile, request.commonName],
    ...[JSON.stringify(checked.names), checked.algorithm, built.der, sealed, exportable],
    ...[built.notBefore, issuing.notAfter, renews],
  ]);
  if (rowCount === 0) return successorOf(tx, renews ?? id);
  await tx.query(notifyPki, [tx.tenantId]);
  const made = await findCertificate(tx, id);
  if (made === null) throw notFound('certificate', id);
  await recordIssue(tx, deps, made, issuing.by);
  return made;
}

async function issuerOf(
  tx: Tx,
  deps: PkiDeps,
  { privateKey, publicKey, request }: Checked,
  authority: Authority | null,
): Promise<Issuer> {
  if (authority !== null) return openIssuer(tx, deps, authority.id);
  if (privateKey === null) throw certificateError('a self-signed certificate needs a key that is made here');
  return { commonName: request.commonName, privateKey, publicKey };
}

function build(
  deps: PkiDeps,
  tenantId: TenantId,
  { checked, authority, notAfter }: Issuing,
  { issuer, serial }: { readonly issuer: Issuer; readonly serial: Buffer },
): { readonly der: Buffer; readonly notBefore: Date } {
  const { request, names, publicKey } = checked;
  const notBefore = new Date(deps.clock.now().getTime() - backdateMilliseconds);
  const facts = { serial, commonName: request.commonName, publicKey, notBefore, notAfter };
  const crlUrl = authority === null ? null : `${deps.publicUrl}/v1/crypto/crl/${tenantId}/${authority.id}`;
  return {
    der: buildEndCertificate(facts, issuer, { profile: profiles[request.profile], names, crlUrl }),
    notBefore,
  };
}

/** One certificate of the tenant, or null. */
export async function findCertificate(tx: Tx, id: string): Promise<Certificate | null> {
  const { rows } = await tx.query<CertificateRow>(readCertificate, [tx.tenantId, id]);
  return rows[0] === undefined ? null : certificateOf(rows[0]);
}

async function successorOf(tx: Tx, id: string): Promise<Certificate> {
  const before = await findCertificate(tx, id);
  const successor = before?.renewedBy == null ? null : await findCertificate(tx, before.renewedBy);
  if (successor === null) throw notFound('certificate', id);
  return successor;
}

async function recordIssue(tx: Tx, deps: PkiDeps, made: Certificate, by: By): Promise<void> {
  await deps.audit().append(tx, {
    definition: certificateIssued,
    tenantId: tx.tenantId,
    outcome: 'success',
    ...by,
    targets: [{ type: 'crypto.certificate', id: made.id }],
    detail: {
      certificateId: made.id,
      authorityId: made.authorityId,
      profile: made.profile,
      serial: made.serial,
      fingerprint: fingerprintOf(made.der),
      notAfter: made.notAfter.toISOString(),
      keyHeld: made.keyHeld,
      exportable: made.exportable,
      renews: made.renews,
    },
  });
}
