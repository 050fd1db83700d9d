import { Trans, useLingui } from '@lingui/react/macro';
import { useInfiniteQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { call } from '../../api/client.ts';
import type { Timeline } from '../../api/types.ts';
import { DataTable, type Column } from '../../ui/data-table.tsx';
import { exactUtc, Instant } from '../../ui/instant.tsx';
import { Empty, Loading } from '../../ui/loaded.tsx';
import { MoreButton } from '../../ui/more-button.tsx';
import { Panel } from '../../ui/page.tsx';
import { ProblemNotice } from '../../ui/problem-notice.tsx';
import { ShortId, shorten } from '../../ui/short-id.tsx';
import { StateTag } from '../../ui/state-tag.tsx';
import { TimeRange } from './time-range.tsx';
import { TrailFrame } from './trail-frame.tsx';
import { queryOf } from './trail-filter.ts';

const route = getRouteApi('/shell/trail/actors/$id');
type Session = Timeline['sessions'][number];

/** What somebody did, session by session. */
export function TimelinePage() {
  const { t } = useLingui();
  const { id } = route.useParams();
  const range = route.useSearch();
  const navigate = route.useNavigate();
  const address = `/v1/audit/actors/${encodeURIComponent(id)}/timeline?${queryOf(range)}`;
  const pages = useInfiniteQuery({
    queryKey: ['timeline', address],
    initialPageParam: null as number | null,
    queryFn: ({ signal, pageParam }) =>
      call<Timeline>(pageParam === null ? address : `${address}&before=${pageParam}`, { signal }),
    getNextPageParam: (last) => last.before,
  });
  const sessions = pages.data?.pages.flatMap((page) => page.sessions);
  return (
    <TrailFrame
      title={t`Timeline of ${shorten(id, 6)}`}
      lead={
        <Trans>
          Actor <ShortId value={id} keep={12} />: each bar is a session from its first to its last event.
        </Trans>
      }
      actions={
        <>
          <Link to="/trail" search={{ actor: id, ...range }}>
            <Trans>All events</Trans>
          </Link>
          <Link to="/trail/blast-radius" search={{ actor: id, ...range }}>
            <Trans>Blast radius</Trans>
          </Link>
        </>
      }
    >
      <Panel>
        <TimeRange
          filter={range}
          onApply={({ from, to }) =>
            void navigate({
              search: { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) },
            })
          }
        />
      </Panel>
      <Panel title={<Trans>Sessions</Trans>} testId="timeline">
        {pages.isError && sessions === undefined ? (
          <ProblemNotice error={pages.error} onRetry={() => void pages.refetch()} />
        ) : null}
        {sessions === undefined && !pages.isError ? <Loading lines={6} /> : null}
        {sessions?.length === 0 ? (
          <Empty title={<Trans>Nothing by this actor in this time</Trans>}>
            <Trans>Widen the time. The id must be that of an actor, as it stands in an event.</Trans>
          </Empty>
        ) : null}
        {sessions === undefined || sessions.length === 0 ? null : (
          <>
            <SessionRail sessions={sessions} />
            <SessionTable sessions={sessions} actor={id} />
            <MoreButton
              shown={sessions.length}
              hasMore={pages.hasNextPage}
              loading={pages.isFetchingNextPage}
              error={pages.isFetchNextPageError ? pages.error : null}
              onMore={() => void pages.fetchNextPage()}
            />
          </>
        )}
      </Panel>
    </TrailFrame>
  );
}

const lane = 22;
const mostLanes = 40;

/** Sessions one below the other over a common line of time; the table below says the same. */
function SessionRail(props: { sessions: readonly Session[] }) {
  const { t } = useLingui();
  const shown = props.sessions.slice(0, mostLanes);
  const start = Math.min(...shown.map(({ firstAt }) => Date.parse(firstAt)));
  const end = Math.max(...shown.map(({ lastAt }) => Date.parse(lastAt)));
  const span = Math.max(1, end - start);
  const place = (at: string): number => ((Date.parse(at) - start) / span) * 100;
  return (
    <figure className="gh-figure" aria-label={t`Sessions over time; the table below says the same`}>
      <svg height={shown.length * lane + 4} width="100%" role="presentation">
        {shown.map((session, index) => {
          const [x, y] = [place(session.firstAt), index * lane + 4];
          const width = Math.max(0.6, place(session.lastAt) - x);
          return (
            <g key={`${session.session ?? ''}${session.lastSeq}`}>
              <line className="gh-wire" x1="0" x2="100%" y1={y + 7} y2={y + 7} />
              <rect
                className={session.denied > 0 ? 'gh-session gh-session-bad' : 'gh-session'}
                x={`${Math.min(x, 99.4)}%`}
                y={y}
                width={`${width}%`}
                height="14"
                rx="3"
              >
                <title>{`${exactUtc(new Date(session.firstAt))} – ${exactUtc(new Date(session.lastAt))}: ${session.events}`}</title>
              </rect>
            </g>
          );
        })}
      </svg>
      <figcaption className="gh-small gh-muted gh-row">
        <span>{exactUtc(new Date(start))}</span>
        <span>
          <Trans>one line for each session; edged in red where something was refused</Trans>
        </span>
        <span>{exactUtc(new Date(end))}</span>
      </figcaption>
    </figure>
  );
}

function SessionTable(props: { sessions: readonly Session[]; actor: string }) {
  const { t } = useLingui();
  const columns: readonly Column<Session>[] = [
    {
      id: 'session',
      header: <Trans>Session</Trans>,
      cell: (row) =>
        row.session === null ? (
          <span className="gh-muted">
            <Trans>without a session</Trans>
          </span>
        ) : (
          <Link to="/trail" search={{ session: row.session }} className="gh-mono">
            {shorten(row.session, 4)}
          </Link>
        ),
    },
    { id: 'first', header: <Trans>First</Trans>, cell: (row) => <Instant at={row.firstAt} /> },
    { id: 'last', header: <Trans>Last</Trans>, cell: (row) => <Instant at={row.lastAt} /> },
    { id: 'events', header: <Trans>Events</Trans>, cell: (row) => row.events, align: 'end' },
    {
      id: 'denied',
      header: <Trans>Refused</Trans>,
      align: 'end',
      cell: (row) => (row.denied === 0 ? 0 : <StateTag tone="warn">{row.denied}</StateTag>),
    },
    { id: 'people', header: <Trans>People touched</Trans>, cell: (row) => row.subjects, align: 'end' },
    {
      id: 'level',
      header: <Trans>Assurance</Trans>,
      cell: (row) => (row.highestLevel === null ? '—' : row.highestLevel),
      align: 'end',
    },
    {
      id: 'actions',
      header: <Trans>Mostly</Trans>,
      cell: (row) => (
        <span>
          {row.actions.slice(0, 3).map(({ value, count }) => (
            <span key={value} className="gh-nowrap gh-small">
              <code>{value}</code> <span className="gh-muted">×{count}</span>{' '}
            </span>
          ))}
        </span>
      ),
    },
    {
      id: 'radius',
      header: <span className="gh-hidden">{t`Blast radius`}</span>,
      cell: (row) =>
        row.session === null ? null : (
          <Link to="/trail/blast-radius" search={{ session: row.session }} className="gh-small">
            <Trans>Blast radius</Trans>
          </Link>
        ),
    },
  ];
  return (
    <DataTable
      label={t`Sessions`}
      columns={columns}
      rows={props.sessions}
      rowKey={(row) => `${row.session ?? ''}${row.lastSeq}`}
      testId="sessions"
    />
  );
}
