import { z } from 'zod';
import {
  startRuleProxy,
  type Forward,
  type ProxiedAnswer,
  type ProxiedRequest,
  type RuleProxy,
} from './rule-proxy.ts';

/**
 * Stands before moto, whose disabled keys and keys that wait for deletion still encrypt and decrypt, and whose answers to
 * damaged blobs are not those of KMS: reads DescribeKey first and refuses as KMS does.
 */
export function startKmsGate(moto: string): Promise<RuleProxy> {
  return startRuleProxy(moto, gate);
}

const body = z.looseObject({ KeyId: z.string().optional() });
const described = z.looseObject({ KeyMetadata: z.looseObject({ KeyState: z.string(), Arn: z.string() }) });
const failed = z.looseObject({ __type: z.string() });
const decrypted = z.looseObject({ KeyId: z.string() });
const guarded: ReadonlySet<string> = new Set(['Encrypt', 'Decrypt', 'ReEncrypt', 'GenerateDataKey']);

/** The operation of a request, e.g. `Decrypt`. */
export const operationOf = ({ headers }: ProxiedRequest): string =>
  String(headers['x-amz-target']).replace('TrentService.', '');

/** A refusal in the form of KMS. */
export const refusal = (type: string, status = 400): ProxiedAnswer => ({
  status,
  headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-errortype': type },
  body: JSON.stringify({ __type: type, message: `refused: ${type}` }),
});

async function gate(request: ProxiedRequest, forward: Forward): Promise<ProxiedAnswer> {
  const operation = operationOf(request);
  const keyId = guarded.has(operation) ? body.parse(JSON.parse(request.body)).KeyId : undefined;
  if (keyId === undefined) return forward();
  const answer = await forward({
    headers: { ...request.headers, 'x-amz-target': 'TrentService.DescribeKey' },
    body: JSON.stringify({ KeyId: keyId }),
  });
  const state = described.safeParse(JSON.parse(answer.body));
  if (!state.success) return answer; // no such key
  const { KeyState: is, Arn: arn } = state.data.KeyMetadata;
  if (is === 'Disabled') return refusal('DisabledException');
  if (is !== 'Enabled') return refusal('KMSInvalidStateException');
  return asKms(operation, arn, await forward());
}

/** KMS finds out from the blob whether it is its own, and under which key. */
function asKms(operation: string, arn: string, answer: ProxiedAnswer): ProxiedAnswer {
  if (operation !== 'Decrypt') return answer;
  if (answer.status === 200)
    return decrypted.parse(JSON.parse(answer.body)).KeyId === arn ? answer : refusal('IncorrectKeyException');
  const type = failed.safeParse(safely(answer.body));
  const isOfBlob =
    answer.status >= 500 ||
    !type.success ||
    ['NotFoundException', 'AccessDeniedException'].includes(type.data.__type);
  return isOfBlob ? refusal('InvalidCiphertextException') : answer;
}

function safely(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // moto's own stack trace
  }
}
