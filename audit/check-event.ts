import { parseSubjectId, type AuditEvent, type EventDefinition } from '../kernel/index.ts';
import { canonicalJson } from './canonical-json.ts';
import { auditError } from './errors.ts';

/** Checks an event against its definition. @returns the canonical JSON of its detail */
export type EventChecker = (event: AuditEvent) => string;

const maxSubjects = 1_000;
const maxTargets = 1_000;
const maxTextLength = 1_000;

/**
 * @param definitions - every event that may be recorded
 * @throws ERR_AUDIT_INVALID_EVENT when two definitions share action and version
 */
export function createEventChecker(definitions: readonly EventDefinition[]): EventChecker {
  const known = new Map<string, EventDefinition>();
  for (const definition of definitions) {
    const name = nameOf(definition);
    if (known.has(name)) throw invalid(`the event ${name} is declared twice`);
    known.set(name, definition);
  }
  const declared = new Map(definitions.map((definition) => [definition, nameOf(definition)] as const));
  return (event) => {
    const name = declared.get(event.definition) ?? nameOf(event.definition);
    const definition = known.get(name);
    if (definition === undefined)
      throw auditError(
        'ERR_AUDIT_UNKNOWN_EVENT',
        `the event ${name} is not declared; add it to the room's events`,
      );
    const parsed = definition.detail.safeParse(event.detail);
    if (!parsed.success)
      throw invalid(
        `the detail of ${name} does not fit its definition: ${parsed.error.issues.map(({ path, code }) => `${path.join('.')} ${code}`).join(', ')}`,
      );
    checkBounds(name, event);
    return canonicalJson(parsed.data ?? {});
  };
}

function nameOf({ action, version }: EventDefinition): string {
  return `${action}@${version}`;
}

function checkBounds(name: string, event: AuditEvent): void {
  const { targets = [], subjects = [] } = event;
  if (targets.length > maxTargets) throw invalid(`${name} names more than ${maxTargets} targets`);
  if (subjects.length > maxSubjects) throw invalid(`${name} names more than ${maxSubjects} subjects`);
  if (subjects.length > 1 && new Set(subjects).size !== subjects.length)
    throw invalid(`${name} names a subject twice`);
  for (const subject of subjects) parseSubjectId(subject);
  checkText(name, event.actor.id, event.reason, event.idempotencyKey, event.call?.requestId);
  for (const target of targets) checkText(name, target.type, target.id);
}

function checkText(name: string, ...values: readonly (string | undefined)[]): void {
  for (const value of values) {
    if (value !== undefined && (value.length > maxTextLength || value.includes('\0')))
      throw invalid(`${name} holds a text that is longer than ${maxTextLength} or has a NUL`);
  }
}

function invalid(message: string): Error {
  return auditError('ERR_AUDIT_INVALID_EVENT', message);
}
