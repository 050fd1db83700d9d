import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { certificateKey, describeBackups, verifyCertificate, type Verification } from '../../dsr/index.ts';
import { readBootstrap } from '../bootstrap-file.ts';
import type { Command, CommandInput, ExitCode } from '../command.ts';

const jwk = z.object({ kid: z.string(), x: z.string().regex(/^[A-Za-z0-9_-]{43}$/) });
const jwkSet = z.object({ keys: z.array(jwk).max(10_000) });
const keyText = /^([A-Za-z0-9._:-]{1,200}):([A-Za-z0-9_-]{43})$/;

const verifyCommand: Command = {
  name: 'dsr verify',
  summary: 'Checks a certificate of erasure: signature, log checkpoint, inclusion of the completion',
  usage: 'gatehouse dsr verify FILE (--key KEYID:BASE64URL | --keys JWKS-FILE | --url URL) [--json]',
  options: { key: { type: 'string' }, keys: { type: 'string' }, url: { type: 'string' } },
  run: async (input) => {
    const [file] = input.positionals;
    if (file === undefined) return misuse(input, 'name the certificate file');
    const keys = await trustedKeys(input);
    if (keys === null) return misuse(input, 'say which key to trust: --key, --keys or --url');
    let text: string;
    try {
      text = await readFile(file, 'utf8');
    } catch {
      return misuse(input, `the file "${file}" cannot be read`);
    }
    return report(
      input,
      verifyCertificate(text, (id) => keys.get(id) ?? null),
    );
  },
};

/** Keys that the caller names; the running house is asked only when nothing else was said. */
async function trustedKeys({
  values,
  io,
}: CommandInput): Promise<ReadonlyMap<string, ReturnType<typeof certificateKey>> | null> {
  const { key, keys, url } = values;
  if (typeof key === 'string') {
    const match = keyText.exec(key);
    return match === null
      ? null
      : new Map([[match[1] ?? '', certificateKey(Buffer.from(match[2] ?? '', 'base64url'))]]);
  }
  if (typeof keys === 'string') return toMap(JSON.parse(await readFile(keys, 'utf8')));
  const base = typeof url === 'string' ? url : (await readBootstrap(io.environment))?.url;
  if (base === undefined) return null;
  const answer = await fetch(new URL('/v1/dsr/certificates/keys', base), {
    signal: AbortSignal.timeout(10_000),
  });
  return answer.ok ? toMap(await answer.json()) : null;
}

function toMap(value: unknown): ReadonlyMap<string, ReturnType<typeof certificateKey>> | null {
  const parsed = jwkSet.safeParse(value);
  return parsed.success
    ? new Map(parsed.data.keys.map((one) => [one.kid, certificateKey(Buffer.from(one.x, 'base64url'))]))
    : null;
}

function report({ io, json }: CommandInput, result: Verification): ExitCode {
  if (json) io.out(JSON.stringify(result));
  else if (!result.valid) io.error(`NOT VALID: ${result.reason}`);
  else for (const line of describe(result)) io.out(line);
  return result.valid ? 0 : 1;
}

function describe({ claims, keyId, checks }: Extract<Verification, { valid: true }>): readonly string[] {
  const rows = claims.erased.reduce((sum, one) => sum + one.rows, 0);
  return [
    `VALID: signed by ${claims.iss} with key ${keyId}`,
    ...checks.map((check) => `  checked: ${check}`),
    `request ${claims.requestId}, ${claims.law.right}, completed ${claims.completedAt}`,
    `erased: ${rows} rows in ${claims.erased.filter((one) => one.rows > 0).length} collections`,
    ...claims.exemptions.map(
      (one) => `kept: ${one.rows} rows of ${one.collection} (${one.citation}, ${one.code})`,
    ),
    `absence scan: ${claims.absence.scope}, ${claims.absence.columns} columns of ${claims.absence.tables} tables, full scan ${claims.absence.fullScan}`,
    describeBackups(claims.backups),
  ];
}

function misuse({ io }: CommandInput, message: string): ExitCode {
  io.error(message);
  io.error(verifyCommand.usage);
  return 2;
}

/** Commands of this room. */
export const dsrCommands: readonly Command[] = Object.freeze([verifyCommand]);
