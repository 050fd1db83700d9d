import { defineRoute, notFound, type AnyRoute, type CallContext, type Principal } from '../kernel/index.ts';
import { drive } from './drive.ts';
import { dsrError } from './errors.ts';
import { certificateKey, verifyCertificate } from './certificate.ts';
import type { Connector } from './connectors/connector.ts';
import { requestRead } from './events.ts';
import { approvePlan, makePlan } from './planning.ts';
import { portalRoutes } from './portal-routes.ts';
import type { DsrDeps } from './ports.ts';
import { readRequest } from './request-row.ts';
import { listRequests, viewDetail, viewItem } from './request-view.ts';
import { openOperatorRequest, refuse } from './requests.ts';
import {
  approveBody,
  certificateBody,
  createBody,
  idParams,
  listQuery,
  refuseBody,
  requestDetail,
  requestItem,
  requestPage,
  verificationResult,
} from './schema.ts';
import { selectCertificate, selectCertificateKeys } from './store-work.ts';
import { z } from 'zod';

type Ports = { readonly deps: DsrDeps; readonly connector: Connector };
type Input = { readonly principal: Principal | null; readonly call: CallContext };

const problem = { description: 'Problem details (RFC 9457)' };
const detailResponses = {
  200: { description: 'The request as it is now', schema: requestDetail },
  401: problem,
  403: problem,
  404: problem,
  409: problem,
};

/** Every route of this room. */
export function createDsrRoutes(ports: Ports): readonly AnyRoute[] {
  return Object.freeze([
    ...readRoutes(ports),
    ...writeRoutes(ports),
    ...workRoutes(ports),
    ...certificateRoutes(ports),
    ...portalRoutes(ports.deps),
  ]);
}

/** The adapter has authenticated and decided; a route of kind `principal` never runs without one. */
function caller({ principal, call }: Input): { readonly principal: Principal; readonly call: CallContext } {
  if (principal === null)
    throw dsrError('ERR_DSR_BUSY', 'the route was called without a principal', { status: 500 });
  return { principal, call };
}

async function detailOf(
  { deps }: Ports,
  principal: Principal,
  id: string,
): Promise<z.output<typeof requestDetail>> {
  return deps.database.withTenant(principal.tenantId, async (tx) =>
    viewDetail(deps, tx, await readRequest(tx, id)),
  );
}

function readRoutes(ports: Ports): readonly AnyRoute[] {
  const { deps } = ports;
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/dsr/requests',
      operationId: 'listDsrRequests',
      summary: 'Requests, newest first',
      security: { kind: 'principal', action: 'dsr.read' },
      audit: { kind: 'none', reason: 'lists show masked identities only; opening a request is recorded' },
      request: { query: listQuery },
      responses: { 200: { description: 'A page', schema: requestPage }, 401: problem, 403: problem },
      handler: async (input) => {
        const { principal } = caller(input);
        const body = await deps.database.withTenant(
          principal.tenantId,
          (tx) => listRequests(tx, input.query, deps.clock.now()),
          { readOnly: true },
        );
        return { status: 200, body };
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/dsr/requests/{id}',
      operationId: 'getDsrRequest',
      summary: 'One request with its plan, tasks, findings and clock',
      security: { kind: 'principal', action: 'dsr.read' },
      audit: { kind: 'event', actions: [requestRead.action] },
      request: { params: idParams },
      responses: {
        200: { description: 'The request', schema: requestDetail },
        401: problem,
        403: problem,
        404: problem,
      },
      handler: async (input) => {
        const { principal, call } = caller(input);
        await deps.crypto.warm(principal.tenantId);
        const body = await deps.database.withTenant(principal.tenantId, async (tx) => {
          const row = await readRequest(tx, input.params.id);
          await deps.audit.append(tx, {
            definition: requestRead,
            tenantId: principal.tenantId,
            outcome: 'success',
            actor: principal,
            call,
            targets: [{ type: 'dsr.request', id: row.id }],
            detail: { requestId: row.id },
          });
          return viewDetail(deps, tx, row);
        });
        return { status: 200, body };
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/dsr/requests/{id}/certificate',
      operationId: 'getDsrCertificate',
      summary: 'The certificate of erasure as compact JWS',
      security: { kind: 'principal', action: 'dsr.download' },
      audit: {
        kind: 'none',
        reason: 'a certificate holds no personal data and is meant to be shown to anybody',
      },
      request: { params: idParams },
      responses: {
        200: { description: 'Compact JWS', contentType: 'application/jose' },
        401: problem,
        403: problem,
        404: problem,
      },
      handler: async (input) => {
        const { principal } = caller(input);
        const { rows } = await deps.database.withTenant(
          principal.tenantId,
          (tx) => tx.query<{ jws: string }>(selectCertificate, [input.params.id]),
          { readOnly: true },
        );
        const certificate = rows[0];
        if (certificate === undefined) throw notFound('certificate of request', input.params.id);
        return { status: 200, body: certificate.jws, headers: { 'content-type': 'application/jose' } };
      },
    }),
  ];
}

function writeRoutes(ports: Ports): readonly AnyRoute[] {
  const { deps } = ports;
  return [
    defineRoute({
      method: 'POST',
      path: '/v1/dsr/requests',
      operationId: 'createDsrRequest',
      summary: 'Enter a request that arrived by letter, telephone or counter',
      security: { kind: 'principal', action: 'dsr.create' },
      audit: { kind: 'event', actions: ['dsr.request_received', 'dsr.state_changed'] },
      request: { body: createBody },
      responses: {
        201: { description: 'Taken in', schema: requestItem },
        400: problem,
        401: problem,
        403: problem,
      },
      handler: async (input) => {
        const row = await openOperatorRequest(deps, caller(input), input.body);
        return {
          status: 201,
          body: viewItem(row, deps.clock.now()),
          headers: { location: `/v1/dsr/requests/${row.id}` },
        };
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/dsr/requests/{id}/refuse',
      operationId: 'refuseDsrRequest',
      summary: 'Refuse with a ground; the person is told the reason and where to complain',
      security: { kind: 'principal', action: 'dsr.refuse' },
      audit: { kind: 'event', actions: ['dsr.state_changed'] },
      request: { params: idParams, body: refuseBody },
      responses: detailResponses,
      handler: async (input) => {
        const by = caller(input);
        await refuse(
          deps,
          { tenantId: by.principal.tenantId, requestId: input.params.id },
          { ...by, ...input.body },
        );
        return { status: 200, body: await detailOf(ports, by.principal, input.params.id) };
      },
    }),
  ];
}

function workRoutes(ports: Ports): readonly AnyRoute[] {
  return [
    defineRoute({
      method: 'POST',
      path: '/v1/dsr/requests/{id}/plan',
      operationId: 'planDsrRequest',
      summary: 'Plan from the data map, with row counts',
      security: { kind: 'principal', action: 'dsr.plan' },
      audit: { kind: 'event', actions: ['dsr.plan_created', 'dsr.state_changed'] },
      request: { params: idParams },
      responses: detailResponses,
      handler: async (input) => {
        const by = caller(input);
        await makePlan(ports, by.principal.tenantId, input.params.id, by);
        return { status: 200, body: await detailOf(ports, by.principal, input.params.id) };
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/dsr/requests/{id}/approve',
      operationId: 'approveDsrPlan',
      summary: 'A second person approves exactly this plan',
      security: { kind: 'principal', action: 'dsr.approve', stepUp: { level: 2, maxAgeSeconds: 300 } },
      audit: { kind: 'event', actions: ['dsr.plan_approved', 'dsr.state_changed'] },
      request: { params: idParams, body: approveBody },
      responses: detailResponses,
      handler: async (input) => {
        const by = caller(input);
        await approvePlan(ports, by.principal.tenantId, input.params.id, {
          ...by,
          planHash: input.body.planHash,
        });
        return { status: 200, body: await detailOf(ports, by.principal, input.params.id) };
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/dsr/requests/{id}/execute',
      operationId: 'executeDsrRequest',
      summary: 'Carry it out now; the worker would otherwise do so for approved erasures',
      security: { kind: 'principal', action: 'dsr.execute' },
      audit: { kind: 'event', actions: ['dsr.state_changed', 'dsr.execution_refused'] },
      request: { params: idParams },
      responses: detailResponses,
      handler: async (input) => {
        const by = caller(input);
        const tenantId = by.principal.tenantId;
        await drive(ports, { tenantId, requestId: input.params.id }, { actor: by.principal, call: by.call });
        return { status: 200, body: await detailOf(ports, by.principal, input.params.id) };
      },
    }),
  ];
}

function certificateRoutes({ deps }: Ports): readonly AnyRoute[] {
  const keys = async (): Promise<readonly { key_id: string; public_key: Buffer; created_at: Date }[]> =>
    (
      await deps.database.withSystem(
        (tx) => tx.query<{ key_id: string; public_key: Buffer; created_at: Date }>(selectCertificateKeys),
        { readOnly: true },
      )
    ).rows;
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/dsr/certificates/keys',
      operationId: 'listCertificateKeys',
      summary: 'Public keys that certificates are signed with, as JWK set',
      security: { kind: 'public', reason: 'public keys, for verification by outsiders' },
      audit: { kind: 'none', reason: 'public keys' },
      request: {},
      responses: {
        200: {
          description: 'RFC 7517 key set',
          schema: z.object({ keys: z.array(z.record(z.string(), z.string())) }),
        },
      },
      handler: async () => ({
        status: 200,
        body: {
          keys: (await keys()).map((key) => ({
            kty: 'OKP',
            crv: 'Ed25519',
            use: 'sig',
            alg: 'EdDSA',
            kid: key.key_id,
            x: key.public_key.toString('base64url'),
            createdAt: key.created_at.toISOString(),
          })),
        },
      }),
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/dsr/certificates/verify',
      operationId: 'verifyCertificate',
      summary: 'Check a certificate: signature, log checkpoint, inclusion',
      security: { kind: 'public', reason: 'whoever holds a certificate may check it' },
      audit: { kind: 'none', reason: 'nothing is read but public keys' },
      request: { body: certificateBody },
      responses: { 200: { description: 'What was found', schema: verificationResult }, 400: problem },
      handler: async ({ body }) => {
        const known = new Map((await keys()).map((key) => [key.key_id, key.public_key]));
        const result = verifyCertificate(body.certificate, (id) => {
          const raw = known.get(id);
          return raw === undefined ? null : certificateKey(raw);
        });
        const answer = result.valid
          ? {
              valid: true,
              reason: null,
              keyId: result.keyId,
              checks: [...result.checks],
              claims: result.claims,
            }
          : { valid: false, reason: result.reason, keyId: null, checks: [], claims: null };
        return { status: 200, body: answer };
      },
    }),
  ];
}
