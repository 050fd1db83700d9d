import { Trans, useLingui } from '@lingui/react/macro';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { getQuery, useMay } from '../../api/queries.ts';
import type { Sink } from '../../api/types.ts';
import { DataTable, type Column } from '../../ui/data-table.tsx';
import { Instant } from '../../ui/instant.tsx';
import { Empty, Loaded } from '../../ui/loaded.tsx';
import { Panel } from '../../ui/page.tsx';
import { StateTag, type Tone } from '../../ui/state-tag.tsx';
import { NewSinkForm } from './new-sink.tsx';
import { kindOf, placeOf, sinkKinds, useSinkForms } from './sink-words.ts';
import { TrailFrame } from './trail-frame.tsx';

const route = getRouteApi('/shell/trail/receivers');

/** Where the trail is delivered to, and how far each receiver is. */
export function SinksPage() {
  const { t } = useLingui();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const mayManage = useMay('audit.manage');
  const forms = useSinkForms();
  const kind = sinkKinds.find((one) => one === search.new);
  const sinks = useQuery({ ...getQuery<{ items: Sink[] }>('/v1/audit/sinks'), refetchInterval: 3_000 });
  return (
    <TrailFrame
      title={t`Receivers`}
      lead={
        <Trans>
          Each receiver has a place of its own in the log: it gets every event in order, and after a breakdown
          it goes on where it was.
        </Trans>
      }
    >
      <Panel testId="sinks">
        <Loaded query={sinks}>
          {({ items }) =>
            items.length === 0 ? (
              <Empty title={<Trans>The trail is delivered nowhere</Trans>}>
                {mayManage ? (
                  <Trans>Choose a kind below to set one up.</Trans>
                ) : (
                  <Trans>A security admin can set one up.</Trans>
                )}
              </Empty>
            ) : (
              <SinkTable rows={items} />
            )
          }
        </Loaded>
      </Panel>
      {mayManage ? (
        <Panel title={kind === undefined ? <Trans>Set up a receiver</Trans> : forms[kind].title}>
          <nav className="gh-tabs" aria-label={t`Kind of receiver`}>
            {sinkKinds.map((one) => (
              <Link key={one} to="/trail/receivers" search={{ new: one }} data-testid={`new-${one}`}>
                {forms[one].title}
              </Link>
            ))}
          </nav>
          {kind === undefined ? null : (
            <NewSinkForm key={kind} kind={kind} onDone={() => void navigate({ search: {} })} />
          )}
        </Panel>
      ) : null}
    </TrailFrame>
  );
}

const tones: Record<Sink['state'], Tone> = { active: 'good', paused: 'idle', failing: 'bad' };

/** A receiver's state as shape and word. */
export function SinkState(props: { sink: Pick<Sink, 'state' | 'lag'> }) {
  const { t } = useLingui();
  const { state } = props.sink;
  const words: Record<Sink['state'], string> = {
    active: t`delivering`,
    paused: t`paused`,
    failing: t`failing`,
  };
  return (
    <StateTag tone={tones[state]} testId="sink-state">
      {words[state]}
    </StateTag>
  );
}

function SinkTable(props: { rows: readonly Sink[] }) {
  const { t } = useLingui();
  const forms = useSinkForms();
  const columns: readonly Column<Sink>[] = [
    {
      id: 'name',
      header: <Trans>Name</Trans>,
      cell: (row) => (
        <Link to="/trail/receivers/$id" params={{ id: row.id }}>
          {row.name}
        </Link>
      ),
    },
    { id: 'kind', header: <Trans>Kind</Trans>, cell: (row) => forms[kindOf(row.configuration)].title },
    {
      id: 'where',
      header: <Trans>Where</Trans>,
      cell: (row) => <code className="gh-break">{placeOf(row.configuration)}</code>,
    },
    { id: 'state', header: <Trans>State</Trans>, cell: (row) => <SinkState sink={row} /> },
    {
      id: 'lag',
      header: <Trans>Behind by</Trans>,
      align: 'end',
      cell: (row) => <span data-testid="sink-lag">{row.lag}</span>,
    },
    { id: 'delivered', header: <Trans>Delivered</Trans>, align: 'end', cell: (row) => row.delivered },
    {
      id: 'dead',
      header: <Trans>Refused by it</Trans>,
      align: 'end',
      cell: (row) => (row.deadLetters === 0 ? 0 : <StateTag tone="warn">{row.deadLetters}</StateTag>),
    },
    { id: 'last', header: <Trans>Last delivery</Trans>, cell: (row) => <Instant at={row.lastDeliveredAt} /> },
  ];
  return <DataTable label={t`Receivers`} columns={columns} rows={props.rows} rowKey={(row) => row.id} />;
}
