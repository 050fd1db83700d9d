import {
  defineRoute,
  invalidRequest,
  notFound,
  parseTenantId,
  requirePrincipal,
  type AnyRoute,
} from '../../kernel/index.ts';
import { toPem } from './build-certificate.ts';
import type { Pki } from './pki.ts';
import { presentAuthority, presentCertificate, presentInspection } from './present.ts';
import { isId, requireId } from './require-id.ts';
import { createChangeRoutes, type PkiRoutesDeps } from './routes-change.ts';
import { samlKeyDescriptor } from './saml.ts';
import {
  authoritiesSchema,
  certificateDetailSchema,
  certificatesSchema,
  crlParams,
  idParams,
  inspectBody,
  inspectionSchema,
  listQuery,
} from './schema.ts';

const readOnly = Object.freeze({ readOnly: true });
const reads = { kind: 'principal', action: 'crypto.read' } as const;
const unrecorded = {
  kind: 'none',
  reason: 'certificates and lists are public documents; no key is shown',
} as const;

/** `/v1/crypto/certificates…`, `/v1/crypto/authorities…` and the public revocation lists. */
export function createPkiRoutes(pki: Pki, deps: PkiRoutesDeps): readonly AnyRoute[] {
  return [
    listRoute(pki, deps),
    readRoute(pki, deps),
    inspectRoute(pki, deps),
    authoritiesRoute(pki, deps),
    crlRoute(pki),
    ...createChangeRoutes(pki, deps),
  ];
}

function listRoute(pki: Pki, { database, clock }: PkiRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/crypto/certificates',
    operationId: 'listCertificates',
    summary: 'Certificates that were issued, newest first',
    security: reads,
    audit: unrecorded,
    request: { query: listQuery },
    responses: { 200: { description: 'A page of certificates', schema: certificatesSchema } },
    handler: async ({ principal, query }) => {
      const { tenantId } = requirePrincipal(principal);
      const page = {
        after: readCursor(query.cursor),
        limit: query.limit + 1,
        profile: query.profile ?? null,
      };
      const found = await database.withTenant(tenantId, (tx) => pki.list(tx, page), readOnly);
      const items = found.slice(0, query.limit);
      const last = found.length > query.limit ? items.at(-1) : undefined;
      return {
        status: 200,
        body: {
          items: items.map((item) => presentCertificate(item, clock.now())),
          nextCursor: last === undefined ? null : Buffer.from(last.id).toString('base64url'),
        },
      };
    },
  });
}

function readCursor(cursor: string | undefined): string | null {
  if (cursor === undefined) return null;
  const id = Buffer.from(cursor, 'base64url').toString('utf8');
  if (!isId(id)) throw invalidRequest('the cursor is not one that this list gave; start without a cursor');
  return id;
}

function readRoute(pki: Pki, { database, clock }: PkiRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/crypto/certificates/{id}',
    operationId: 'readCertificate',
    summary: 'One certificate, what it says, and what is wrong with it',
    security: reads,
    audit: unrecorded,
    request: { params: idParams },
    responses: { 200: { description: 'The certificate', schema: certificateDetailSchema } },
    handler: async ({ principal, params }) => {
      const { tenantId } = requirePrincipal(principal);
      const id = requireId('certificate', params.id);
      const body = await database.withTenant(
        tenantId,
        async (tx) => {
          const found = await pki.find(tx, id);
          if (found === null) throw notFound('certificate', id);
          const inspection = await pki.inspect(tx, toPem('CERTIFICATE', found.der));
          return {
            ...presentCertificate(found, clock.now()),
            inspection: presentInspection(inspection),
            samlMetadata: found.profile === 'saml-signing' ? samlKeyDescriptor(found) : null,
          };
        },
        readOnly,
      );
      return { status: 200, body };
    },
  });
}

function inspectRoute(pki: Pki, { database }: PkiRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/crypto/certificates/inspect',
    operationId: 'inspectCertificate',
    summary:
      'What a certificate in PEM says, whether an authority of the tenant signed it, and what is wrong with it',
    security: reads,
    audit: unrecorded,
    request: { body: inspectBody },
    responses: { 200: { description: 'The inspection', schema: inspectionSchema } },
    handler: async ({ principal, body }) => {
      const { tenantId } = requirePrincipal(principal);
      const found = await database.withTenant(tenantId, (tx) => pki.inspect(tx, body.certificate), readOnly);
      return { status: 200, body: presentInspection(found) };
    },
  });
}

function authoritiesRoute(pki: Pki, { database, publicUrl }: PkiRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/crypto/authorities',
    operationId: 'listAuthorities',
    summary: 'The internal authorities of the tenant with their newest revocation lists',
    security: reads,
    audit: unrecorded,
    request: {},
    responses: { 200: { description: 'Authorities, newest generation first', schema: authoritiesSchema } },
    handler: async ({ principal }) => {
      const { tenantId } = requirePrincipal(principal);
      const found = await database.withTenant(tenantId, pki.authorities, readOnly);
      const items = found.map((authority) =>
        presentAuthority(authority, `${publicUrl}/v1/crypto/crl/${tenantId}/${authority.id}`),
      );
      return { status: 200, body: { items } };
    },
  });
}

function crlRoute(pki: Pki): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/crypto/crl/{tenantId}/{authorityId}',
    operationId: 'readRevocationList',
    summary: 'The newest revocation list of an authority, DER',
    security: {
      kind: 'public',
      reason: 'whoever checks a certificate must be able to read the list it names',
    },
    audit: { kind: 'none', reason: 'a public document that holds serial numbers only' },
    request: { params: crlParams },
    responses: { 200: { description: 'The list', contentType: 'application/pkix-crl' } },
    handler: async ({ params }) => {
      const authorityId = requireId('revocation list', params.authorityId);
      const tenantId = parseTenantId(requireId('revocation list', params.tenantId));
      const list = await pki.crl(tenantId, authorityId);
      if (list === null) throw notFound('revocation list', authorityId);
      return {
        status: 200,
        body: list.der,
        headers: { 'cache-control': 'no-cache', expires: list.nextUpdate.toUTCString() },
      };
    },
  });
}
