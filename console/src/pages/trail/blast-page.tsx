import { Trans, useLingui } from '@lingui/react/macro';
import { Button, NativeSelect, TextInput } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState, type FormEvent, type ReactNode } from 'react';
import { call } from '../../api/client.ts';
import type { BlastRadius } from '../../api/types.ts';
import { DataTable, type Column } from '../../ui/data-table.tsx';
import { Instant } from '../../ui/instant.tsx';
import { Empty, Loading } from '../../ui/loaded.tsx';
import { Panel } from '../../ui/page.tsx';
import { ProblemNotice } from '../../ui/problem-notice.tsx';
import { ShortId } from '../../ui/short-id.tsx';
import { BlastCsv } from './blast-csv.tsx';
import { BlastPicture } from './blast-picture.tsx';
import { TimeRange } from './time-range.tsx';
import { TrailFrame } from './trail-frame.tsx';
import { queryOf } from './trail-filter.ts';

const route = getRouteApi('/shell/trail/blast-radius');
const kinds = ['session', 'actor', 'trace', 'request'] as const;
type Kind = (typeof kinds)[number];
type Touched = BlastRadius['subjects'][number];

/** Which people and records a credential touched. */
export function BlastPage() {
  const { t } = useLingui();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const asked = kinds.find((kind) => search[kind] !== undefined);
  return (
    <TrailFrame
      title={t`Blast radius`}
      lead={
        <Trans>
          A credential leaked, or somebody did too much: which people and records did it touch, and when?
        </Trans>
      }
    >
      <Panel>
        <AskForm
          key={JSON.stringify(search)}
          kind={asked ?? 'session'}
          value={asked === undefined ? '' : (search[asked] ?? '')}
          onAsk={(kind, value) => {
            const { from, to } = search;
            void navigate({
              search: {
                [kind]: value,
                ...(from === undefined ? {} : { from }),
                ...(to === undefined ? {} : { to }),
              },
            });
          }}
        />
        <TimeRange filter={search} onApply={(next) => void navigate({ search: next })} />
      </Panel>
      {asked === undefined ? (
        <Panel>
          <Empty title={<Trans>Nothing asked yet</Trans>}>
            <Trans>
              Name a session, an actor, a trace or a request; its id stands on the page of any event.
            </Trans>
          </Empty>
        </Panel>
      ) : (
        <Radius query={queryOf(search)} value={search[asked] ?? ''} kind={asked} />
      )}
    </TrailFrame>
  );
}

function AskForm(props: { kind: Kind; value: string; onAsk: (kind: Kind, value: string) => void }) {
  const { t } = useLingui();
  const [kind, setKind] = useState<Kind>(props.kind);
  const [value, setValue] = useState(props.value);
  const words: Record<Kind, string> = {
    session: t`Session`,
    actor: t`Actor`,
    trace: t`Trace`,
    request: t`Request`,
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (value.trim() !== '') props.onAsk(kind, value.trim());
  };
  return (
    <form className="gh-filters gh-ask" onSubmit={submit}>
      <NativeSelect
        label={t`What`}
        size="xs"
        value={kind}
        onChange={(event) => setKind(kinds.find((one) => one === event.currentTarget.value) ?? 'session')}
        data={kinds.map((one) => ({ value: one, label: words[one] }))}
      />
      <TextInput
        label={t`Its id`}
        size="xs"
        required
        maxLength={200}
        value={value}
        onChange={(event) => setValue(event.currentTarget.value)}
        data-testid="blast-id"
      />
      <Button type="submit" size="xs">
        <Trans>Find out</Trans>
      </Button>
    </form>
  );
}

function Radius(props: { query: string; kind: Kind; value: string }) {
  const pages = useInfiniteQuery({
    queryKey: ['blast', props.query],
    initialPageParam: null as string | null,
    queryFn: ({ signal, pageParam }) =>
      call<BlastRadius>(
        `/v1/audit/blast-radius?${props.query}${pageParam === null ? '' : `&cursor=${encodeURIComponent(pageParam)}`}`,
        { signal },
      ),
    getNextPageParam: (last) => last.nextCursor,
  });
  const [first] = pages.data?.pages ?? [];
  if (first === undefined)
    return pages.isError ? (
      <ProblemNotice error={pages.error} onRetry={() => void pages.refetch()} />
    ) : (
      <Loading lines={8} />
    );
  if (first.events === 0)
    return (
      <Panel>
        <Empty title={<Trans>No event matches</Trans>}>
          <Trans>Look at the id, or widen the time.</Trans>
        </Empty>
      </Panel>
    );
  const subjects = pages.data?.pages.flatMap((page) => page.subjects) ?? [];
  const records = pages.data?.pages.flatMap((page) => page.records) ?? [];
  return (
    <>
      <div className="gh-tiles" data-testid="blast-counts">
        <Tile label={<Trans>People</Trans>} value={first.subjectCount} />
        <Tile label={<Trans>Records</Trans>} value={first.recordCount} />
        <Tile label={<Trans>Events</Trans>} value={first.events} />
        <Tile label={<Trans>Refused</Trans>} value={first.denied} />
      </div>
      <Panel
        title={<Trans>From first to last</Trans>}
        aside={<BlastCsv query={props.query} count={first.subjectCount + first.recordCount} />}
      >
        <p className="gh-small">
          <Instant at={first.firstAt} exact /> – <Instant at={first.lastAt} exact />{' '}
          <Link to="/trail" search={{ [props.kind]: props.value }}>
            <Trans>all {first.events} events</Trans>
          </Link>
        </p>
        <BlastPicture radius={first} subjects={subjects} records={records} label={props.value} />
      </Panel>
      <Panel title={<Trans>People</Trans>}>
        <TouchedTable rows={subjects} kind="subject" />
      </Panel>
      <Panel title={<Trans>Records</Trans>}>
        <TouchedTable rows={records} kind="target" />
        {pages.hasNextPage ? (
          <Button
            size="compact-sm"
            variant="default"
            loading={pages.isFetchingNextPage}
            onClick={() => void pages.fetchNextPage()}
          >
            <Trans>Show more</Trans>
          </Button>
        ) : null}
      </Panel>
    </>
  );
}

function Tile(props: { label: ReactNode; value: number }) {
  return (
    <div className="gh-tile">
      <span className="gh-muted">{props.label}</span>
      <span className="gh-tile-value">{props.value}</span>
    </div>
  );
}

function TouchedTable(props: { rows: readonly Touched[]; kind: 'subject' | 'target' }) {
  const { t } = useLingui();
  if (props.rows.length === 0) return <Empty title={<Trans>None</Trans>} />;
  const seqLink = (seq: number) => (
    <Link to="/trail/$seq" params={{ seq: String(seq) }} className="gh-mono" preload={false}>
      {seq}
    </Link>
  );
  const columns: readonly Column<Touched>[] = [
    { id: 'id', header: <Trans>Id</Trans>, cell: (row) => <ShortId value={row.id} keep={18} /> },
    { id: 'events', header: <Trans>Events</Trans>, cell: (row) => row.events, align: 'end' },
    { id: 'first', header: <Trans>First event</Trans>, cell: (row) => seqLink(row.firstSeq), align: 'end' },
    { id: 'last', header: <Trans>Last event</Trans>, cell: (row) => seqLink(row.lastSeq), align: 'end' },
    {
      id: 'history',
      header: <span className="gh-hidden">{t`History`}</span>,
      align: 'end',
      cell: (row) => (
        <Link to="/trail" search={{ [props.kind]: row.id }} className="gh-small">
          <Trans>history</Trans>
        </Link>
      ),
    },
  ];
  return (
    <DataTable
      label={props.kind === 'subject' ? t`People touched` : t`Records touched`}
      columns={columns}
      rows={props.rows}
      rowKey={(row) => row.id}
      testId={`touched-${props.kind}`}
    />
  );
}
