import { Trans, useLingui } from '@lingui/react/macro';
import { useInfiniteQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { pagesQuery } from '../../api/queries.ts';
import type { TrailEvent } from '../../api/types.ts';
import { DataTable, type Column } from '../../ui/data-table.tsx';
import { exactUtc } from '../../ui/instant.tsx';
import { ListState } from '../../ui/list-state.tsx';
import { Panel } from '../../ui/page.tsx';
import { ShortId, shorten } from '../../ui/short-id.tsx';
import { ActorName, OutcomeTag } from './event-table.tsx';
import { TrailFrame } from './trail-frame.tsx';

const route = getRouteApi('/shell/trail/traces/$id');

/** Everything of one trace in the order in which it happened. */
export function TracePage() {
  const { t } = useLingui();
  const { id } = route.useParams();
  const events = useInfiniteQuery(
    pagesQuery<TrailEvent>(`/v1/audit/events?trace=${encodeURIComponent(id)}&limit=200`),
  );
  return (
    <TrailFrame
      title={t`Trace ${shorten(id, 6)}`}
      lead={
        <Trans>
          What one call set off, in order and across services. Trace id <ShortId value={id} keep={16} />
        </Trans>
      }
      actions={
        <Link to="/trail/blast-radius" search={{ trace: id }}>
          <Trans>Blast radius</Trans>
        </Link>
      }
    >
      <Panel testId="trace">
        <ListState
          query={events}
          empty={<Trans>No event carries this trace</Trans>}
          hint={<Trans>A trace id has 32 hex digits and stands in the traceparent of a call.</Trans>}
        >
          {(rows) => <TraceTable rows={rows.toSorted((left, right) => left.seq - right.seq)} />}
        </ListState>
      </Panel>
    </TrailFrame>
  );
}

function TraceTable(props: { rows: readonly TrailEvent[] }) {
  const { t } = useLingui();
  const { rows } = props;
  const start = Math.min(...rows.map(({ occurredAt }) => Date.parse(occurredAt)));
  const end = Math.max(...rows.map(({ occurredAt }) => Date.parse(occurredAt)));
  const span = Math.max(1, end - start);
  const columns: readonly Column<TrailEvent>[] = [
    {
      id: 'seq',
      header: '#',
      align: 'end',
      cell: (row) => (
        <Link to="/trail/$seq" params={{ seq: String(row.seq) }} className="gh-mono">
          {row.seq}
        </Link>
      ),
    },
    {
      id: 'after',
      header: <Trans>After</Trans>,
      align: 'end',
      cell: (row) => (
        <span title={exactUtc(new Date(row.occurredAt))}>{Date.parse(row.occurredAt) - start} ms</span>
      ),
    },
    {
      id: 'where',
      header: <span className="gh-hidden">{t`Place on the line of time`}</span>,
      cell: (row) => (
        <svg width="160" height="14" aria-hidden="true" className="gh-trace-mark">
          <line className="gh-wire" x1="0" x2="160" y1="7" y2="7" />
          <circle r="4" cx={4 + ((Date.parse(row.occurredAt) - start) / span) * 152} cy="7" />
        </svg>
      ),
    },
    { id: 'action', header: <Trans>Action</Trans>, cell: (row) => <code>{row.action}</code> },
    { id: 'outcome', header: <Trans>Outcome</Trans>, cell: (row) => <OutcomeTag outcome={row.outcome} /> },
    { id: 'actor', header: <Trans>Actor</Trans>, cell: (row) => <ActorName actor={row.actor} /> },
    { id: 'what', header: <Trans>What</Trans>, cell: (row) => row.summary },
  ];
  return (
    <DataTable
      label={t`Events of the trace`}
      columns={columns}
      rows={rows}
      rowKey={(row) => String(row.seq)}
    />
  );
}
