import { Trans, useLingui } from '@lingui/react/macro';
import type { RequestTask } from '../../api/types.ts';
import { DataTable, type Column } from '../../ui/data-table.tsx';
import { Instant } from '../../ui/instant.tsx';
import { StateTag, type Tone } from '../../ui/state-tag.tsx';
import { useRequestWords } from './request-words.ts';

function toneOf(state: string): Tone {
  if (['succeeded', 'done', 'completed'].includes(state)) return 'good';
  if (['failed', 'dead', 'human'].includes(state)) return 'bad';
  return ['running', 'leased'].includes(state) ? 'busy' : 'idle';
}

/** The tasks of an execution and what each did. */
export function TaskTable(props: { tasks: readonly RequestTask[] }) {
  const { t } = useLingui();
  const words = useRequestWords();
  const columns: readonly Column<RequestTask>[] = [
    { id: 'system', header: <Trans>System</Trans>, cell: (row) => row.system },
    { id: 'action', header: <Trans>Task</Trans>, cell: (row) => words.action(row.action) },
    {
      id: 'state',
      header: <Trans>State</Trans>,
      cell: (row) => <StateTag tone={toneOf(row.state)}>{words.state(row.state)}</StateTag>,
    },
    { id: 'counts', header: <Trans>Rows</Trans>, cell: (row) => countsOf(row) },
    { id: 'attempts', header: <Trans>Attempts</Trans>, cell: (row) => row.attempts, align: 'end' },
    { id: 'ended', header: <Trans>Ended</Trans>, cell: (row) => <Instant at={row.endedAt} /> },
    { id: 'error', header: <Trans>Error</Trans>, cell: (row) => row.error ?? '—' },
  ];
  return (
    <DataTable
      label={t`Tasks`}
      columns={columns}
      rows={props.tasks}
      rowKey={(row) => `${row.system}/${row.action}`}
      testId="tasks"
    />
  );
}

/** Rows by collection; the system's name stands in its own column already. */
function countsOf(task: RequestTask): string {
  const entries = Object.entries(task.counts);
  const short = (name: string): string =>
    name.startsWith(`${task.system}.`) ? name.slice(task.system.length + 1) : name;
  return entries.length === 0 ? '—' : entries.map(([name, count]) => `${short(name)} ${count}`).join(', ');
}
