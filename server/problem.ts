import { STATUS_CODES } from 'node:http';
import { z } from 'zod';
import { isGatehouseError } from '../kernel/index.ts';

/** An error as it leaves. @see https://www.rfc-editor.org/rfc/rfc9457 */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  detail: z.string(),
  code: z.string(),
  requestId: z.string(),
  errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
});

/** @see {@link problemSchema} */
export type Problem = z.infer<typeof problemSchema>;

/** One wrong place in a request. */
export type FieldIssue = { readonly path: string; readonly message: string };

/** Promises nothing about what was done: a connection may break while a commit is under way. */
const faultOfOurs =
  'the request could not be completed; look whether it took effect before you repeat it, and quote the request id to your operator';

/** What any thrown value looks like from outside; server faults show nothing of their cause. */
export function toProblem(error: unknown, requestId: string): Problem {
  if (isGatehouseError(error)) {
    const detail = error.expose ? error.message : faultOfOurs;
    return build(error.status, error.code, detail, requestId, issuesOf(error.details['issues']));
  }
  const status = statusOf(error);
  if (status !== null && status < 500) {
    return build(
      status,
      codeOf(status),
      error instanceof Error ? error.message : 'the request is not valid',
      requestId,
    );
  }
  return build(500, 'ERR_INTERNAL', faultOfOurs, requestId);
}

function build(
  status: number,
  code: string,
  detail: string,
  requestId: string,
  errors?: readonly FieldIssue[],
): Problem {
  return {
    type: `/docs/errors#${code.toLowerCase()}`,
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail,
    code,
    requestId,
    ...(errors === undefined || errors.length === 0 ? {} : { errors: [...errors] }),
  };
}

function issuesOf(value: unknown): readonly FieldIssue[] | undefined {
  return Array.isArray(value) ? (value as readonly FieldIssue[]) : undefined; // put there by parse() in http.ts
}

function statusOf(error: unknown): number | null {
  if (typeof error !== 'object' || error === null) return null;
  const status = (error as { statusCode?: unknown }).statusCode; // Fastify's own errors carry it
  return typeof status === 'number' ? status : null;
}

function codeOf(status: number): string {
  const codes: Readonly<Record<number, string>> = {
    400: 'ERR_INVALID_REQUEST',
    404: 'ERR_NOT_FOUND',
    405: 'ERR_METHOD_NOT_ALLOWED',
    413: 'ERR_TOO_LARGE',
    415: 'ERR_UNSUPPORTED_MEDIA_TYPE',
    429: 'ERR_RATE_LIMITED',
  };
  return codes[status] ?? 'ERR_INVALID_REQUEST';
}
