import { invalidRequest } from '../kernel/index.ts';
import { queryBuilder, sql, type Expression, type SqlBool } from '../db/index.ts';
import type { TrailFilter } from './schema.ts';
import { termQuery } from './search/terms.ts';

const uuidShape = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const operators = /^(actor|action|outcome|subject|session|trace|request|target|category):(.+)$/;

/** A filter whose operators were taken out of the free text. */
export type ReadFilter = TrailFilter & { readonly words: readonly string[] };

/** Takes `actor:…`-like words out of the free text and makes them filters. */
export function readOperators(filter: TrailFilter): ReadFilter {
  const { q = '', ...fields } = filter;
  const words: string[] = [];
  const found: Record<string, string> = {};
  for (const word of q.split(/\s+/).filter((part) => part !== '')) {
    const [, name, value] = operators.exec(word) ?? [];
    if (name === undefined || value === undefined) words.push(word);
    else found[name] = value;
  }
  if (found['subject'] !== undefined && !uuidShape.test(found['subject']))
    throw invalidRequest('"subject:" expects the id of a person');
  if (found['outcome'] !== undefined && !outcomes.has(found['outcome']))
    throw invalidRequest('"outcome:" expects success, failure or denied');
  return { ...fields, ...(found as Partial<TrailFilter>), words }; // the names are those of the filter
}

const outcomes = new Set(['success', 'failure', 'denied']);

/**
 * The conditions of a filter over `audit.entry as e`, without what only the projection knows. Row-level security adds
 * the tenant; naming it lets indexes work.
 */
export function plainConditions(tenantId: string, read: ReadFilter): Expression<SqlBool>[] {
  const { actor, action, outcome, subject, from, to } = read;
  const conditions: Expression<SqlBool>[] = [sql<SqlBool>`e.tenant_id = ${tenantId}::uuid`];
  if (actor !== undefined) conditions.push(sql<SqlBool>`e.actor_id = ${actor}`);
  if (action !== undefined) conditions.push(actionCondition(action));
  if (outcome !== undefined) conditions.push(sql<SqlBool>`e.outcome = ${outcome}`);
  if (from !== undefined) conditions.push(sql<SqlBool>`e.occurred_at >= ${from}::timestamptz`);
  if (to !== undefined) conditions.push(sql<SqlBool>`e.occurred_at < ${to}::timestamptz`);
  if (subject !== undefined) {
    conditions.push(
      sql<SqlBool>`e.seq in (select s.seq from audit.entry_subject s where s.tenant_id = ${tenantId}::uuid and s.subject_id = ${subject}::uuid)`,
    );
  }
  return conditions;
}

/** All conditions of a filter over `audit.entry as e`. */
function trailConditions(tenantId: string, filter: TrailFilter): readonly Expression<SqlBool>[] {
  const read = readOperators(filter);
  const wanted = projectedTerms(read);
  const conditions = plainConditions(tenantId, read);
  if (wanted.length > 0) conditions.push(projectedCondition(tenantId, wanted));
  return conditions;
}

/** Whether a filter asks for what only the projection knows. */
export const needsProjection = (filter: TrailFilter): boolean =>
  projectedTerms(readOperators(filter)).length > 0;

/** What only the projection knows, as terms of it. */
export function projectedTerms({
  words,
  session,
  trace,
  request,
  target,
  category,
}: ReadFilter): readonly Term[] {
  const typed = Object.entries({ session, trace, request, target, category }).flatMap(([kind, value]) =>
    value === undefined ? [] : [{ term: `${kind}:${value.toLowerCase()}`, prefix: false }],
  );
  return [...typed, ...words.map((text) => ({ term: `w:${text.toLowerCase()}`, prefix: true }))];
}

type Term = { readonly term: string; readonly prefix: boolean };

function projectedCondition(tenantId: string, terms: readonly Term[]): Expression<SqlBool> {
  const query = termQuery(tenantId, terms);
  return sql<SqlBool>`e.seq in (select s.seq from audit.search_entry s where s.tenant_id = ${tenantId}::uuid and s.terms @@ ${query}::tsquery)`;
}

function actionCondition(action: string): Expression<SqlBool> {
  if (!action.endsWith('*')) return sql<SqlBool>`e.action = ${action}`;
  const prefix = action.slice(0, -1);
  // Not LIKE, which is not leakproof: behind row-level security no index would answer it.
  return sql<SqlBool>`e.action ~>=~ ${prefix} and e.action ~<~ ${`${prefix}\u{10ffff}`}`;
}

/** The entries that match, newest first, without columns yet. */
export function matchingEntries(tenantId: string, filter: TrailFilter) {
  let query = queryBuilder.selectFrom('audit.entry as e');
  for (const condition of trailConditions(tenantId, filter)) query = query.where(condition);
  return query;
}
