import { Trans, useLingui } from '@lingui/react/macro';
import type { ProviderTrial } from '../../api/types.ts';
import { StateTag, ToneShape } from '../../ui/state-tag.tsx';

/** What a trial did, step by step; the step that failed says what to do. */
export function TrialSteps(props: { trial: ProviderTrial }) {
  const { t } = useLingui();
  const { trial } = props;
  const words: Record<ProviderTrial['steps'][number]['step'], string> = {
    describe: t`says who it is`,
    wrap: t`wraps a key that nobody uses`,
    unwrap: t`unwraps it again, and it is the same`,
    foreign_tenant: t`refuses it to another organisation`,
  };
  return (
    <div data-testid="trial" data-state={trial.ok ? 'good' : 'bad'}>
      <StateTag tone={trial.ok ? 'good' : 'bad'}>
        {trial.ok ? (
          <Trans>It works; nothing was changed</Trans>
        ) : (
          <Trans>It does not work; nothing was changed</Trans>
        )}
      </StateTag>
      <ol className="gh-trial">
        {trial.steps.map((step) => (
          <li key={step.step} className={step.ok ? 'gh-ink-good' : 'gh-ink-bad'}>
            <ToneShape tone={step.ok ? 'good' : 'bad'} />
            <span className="gh-trial-words">
              {words[step.step]} <span className="gh-small gh-muted">{t`${step.milliseconds} ms`}</span>
              {step.detail === '' ? null : <span className="gh-trial-detail">{step.detail}</span>}
            </span>
          </li>
        ))}
      </ol>
    </div>
  );
}
