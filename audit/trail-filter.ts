import { invalidRequest } from '../kernel/index.ts';
import { queryBuilder, sql, type Expression, type SqlBool } from '../db/index.ts';
import type { TrailFilter } from './schema.ts';

const uuidShape = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const operators = /^(actor|action|outcome|subject):(.+)$/;

/** Takes `actor:…`-like words out of the free text and makes them filters. */
export function readOperators(filter: TrailFilter): TrailFilter & { readonly words: readonly string[] } {
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
  return { ...fields, ...(found as Partial<TrailFilter>), words }; // the names are those of the filter
}

/** `%` and `_` as themselves inside LIKE. */
function literal(text: string): string {
  return text.replaceAll(/[\\%_]/g, (special) => `\\${special}`);
}

/** The conditions of a filter over `audit.entry as e`. Row-level security adds the tenant; naming it lets indexes work. */
export function trailConditions(tenantId: string, filter: TrailFilter): readonly Expression<SqlBool>[] {
  const { actor, action, outcome, subject, from, to, words } = readOperators(filter);
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
  for (const word of words) {
    const pattern = `%${literal(word)}%`;
    conditions.push(
      sql<SqlBool>`(e.action ilike ${pattern} or e.actor_id ilike ${pattern} or e.targets ilike ${pattern})`,
    );
  }
  return conditions;
}

function actionCondition(action: string): Expression<SqlBool> {
  if (!action.endsWith('*')) return sql<SqlBool>`e.action = ${action}`;
  return sql<SqlBool>`e.action like ${`${literal(action.slice(0, -1))}%`}`;
}

/** The entries that match, newest first, without columns yet. */
export function matchingEntries(tenantId: string, filter: TrailFilter) {
  let query = queryBuilder.selectFrom('audit.entry as e');
  for (const condition of trailConditions(tenantId, filter)) query = query.where(condition);
  return query;
}
