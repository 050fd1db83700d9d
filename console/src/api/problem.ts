/** A problem that the server answered with (RFC 9457), or that the network gave us instead of an answer. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly requestId: string | null;

  constructor(fields: {
    status: number;
    code: string;
    title: string;
    detail: string;
    requestId: string | null;
  }) {
    super(`${fields.code}: ${fields.detail}`);
    this.status = fields.status;
    this.code = fields.code;
    this.title = fields.title;
    this.detail = fields.detail;
    this.requestId = fields.requestId;
  }
}

/** Reads a failed response; anything that is not problem+json still becomes a problem with the status as its code. */
export async function readProblem(response: Response): Promise<ApiProblem> {
  const body: unknown = await response.json().catch(() => null);
  const record = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>; // probed below
  const text = (key: string): string | null => (typeof record[key] === 'string' ? record[key] : null);
  return new ApiProblem({
    status: response.status,
    code: text('code') ?? `HTTP_${response.status}`,
    title: text('title') ?? (response.statusText || `HTTP ${response.status}`),
    detail: text('detail') ?? '',
    requestId: text('requestId') ?? response.headers.get('x-request-id') ?? text('instance'),
  });
}

/** What became of a request that never reached the server. */
export function networkProblem(): ApiProblem {
  return new ApiProblem({ status: 0, code: 'ERR_NETWORK', title: '', detail: '', requestId: null });
}

/** Retries only what may pass by itself: no answer, overload, a restart. */
export function shouldRetry(failures: number, error: unknown): boolean {
  if (failures >= 2) return false;
  return error instanceof ApiProblem && (error.status === 0 || error.status === 503);
}
