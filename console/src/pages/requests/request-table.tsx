import { Trans, useLingui } from '@lingui/react/macro';
import { Link } from '@tanstack/react-router';
import type { RequestSummary } from '../../api/types.ts';
import { DataTable, type Column } from '../../ui/data-table.tsx';
import { Instant } from '../../ui/instant.tsx';
import { StateTag } from '../../ui/state-tag.tsx';
import { stateTone, urgencyOf, useRequestWords } from './request-words.ts';

/** Requests as a table, the nearest deadline first. */
export function RequestTable(props: { requests: readonly RequestSummary[] }) {
  const { t } = useLingui();
  const words = useRequestWords();
  const columns: readonly Column<RequestSummary>[] = [
    {
      id: 'what',
      header: <Trans>Request</Trans>,
      cell: (row) => (
        <Link to="/requests/$id" params={{ id: row.id }} data-testid="request-link">
          {words.type(row.type)}
        </Link>
      ),
    },
    {
      id: 'who',
      header: <Trans>Person</Trans>,
      cell: (row) => <span className="gh-masked">{row.subjectLabel ?? '—'}</span>,
    },
    { id: 'law', header: <Trans>Law</Trans>, cell: (row) => row.law.toUpperCase() },
    {
      id: 'state',
      header: <Trans>State</Trans>,
      cell: (row) => <StateTag tone={stateTone(row.state)}>{words.state(row.state)}</StateTag>,
    },
    {
      id: 'urgency',
      header: <Trans>Deadline</Trans>,
      cell: (row) => <StateTag tone={urgencyOf(row)}>{words.urgency(urgencyOf(row))}</StateTag>,
    },
    {
      id: 'due',
      header: <Trans>Due</Trans>,
      cell: (row) => (
        <span title={row.dueExplanation ?? undefined}>
          <Instant at={row.dueAt} />
        </span>
      ),
    },
    { id: 'channel', header: <Trans>Came by</Trans>, cell: (row) => row.channel.replaceAll('_', ' ') },
    { id: 'received', header: <Trans>Received</Trans>, cell: (row) => <Instant at={row.receivedAt} /> },
  ];
  return (
    <DataTable
      label={t`Requests by deadline`}
      columns={columns}
      rows={props.requests}
      rowKey={(row) => row.id}
      testId="requests"
    />
  );
}
