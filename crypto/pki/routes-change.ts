import type { Database } from '../../db/index.ts';
import {
  defineRoute,
  notFound,
  requirePrincipal,
  type AnyRoute,
  type Clock,
  type RouteSecurity,
} from '../../kernel/index.ts';
import type { Pki } from './pki.ts';
import { presentAuthority, presentCertificate } from './present.ts';
import { requireId } from './require-id.ts';
import {
  authoritySchema,
  bundleBody,
  bundleSchema,
  certificateSchema,
  idParams,
  issueBody,
  renewBody,
  revokeBody,
} from './schema.ts';
import type { IssueRequest } from './types.ts';

/** What the routes need. */
export type PkiRoutesDeps = {
  readonly database: Database;
  readonly clock: Clock;
  readonly publicUrl: string;
};

const fresh = (action: string): RouteSecurity => ({
  kind: 'principal',
  action,
  stepUp: { level: 2, maxAgeSeconds: 300 },
});

/** Routes that issue, renew, revoke and hand out. */
export function createChangeRoutes(pki: Pki, deps: PkiRoutesDeps): readonly AnyRoute[] {
  return [
    issueRoute(pki, deps),
    renewRoute(pki, deps),
    revokeRoute(pki, deps),
    bundleRoute(pki),
    publishRoute(pki, deps),
  ];
}

/** zod gives `undefined` for what was left out; our types say that it is absent. */
const present = <T extends object>(body: T): { [Key in keyof T]: Exclude<T[Key], undefined> } =>
  Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined)) as {
    [Key in keyof T]: Exclude<T[Key], undefined>;
  }; // the filter takes out exactly what the type does

function issueRoute(pki: Pki, { clock }: PkiRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/crypto/certificates',
    operationId: 'issueCertificate',
    summary: 'Issue a certificate, with a key that is made here or from a certificate request',
    security: fresh('crypto.issue'),
    audit: { kind: 'event', actions: ['crypto.certificate_issued', 'crypto.authority_created'] },
    request: { body: issueBody },
    responses: { 201: { description: 'The certificate', schema: certificateSchema } },
    handler: async ({ principal, body, call }) => {
      const actor = requirePrincipal(principal);
      const made = await pki.issue(actor.tenantId, present(body) as IssueRequest, actor, call); // the schema's own shape
      return { status: 201, body: presentCertificate(made, clock.now()) };
    },
  });
}

function renewRoute(pki: Pki, { clock }: PkiRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/crypto/certificates/{id}/renew',
    operationId: 'renewCertificate',
    summary: 'Issue the successor of a certificate, once; both are good until the older one ends',
    security: fresh('crypto.issue'),
    audit: { kind: 'event', actions: ['crypto.certificate_issued'] },
    request: { params: idParams, body: renewBody },
    responses: { 200: { description: 'The successor', schema: certificateSchema } },
    handler: async ({ principal, params, body, call }) => {
      const actor = requirePrincipal(principal);
      const id = requireId('certificate', params.id);
      const made = await pki.renew(actor.tenantId, id, { ...present(body), actor, call });
      return { status: 200, body: presentCertificate(made, clock.now()) };
    },
  });
}

function revokeRoute(pki: Pki, { clock }: PkiRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/crypto/certificates/{id}/revoke',
    operationId: 'revokeCertificate',
    summary: 'Revoke a certificate and sign the list that names it; open connections end',
    security: fresh('crypto.revoke'),
    audit: { kind: 'event', actions: ['crypto.certificate_revoked', 'crypto.revocation_list_published'] },
    request: { params: idParams, body: revokeBody },
    responses: { 200: { description: 'The revoked certificate', schema: certificateSchema } },
    handler: async ({ principal, params, body, call }) => {
      const actor = requirePrincipal(principal);
      const id = requireId('certificate', params.id);
      const revoked = await pki.revoke(actor.tenantId, id, { reason: body.reason, actor, call });
      return { status: 200, body: presentCertificate(revoked, clock.now()) };
    },
  });
}

function bundleRoute(pki: Pki): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/crypto/certificates/{id}/bundle',
    operationId: 'bundleCertificate',
    summary:
      'A certificate with its chain and private key, as PKCS#12 or PEM; only where it was issued for that',
    security: fresh('crypto.bundle'),
    audit: { kind: 'event', actions: ['crypto.certificate_exported'] },
    request: { params: idParams, body: bundleBody },
    responses: {
      200: { description: 'The bundle; a password that was made is told once', schema: bundleSchema },
    },
    handler: async ({ principal, params, body, call }) => {
      const actor = requirePrincipal(principal);
      const id = requireId('certificate', params.id);
      const { format, content, password } = await pki.bundle(actor.tenantId, id, {
        ...present(body),
        actor,
        call,
      });
      const fileName = `${id}.${format === 'pkcs12' ? 'p12' : 'pem'}`;
      return {
        status: 200,
        body: { format, fileName, content: content.toString('base64'), password },
        headers: { 'cache-control': 'no-store' },
      };
    },
  });
}

function publishRoute(pki: Pki, { database, publicUrl }: PkiRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/crypto/authorities/{id}/crl',
    operationId: 'publishRevocationList',
    summary: 'Sign a new revocation list of an authority now',
    security: { kind: 'principal', action: 'crypto.revoke' },
    audit: { kind: 'event', actions: ['crypto.revocation_list_published'] },
    request: { params: idParams },
    responses: { 200: { description: 'The authority with its new list', schema: authoritySchema } },
    handler: async ({ principal, params, call }) => {
      const actor = requirePrincipal(principal);
      const id = requireId('authority', params.id);
      await pki.publishCrl(actor.tenantId, id, { actor, call });
      const all = await database.withTenant(actor.tenantId, pki.authorities, { readOnly: true });
      const authority = all.find((one) => one.id === id);
      if (authority === undefined) throw notFound('authority', id);
      const crlUrl = `${publicUrl}/v1/crypto/crl/${actor.tenantId}/${id}`;
      return { status: 200, body: presentAuthority(authority, crlUrl) };
    },
  });
}
