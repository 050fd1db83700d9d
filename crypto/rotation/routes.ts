import { z } from 'zod';
import type { Database } from '../../db/index.ts';
import {
  defineRoute,
  invalidRequest,
  notFound,
  requirePrincipal,
  type AnyRoute,
  type Clock,
  type Principal,
} from '../../kernel/index.ts';
import type { KeyJob } from './key-job.ts';
import type { KeyJobs } from './key-jobs.ts';
import { jobPageSchema, jobSchema, jobsSchema, rotateSchema } from './schema.ts';

/** What the routes need. */
export type KeyJobRoutesDeps = {
  readonly database: Database;
  readonly clock: Clock;
  /** How long a job is waited for before it goes on behind the answer; default 10,000. */
  readonly rotationWaitMilliseconds?: number;
};

type Rotate = z.output<typeof rotateSchema>;
const defaultWait = 10_000;
const day = 86_400_000;
const stepUp = { level: 2, maxAgeSeconds: 300 } as const;
const readOnly = Object.freeze({ readOnly: true });
const answers = {
  200: { description: 'The job is done', schema: jobSchema },
  202: { description: 'The job goes on; GET /v1/crypto/jobs/{id} shows how far it is', schema: jobSchema },
} as const;

/** `/v1/crypto/rotate`, `/v1/crypto/rewrap`, `/v1/crypto/jobs`. */
export function createKeyJobRoutes(jobs: KeyJobs, deps: KeyJobRoutesDeps): readonly AnyRoute[] {
  return [rotateRoute(jobs, deps), rewrapRoute(jobs, deps), listRoute(jobs, deps), jobRoute(jobs, deps)];
}

function rotateRoute(jobs: KeyJobs, deps: KeyJobRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/crypto/rotate',
    operationId: 'rotateCryptoKeys',
    summary:
      'Replace keys: the tenant key by default, or data keys, or a blind index; stored data stays readable',
    security: { kind: 'principal', action: 'crypto.rotate', stepUp },
    audit: {
      kind: 'event',
      actions: [
        'crypto.rotation_started',
        'crypto.rotation_finished',
        'crypto.key_job_started',
        'crypto.key_job_finished',
      ],
    },
    request: { body: rotateSchema },
    responses: answers,
    handler: async ({ principal, body }) => {
      const actor = requirePrincipal(principal);
      return answer(jobs, deps, actor, await begin(jobs, deps, actor, body));
    },
  });
}

function begin(jobs: KeyJobs, deps: KeyJobRoutesDeps, actor: Principal, body: Rotate): Promise<KeyJob> {
  const { tenantId } = actor;
  const { subjectId, purpose, olderThanDays, collection, field, index } = body;
  switch (body.keys) {
    case 'tenant':
      return jobs.rotateTenantKey(tenantId, actor);
    case 'person':
      return jobs.rotateDataKeys(tenantId, { subjectId: given('subjectId', subjectId) }, actor);
    case 'purpose':
      return jobs.rotateDataKeys(tenantId, { purpose: given('purpose', purpose) }, actor);
    case 'overdue': {
      const before = new Date(deps.clock.now().getTime() - given('olderThanDays', olderThanDays) * day);
      return jobs.rotateDataKeys(tenantId, { before: before.toISOString() }, actor);
    }
    case 'index': {
      const name = { collection: given('collection', collection), field: given('field', field) };
      return jobs.rotateIndex(tenantId, { ...name, index: given('index', index) }, actor);
    }
  }
}

function given<Value>(name: string, value: Value | undefined): Value {
  if (value === undefined) throw invalidRequest(`"${name}" is needed for these keys; give it`);
  return value;
}

function rewrapRoute(jobs: KeyJobs, deps: KeyJobRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/crypto/rewrap',
    operationId: 'rewrapCryptoKeys',
    summary: 'Wrap every data key under the active epoch, without a new one; stored data does not change',
    security: { kind: 'principal', action: 'crypto.rotate', stepUp },
    audit: { kind: 'event', actions: ['crypto.rotation_finished'] },
    request: {},
    responses: answers,
    handler: async ({ principal }) => {
      const actor = requirePrincipal(principal);
      return answer(jobs, deps, actor, await jobs.rewrap(actor.tenantId, actor));
    },
  });
}

/** Waits a while for the job; a longer one is let go, and any process takes it up behind the answer. */
async function answer(
  jobs: KeyJobs,
  deps: KeyJobRoutesDeps,
  { tenantId }: Principal,
  job: KeyJob,
): Promise<{ status: 200 | 202; body: unknown }> {
  const signal = AbortSignal.timeout(Math.max(1, deps.rotationWaitMilliseconds ?? defaultWait));
  try {
    return { status: 200, body: jobBody(await jobs.wait(tenantId, job, signal)) };
  } catch (error) {
    if (!signal.aborted) throw error;
    const latest = await deps.database.withTenant(tenantId, (tx) => jobs.find(tx, job.id), readOnly);
    return { status: latest?.state === 'done' ? 200 : 202, body: jobBody(latest ?? job) };
  }
}

/** A job as the API shows it. */
export function jobBody(job: KeyJob): unknown {
  const { id, kind, target, state, phase, total, done, rate, error } = job;
  return {
    ...{ id, kind, target, state, phase, total, done, rate, error },
    startedAt: job.startedAt.toISOString(),
    heartbeatAt: job.heartbeatAt.toISOString(),
    finishedAt: job.finishedAt?.toISOString() ?? null,
  };
}

function listRoute(jobs: KeyJobs, { database }: KeyJobRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/crypto/jobs',
    operationId: 'listKeyJobs',
    summary: 'Long works on keys, newest first, with progress and rate',
    security: { kind: 'principal', action: 'crypto.read' },
    audit: { kind: 'none', reason: 'counts of keys and rows, nothing of what they hold' },
    request: { query: jobPageSchema },
    responses: { 200: { description: 'A page of jobs', schema: jobsSchema } },
    handler: async ({ principal, query }) => {
      const { tenantId } = requirePrincipal(principal);
      const page = { after: readCursor(query.cursor), limit: query.limit + 1 };
      const found = await database.withTenant(tenantId, (tx) => jobs.list(tx, page), readOnly);
      const items = found.slice(0, query.limit);
      const last = found.length > query.limit ? items.at(-1) : undefined;
      const nextCursor = last === undefined ? null : Buffer.from(last.id, 'utf8').toString('base64url');
      return { status: 200, body: { items: items.map(jobBody), nextCursor } };
    },
  });
}

function readCursor(cursor: string | undefined): string | null {
  if (cursor === undefined) return null;
  const id = z.uuid().safeParse(Buffer.from(cursor, 'base64url').toString('utf8'));
  if (!id.success) throw invalidRequest('the cursor is not one that this list gave; start without a cursor');
  return id.data;
}

function jobRoute(jobs: KeyJobs, { database }: KeyJobRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/crypto/jobs/{id}',
    operationId: 'readKeyJob',
    summary: 'How far one long work on keys is',
    security: { kind: 'principal', action: 'crypto.read' },
    audit: { kind: 'none', reason: 'counts of keys and rows, nothing of what they hold' },
    request: { params: z.object({ id: z.uuid() }) },
    responses: { 200: { description: 'The job', schema: jobSchema } },
    handler: async ({ principal, params }) => {
      const { tenantId } = requirePrincipal(principal);
      const job = await database.withTenant(tenantId, (tx) => jobs.find(tx, params.id), readOnly);
      if (job === null) throw notFound('key job', params.id);
      return { status: 200, body: jobBody(job) };
    },
  });
}
