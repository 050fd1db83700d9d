import { ruleDefinitionSchema, type RuleDefinition, type Severity } from './rule.ts';
import type { z } from 'zod';

/** A rule to begin with. */
export type RuleTemplate = {
  readonly key: string;
  readonly name: string;
  readonly summary: string;
  readonly severity: Severity;
  readonly definition: RuleDefinition;
};

const template = (
  key: string,
  severity: Severity,
  [name, summary]: readonly [string, string],
  definition: z.input<typeof ruleDefinitionSchema>,
): RuleTemplate => ({ key, name, summary, severity, definition: ruleDefinitionSchema.parse(definition) });

const single = (filter: Record<string, string>) =>
  ({ kind: 'threshold', filter, by: 'none', count: 1, windowSeconds: 60, quietSeconds: 3_600 }) as const;

const workingHours = { days: [1, 2, 3, 4, 5], from: '07:00', to: '19:00', timeZone: 'UTC' };

/** What a security administrator wants on the first day. Take one, change what does not fit, back-test it, switch it on. */
export const ruleTemplates: readonly RuleTemplate[] = Object.freeze([
  template(
    'sign_in_burst',
    'high',
    ['Failed sign-ins in a row', 'Ten refused sign-ins within five minutes, of whomever'],
    {
      kind: 'threshold',
      filter: { action: 'identity.sign_in_failed' },
      by: 'none',
      count: 10,
      windowSeconds: 300,
    },
  ),
  template(
    'step_up_guessing',
    'high',
    ['Step-up guessed at', 'Five refused step-ups of one person within ten minutes'],
    {
      kind: 'threshold',
      filter: { action: 'identity.step_up_failed' },
      by: 'actor',
      count: 5,
      windowSeconds: 600,
    },
  ),
  template(
    'self_grant',
    'critical',
    ['Somebody granted a role to themselves', 'The actor of a grant is the principal who gets it'],
    { kind: 'self_grant' },
  ),
  template(
    'grant_then_export',
    'high',
    [
      'Role changed, then evidence exported',
      'One person changes a role and exports the trail within an hour',
    ],
    {
      kind: 'sequence',
      steps: [{ action: 'policy.*' }, { action: 'audit.evidence_exported' }],
      windowSeconds: 3_600,
    },
  ),
  template(
    'mass_export',
    'high',
    ['Very many records read', 'Ten thousand rows read, opened or exported by one actor within an hour'],
    { kind: 'mass_export', rows: 10_000, windowSeconds: 3_600 },
  ),
  template(
    'denied_burst',
    'medium',
    ['Many refusals', 'Fifty refused calls of one actor within ten minutes'],
    { kind: 'threshold', filter: { outcome: 'denied' }, by: 'actor', count: 50, windowSeconds: 600 },
  ),
  template(
    'person_looked_up',
    'medium',
    ['One person looked at again and again', 'A hundred reads of the same person within a day'],
    {
      kind: 'threshold',
      filter: { action: 'gateway.records_read' },
      by: 'subject',
      count: 100,
      windowSeconds: 86_400,
    },
  ),
  template(
    'off_hours_admin',
    'medium',
    ['Administration at night', 'A person administers outside Monday to Friday, 07:00 to 19:00 UTC'],
    { kind: 'off_hours', filter: { category: 'administration' }, ...workingHours },
  ),
  template(
    'impossible_travel',
    'high',
    [
      'Impossible travel',
      'Two sign-ins of a person farther apart than 900 km/h allow, by the table of networks; else a new network within 15 minutes',
    ],
    { kind: 'impossible_travel' },
  ),
  template(
    'poison_opened',
    'critical',
    ['A canary was opened', 'Somebody reads ciphertext that nobody has a reason to read'],
    single({ action: 'crypto.poison_opened' }),
  ),
  template(
    'sink_failing',
    'medium',
    ['A receiver of the trail fails', 'A sink took nothing for three attempts in a row'],
    single({ action: 'audit.sink_failing' }),
  ),
  template(
    'intent_orphaned',
    'high',
    [
      'An outside effect without an outcome',
      'Something was begun outside the house and nobody said how it ended',
    ],
    single({ action: 'audit.intent_orphaned' }),
  ),
  template(
    'log_not_sound',
    'critical',
    ['The log does not verify', 'A full verification found something, or a witness contradicts us'],
    single({ action: 'audit.log_verified', outcome: 'failure' }),
  ),
  template(
    'silent_hour',
    'medium',
    ['No event for an hour', 'Nothing at all was recorded for an hour: is the source dead?'],
    { kind: 'absence', filter: {}, windowSeconds: 3_600 },
  ),
]);
