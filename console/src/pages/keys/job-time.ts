import { useLingui } from '@lingui/react/macro';
import type { KeyJob } from '../../api/types.ts';
import { relativeTime } from '../../ui/instant.tsx';

/** When a running job will be done at its present rate, in words; null while nobody can tell. */
export function useRemaining(): (job: KeyJob) => string | null {
  const { i18n } = useLingui();
  return ({ total, done, rate }) => {
    if (rate <= 0 || total <= done) return null;
    return relativeTime(new Date(Date.now() + ((total - done) / rate) * 1_000), i18n.locale);
  };
}

/** What a job works on: an epoch, a purpose, a field. */
export function useTarget(): (job: KeyJob) => string {
  const { t, i18n } = useLingui();
  return ({ target }) => {
    const { epoch, purpose, collection, field, index, before, subjectId } = target;
    if (epoch !== undefined) return t`to epoch ${epoch}`;
    if (purpose !== undefined) return t`purpose ${purpose}`;
    if (subjectId !== undefined) return t`one person`;
    if (index !== undefined) return `${collection}.${field} · ${index}`;
    if (before !== undefined) return t`made before ${new Date(before).toLocaleDateString(i18n.locale)}`;
    return '—';
  };
}
