import { createPublicKey, type JsonWebKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { postToHouse } from '../call-house.ts';
import { UsageError, type Command } from '../command.ts';

/** A JWK file, or PEM as openssl writes it; only the public half goes on. */
async function readPublicKey(file: string): Promise<JsonWebKey> {
  const text = await readFile(file, 'utf8');
  try {
    const key = text.trimStart().startsWith('{')
      ? createPublicKey({ key: JSON.parse(text) as JsonWebKey, format: 'jwk' }) // node checks it
      : createPublicKey(text);
    return key.export({ format: 'jwk' });
  } catch {
    throw new UsageError(`"${file}" is neither a public key in PEM nor a JWK`);
  }
}

/** `gatehouse crypto export-keys`. */
export const exportKeysCommand: Command = {
  name: 'crypto export-keys',
  summary:
    "Propose to seal the tenant's keys to a public key, for escrow or leaving; a second person approves",
  usage:
    'gatehouse crypto export-keys --to PUBLIC-KEY.pem|.jwk --reason TEXT [--format jwe|rsa-aes-key-wrap] [--url URL] [--json]   (GATEHOUSE_SESSION: session cookie after a fresh step-up; "crypto approve … --json" prints the export)',
  options: {
    to: { type: 'string' },
    reason: { type: 'string' },
    format: { type: 'string' },
    url: { type: 'string' },
  },
  run: async (input) => {
    const { to, reason, format } = input.values;
    if (typeof to !== 'string') throw new UsageError('name the file with the public key: --to FILE');
    if (typeof reason !== 'string') throw new UsageError('say why: --reason TEXT');
    type Awaiting = { readonly approvalId: string; readonly digest: string; readonly expiresAt: string };
    const answer = await postToHouse<Awaiting>(input, '/v1/crypto/export-keys', {
      reason,
      recipient: await readPublicKey(to),
      ...(format === undefined ? {} : { format }),
    });
    if (input.json) input.io.out(JSON.stringify(answer));
    else {
      input.io.out(`proposed; until ${answer.expiresAt} a second person may run`);
      input.io.out(`  gatehouse crypto approve ${answer.approvalId} --digest ${answer.digest} --json`);
    }
    return 0;
  },
};
