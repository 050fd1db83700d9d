import { z } from 'zod';
import {
  requirePrincipal,
  defineRoute,
  invalidRequest,
  type AnyRoute,
  type CallContext,
  type Principal,
} from '../kernel/index.ts';
import {
  endsBatch,
  evaluationRequestSchema,
  evaluationsRequestSchema,
  mergeItem,
  metadata,
  toErrorResponse,
  toResponse,
  type EvaluationRequest,
  type EvaluationsRequest,
} from './authzen.ts';
import type { Decision } from './decision.ts';
import { batchEvent, evaluationEvent, type Answered } from './evaluation-event.ts';
import type { PolicyRouteDeps } from './route-deps.ts';

const responseSchema = z.looseObject({ decision: z.boolean(), context: z.looseObject({}).optional() });

/** AuthZEN 1.0: any enforcement point that speaks it can use this house as its decision point. */
export function createAuthzenRoutes(deps: PolicyRouteDeps): readonly AnyRoute[] {
  const routes = [evaluation(deps), evaluations(deps)];
  return deps.publicUrl === null ? routes : [...routes, configuration(deps.publicUrl)];
}

function evaluation(deps: PolicyRouteDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/access/v1/evaluation',
    operationId: 'authzenEvaluation',
    summary: 'AuthZEN: may this subject do this to that',
    security: { kind: 'principal', action: 'policy.evaluate' },
    audit: { kind: 'event', actions: ['policy.evaluated'] },
    request: { body: evaluationRequestSchema },
    responses: { 200: { description: 'The decision; a denial is 200 as well', schema: responseSchema } },
    handler: async ({ principal, body, call, headers }) => {
      const decision = await answerOne(deps, requirePrincipal(principal), body, call);
      return { status: 200, body: toResponse(decision), headers: echo(headers) };
    },
  });
}

async function answerOne(
  deps: PolicyRouteDeps,
  by: Principal,
  question: EvaluationRequest,
  call: CallContext,
): Promise<Decision> {
  const decision = await ask(deps, by, question, call);
  // The record first: an answer that is not in the log is not given.
  await deps.audit.record(evaluationEvent(by, call, answered(question, decision)));
  return decision;
}

function evaluations(deps: PolicyRouteDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/access/v1/evaluations',
    operationId: 'authzenEvaluations',
    summary: 'AuthZEN: several questions at once, in order',
    security: { kind: 'principal', action: 'policy.evaluate' },
    audit: { kind: 'event', actions: ['policy.batch_evaluated', 'policy.evaluated'] },
    request: { body: evaluationsRequestSchema },
    responses: { 200: { description: 'One answer for each question', schema: z.looseObject({}) } },
    handler: async ({ principal, body, call, headers }) => {
      const by = requirePrincipal(principal);
      if (body.evaluations === undefined || body.evaluations.length === 0) {
        const question = evaluationRequestSchema.safeParse(body);
        if (!question.success)
          throw invalidRequest('without evaluations, subject, action and resource are needed');
        return {
          status: 200,
          body: toResponse(await answerOne(deps, by, question.data, call)),
          headers: echo(headers),
        };
      }
      return {
        status: 200,
        body: { evaluations: await answerBatch(deps, by, body, call) },
        headers: echo(headers),
      };
    },
  });
}

async function answerBatch(
  deps: PolicyRouteDeps,
  by: Principal,
  batch: EvaluationsRequest,
  call: CallContext,
): Promise<readonly Record<string, unknown>[]> {
  const semantic = batch.options?.evaluations_semantic ?? 'execute_all';
  const responses: Record<string, unknown>[] = [];
  const asked: Answered[] = [];
  for (const item of batch.evaluations ?? []) {
    const merged = mergeItem(batch, item);
    let allowed = false;
    if (merged.kind === 'wrong') responses.push(toErrorResponse(merged.message));
    else {
      const decision = await ask(deps, by, merged.question, call);
      asked.push(answered(merged.question, decision));
      responses.push(toResponse(decision));
      allowed = decision.decision;
    }
    if (endsBatch(semantic, allowed)) break;
  }
  await deps.audit.record(batchEvent(by, call, semantic, asked));
  return responses;
}

function ask(
  deps: PolicyRouteDeps,
  by: Principal,
  question: EvaluationRequest,
  call: CallContext,
): Promise<Decision> {
  const { subject, action, resource, context } = question;
  const purpose = context?.['purpose'];
  const reference = {
    type: subject.type,
    id: subject.id,
    ...(subject.properties === undefined ? {} : { properties: subject.properties }),
  };
  // AuthZEN asks about one resource, so absent properties are unknown values, never "any row".
  const target = { type: resource.type, id: resource.id, properties: resource.properties ?? {} };
  return deps.decider.decideSubject(by.tenantId, reference, action.name, target, {
    call,
    ...(typeof purpose === 'string' ? { purpose } : {}),
  });
}

function answered({ subject, action, resource }: EvaluationRequest, decision: Decision): Answered {
  return { subject, action: action.name, resource, decision };
}

function configuration(publicUrl: string): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/.well-known/authzen-configuration',
    operationId: 'authzenConfiguration',
    summary: 'AuthZEN: metadata of this decision point',
    security: { kind: 'public', reason: 'the standard publishes it before anybody can authenticate' },
    audit: { kind: 'none', reason: 'constant and public' },
    request: {},
    responses: {
      200: { description: 'Metadata', schema: z.looseObject({ policy_decision_point: z.string() }) },
    },
    handler: async () => ({ status: 200, body: metadata(publicUrl) }),
  });
}

function echo(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): Record<string, string> {
  const id = headers['x-request-id'];
  return typeof id === 'string' && id.length <= 256 && /^[\x21-\x7e]+$/.test(id)
    ? { 'x-request-id': id }
    : {};
}
