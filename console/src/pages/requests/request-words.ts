import { useLingui } from '@lingui/react/macro';
import type { RequestSummary } from '../../api/types.ts';
import type { Tone } from '../../ui/state-tag.tsx';

const ended = new Set(['completed', 'refused', 'withdrawn', 'expired']);

/** Whether the clock of the request still runs. */
export function isOpen(request: { readonly state: string }): boolean {
  return !ended.has(request.state);
}

/** Tone of a request's state. */
export function stateTone(state: string): Tone {
  if (state === 'completed') return 'good';
  if (state === 'partially_completed') return 'warn';
  if (state === 'executing' || state === 'verifying_absence') return 'busy';
  return ended.has(state) ? 'idle' : state === 'failed' ? 'bad' : 'idle';
}

/** Tone of a deadline. */
export function urgencyOf(request: RequestSummary): Tone {
  if (!isOpen(request)) return 'idle';
  if (request.dueAt === null) return 'idle';
  const days = (Date.parse(request.dueAt) - Date.now()) / 86_400_000;
  return days < 0 ? 'bad' : days < 10 ? 'warn' : 'good';
}

/** Words for the closed vocabularies of requests; an unknown code shows as it is. */
export function useRequestWords() {
  const { t } = useLingui();
  const types: Record<string, string> = {
    erasure: t`Erasure`,
    access: t`Access`,
    portability: t`Portability`,
    rectification: t`Rectification`,
    restriction: t`Restriction`,
    objection: t`Objection`,
    opt_out: t`Opt-out of sale`,
  };
  const states: Record<string, string> = {
    received: t`Received`,
    verifying: t`Proving identity`,
    verified: t`Identity proved`,
    planned: t`Planned`,
    approved: t`Approved`,
    executing: t`Executing`,
    verifying_absence: t`Verifying absence`,
    completed: t`Completed`,
    partially_completed: t`Partially completed`,
    refused: t`Refused`,
    withdrawn: t`Withdrawn`,
    expired: t`Expired`,
    pending: t`Waiting`,
    leased: t`Running`,
    running: t`Running`,
    succeeded: t`Done`,
    done: t`Done`,
    failed: t`Failed`,
    clean: t`Nothing found`,
    left_behind: t`Something found`,
    none: t`Not proved`,
    mailbox: t`Control of the mailbox`,
    email_code: t`Code by e-mail`,
  };
  const urgencies: Record<string, string> = {
    good: t`In time`,
    warn: t`Due soon`,
    bad: t`Overdue`,
    idle: t`Closed`,
  };
  const actions: Record<string, string> = {
    delete: t`delete`,
    null: t`empty`,
    pseudonymise: t`pseudonymise`,
    keep: t`keep`,
    export: t`export`,
    erase: t`erase`,
    fields: t`field by field`,
    shred: t`destroy the key`,
  };
  const look = (table: Record<string, string>) => (code: string) => table[code] ?? code.replaceAll('_', ' ');
  return { type: look(types), state: look(states), urgency: look(urgencies), action: look(actions) };
}
