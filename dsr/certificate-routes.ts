import { z } from 'zod';
import { defineRoute, type AnyRoute } from '../kernel/index.ts';
import { certificateKey, verifyCertificate } from './certificate.ts';
import type { DsrDeps } from './ports.ts';
import { problem } from './route-support.ts';
import { certificateBody, verificationResult } from './schema.ts';
import { selectCertificateKeys, selectCertificateMark } from './store-certificate.ts';

const notValid = {
  status: 'invalid' as const,
  valid: false,
  supersededAt: null,
  keyId: null,
  checks: [],
  claims: null,
};

async function markOf({ database }: DsrDeps, id: string): Promise<{ readonly marked_at: Date } | null> {
  const { rows } = await database.withSystem(
    (tx) => tx.query<{ marked_at: Date }>(selectCertificateMark, [id]),
    { readOnly: true },
  );
  return rows[0] ?? null;
}

/** Checking certificates, by anybody. */
export function certificateRoutes(deps: DsrDeps): readonly AnyRoute[] {
  return [listCertificateKeysRoute(deps), verifyCertificateRoute(deps)];
}

async function publishedKeys({
  database,
}: DsrDeps): Promise<readonly { key_id: string; public_key: Buffer; created_at: Date }[]> {
  const { rows } = await database.withSystem(
    (tx) => tx.query<{ key_id: string; public_key: Buffer; created_at: Date }>(selectCertificateKeys),
    { readOnly: true },
  );
  return rows;
}

function listCertificateKeysRoute(deps: DsrDeps): AnyRoute {
  return defineRoute({
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
        keys: (await publishedKeys(deps)).map((key) => ({
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
  });
}

function verifyCertificateRoute(deps: DsrDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/dsr/certificates/verify',
    operationId: 'verifyCertificate',
    summary: 'Check a certificate: signature, log checkpoint, inclusion',
    security: { kind: 'public', reason: 'whoever holds a certificate may check it' },
    audit: { kind: 'none', reason: 'nothing is read but public keys' },
    request: { body: certificateBody },
    responses: { 200: { description: 'What was found', schema: verificationResult }, 400: problem },
    handler: async (input) => {
      const known = new Map((await publishedKeys(deps)).map((key) => [key.key_id, key.public_key]));
      const result = verifyCertificate(input.body.certificate, (id) => {
        const raw = known.get(id);
        return raw === undefined ? null : certificateKey(raw);
      });
      if (!result.valid) return { status: 200, body: { ...notValid, reason: result.reason } };
      const { keyId, claims, checks } = result;
      const mark = await markOf(deps, claims.jti);
      const body = {
        status: mark === null ? ('valid' as const) : ('superseded' as const),
        valid: mark === null,
        supersededAt: mark?.marked_at.toISOString() ?? null,
        reason:
          mark === null
            ? null
            : 'superseded: the scan of everything after completion found something, and the request was reopened; ask for the new certificate',
        keyId,
        checks: [...checks],
        claims,
      };
      return { status: 200, body };
    },
  });
}
