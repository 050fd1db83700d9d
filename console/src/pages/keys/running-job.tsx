import { Trans, useLingui } from '@lingui/react/macro';
import type { KeyJob } from '../../api/types.ts';
import { Instant } from '../../ui/instant.tsx';
import { ProgressBar } from '../../ui/progress-bar.tsx';
import { StateTag } from '../../ui/state-tag.tsx';
import { useRemaining, useTarget } from './job-time.ts';
import { useKeyWords } from './key-words.ts';

/** A long work as it goes: what, how far, how fast, until when. */
export function RunningJob(props: { job: KeyJob }) {
  const { t } = useLingui();
  const { job } = props;
  const words = useKeyWords();
  const remaining = useRemaining()(job);
  const target = useTarget()(job);
  return (
    <div className="gh-job" data-testid="running-job">
      <div className="gh-row">
        <strong>{words.kind(job.kind)}</strong>
        <span className="gh-muted">{target}</span>
        <StateTag tone="busy">{words.phase(job.phase)}</StateTag>
      </div>
      <ProgressBar done={job.done} total={job.total} label={t`${words.kind(job.kind)}: progress`} running />
      <p className="gh-row gh-small gh-muted">
        <span>
          <Trans>
            {job.done.toLocaleString()} of {job.total.toLocaleString()}
          </Trans>
        </span>
        <span>
          {job.rate > 0 ? <Trans>{job.rate.toLocaleString()} a second</Trans> : <Trans>no rate yet</Trans>}
        </span>
        {remaining === null ? null : (
          <span>
            <Trans>done {remaining}</Trans>
          </span>
        )}
        <span>
          <Trans>
            begun <Instant at={job.startedAt} />, last sign of life <Instant at={job.heartbeatAt} />
          </Trans>
        </span>
      </p>
    </div>
  );
}
