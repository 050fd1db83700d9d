import { z } from 'zod';
import { defineRoute, type AnyRoute } from '../kernel/index.ts';
import { certificateKey, verifyCertificate } from './certificate.ts';
import type { DsrDeps } from './ports.ts';
import { problem } from './route-support.ts';
import { certificateBody, verificationResult } from './schema.ts';
import { selectCertificateKeys } from './store-work.ts';

/** Checking certificates, by anybody. */
export function certificateRoutes(deps: DsrDeps): readonly AnyRoute[] {
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
