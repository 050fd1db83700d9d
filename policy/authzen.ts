import { z } from 'zod';
import type { Decision } from './decision.ts';

/** Bounds keep a request from being a load test. */
const maxProperties = 65_536;
const properties = z
  .record(z.string().max(256), z.unknown())
  .refine(
    (value) => JSON.stringify(value).length <= maxProperties,
    `must be at most ${maxProperties} characters of JSON`,
  );

// Unknown members are ignored, as the standard asks.
const entity = z.object({
  type: z.string().min(1).max(100),
  id: z.string().min(1).max(1_024),
  properties: properties.optional(),
});
const action = z.object({ name: z.string().min(1).max(256), properties: properties.optional() });

/** @see https://openid.net/specs/authorization-api-1_0.html#name-the-access-evaluation-api-r */
export const evaluationRequestSchema = z.object({
  subject: entity,
  action,
  resource: entity,
  context: properties.optional(),
});
const itemSchema = evaluationRequestSchema.partial();
/** One question, complete. */
export type EvaluationRequest = z.output<typeof evaluationRequestSchema>;

const semantics = ['execute_all', 'deny_on_first_deny', 'permit_on_first_permit'] as const;

/**
 * Items are looked at one by one: a wrong item is answered in its place, not by refusing the batch.
 *
 * @see https://openid.net/specs/authorization-api-1_0.html#name-the-access-evaluations-api-
 */
export const evaluationsRequestSchema = z.object({
  subject: entity.optional(),
  action: action.optional(),
  resource: entity.optional(),
  context: properties.optional(),
  evaluations: z.array(z.record(z.string(), z.unknown())).max(100).optional(),
  options: z.looseObject({ evaluations_semantic: z.enum(semantics).default('execute_all') }).optional(),
});
/** A batch with its defaults. */
export type EvaluationsRequest = z.output<typeof evaluationsRequestSchema>;

/** An item with the defaults put in, or what is wrong with it. */
export type BatchItem =
  | { readonly kind: 'question'; readonly question: EvaluationRequest }
  | { readonly kind: 'wrong'; readonly message: string };

/** Whole entities of an item replace those of the batch. */
export function mergeItem(batch: EvaluationsRequest, item: Readonly<Record<string, unknown>>): BatchItem {
  const own = itemSchema.safeParse(item); // the batch's own entities were parsed with it
  if (!own.success) {
    const [issue] = own.error.issues;
    return wrong(issue?.path.join('.') ?? '', issue?.message ?? 'is not valid');
  }
  const subject = own.data.subject ?? batch.subject;
  const act = own.data.action ?? batch.action;
  const resource = own.data.resource ?? batch.resource;
  const context = own.data.context ?? batch.context;
  if (subject === undefined) return wrong('subject', missing);
  if (act === undefined) return wrong('action', missing);
  if (resource === undefined) return wrong('resource', missing);
  return {
    kind: 'question',
    question: { subject, action: act, resource, ...(context === undefined ? {} : { context }) },
  };
}

const missing = 'is needed here or beside the evaluations';

function wrong(path: string, message: string): BatchItem {
  return { kind: 'wrong', message: `${path}: ${message}` };
}

/** Whether the batch is over after this answer. */
export function endsBatch(semantic: (typeof semantics)[number], decision: boolean): boolean {
  return (
    (semantic === 'deny_on_first_deny' && !decision) || (semantic === 'permit_on_first_permit' && decision)
  );
}

/** A decision as AuthZEN states it: reasons and obligations in `context`. */
export function toResponse(decision: Decision): Record<string, unknown> {
  const { reasons, obligations, revision } = decision;
  return {
    decision: decision.decision,
    context: {
      reasons: reasons.map(({ code, message, rule }) => ({ code, message, rule })),
      ...(obligations.length === 0 ? {} : { obligations }),
      revision,
    },
  };
}

/** An item that could not be asked: denied, with the reason in the standard's shape. */
export function toErrorResponse(message: string): Record<string, unknown> {
  return { decision: false, context: { error: { status: 400, message } } };
}

/** @see https://openid.net/specs/authorization-api-1_0.html#name-policy-decision-point-metad */
export function metadata(publicUrl: string): Record<string, unknown> {
  const base = publicUrl.replace(/\/$/, '');
  return {
    policy_decision_point: base,
    access_evaluation_endpoint: `${base}/access/v1/evaluation`,
    access_evaluations_endpoint: `${base}/access/v1/evaluations`,
    capabilities: [],
  };
}
