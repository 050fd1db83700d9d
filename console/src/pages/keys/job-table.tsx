import { Trans, useLingui } from '@lingui/react/macro';
import type { KeyJob } from '../../api/types.ts';
import { DataTable, type Column } from '../../ui/data-table.tsx';
import { Instant } from '../../ui/instant.tsx';
import { ProgressBar } from '../../ui/progress-bar.tsx';
import { ShortId } from '../../ui/short-id.tsx';
import { StateTag } from '../../ui/state-tag.tsx';
import { useTarget } from './job-time.ts';
import { jobTones, useKeyWords } from './key-words.ts';

/** Every long work on keys, the newest first; the chosen one is marked. */
export function JobTable(props: { jobs: readonly KeyJob[]; chosen: string | undefined }) {
  const { t } = useLingui();
  const words = useKeyWords();
  const target = useTarget();
  const columns: readonly Column<KeyJob>[] = [
    {
      id: 'kind',
      header: <Trans>Work</Trans>,
      cell: (row) => (
        <span data-testid={row.id === props.chosen ? 'chosen-job' : undefined} data-state={row.state}>
          {row.id === props.chosen ? <strong>{words.kind(row.kind)}</strong> : words.kind(row.kind)}
        </span>
      ),
    },
    { id: 'target', header: <Trans>On</Trans>, cell: (row) => target(row) },
    {
      id: 'state',
      header: <Trans>State</Trans>,
      cell: (row) => (
        <>
          <StateTag tone={jobTones[row.state]}>{words.job(row.state)}</StateTag>
          {row.error === null ? null : <p className="gh-small gh-ink-bad">{row.error}</p>}
        </>
      ),
    },
    {
      id: 'progress',
      header: <Trans>Progress</Trans>,
      cell: (row) => (
        <div className="gh-progress-cell">
          <ProgressBar
            done={row.done}
            total={row.total}
            label={t`${words.kind(row.kind)}: progress`}
            running={row.state === 'running'}
          />
          <span className="gh-small gh-muted">
            {row.done.toLocaleString()} / {row.total.toLocaleString()}
          </span>
        </div>
      ),
    },
    { id: 'begun', header: <Trans>Begun</Trans>, cell: (row) => <Instant at={row.startedAt} /> },
    { id: 'ended', header: <Trans>Ended</Trans>, cell: (row) => <Instant at={row.finishedAt} /> },
    { id: 'id', header: <Trans>Id</Trans>, cell: (row) => <ShortId value={row.id} /> },
  ];
  return (
    <DataTable
      label={t`Works on keys`}
      columns={columns}
      rows={props.jobs}
      rowKey={(row) => row.id}
      testId="jobs"
    />
  );
}
