import { Trans, useLingui } from '@lingui/react/macro';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { getQuery, pagesQuery, useMay } from '../../api/queries.ts';
import type { DeadLetter, Sink } from '../../api/types.ts';
import { DataTable, type Column } from '../../ui/data-table.tsx';
import { Instant } from '../../ui/instant.tsx';
import { ListState } from '../../ui/list-state.tsx';
import { Loaded } from '../../ui/loaded.tsx';
import { Facts, Panel } from '../../ui/page.tsx';
import { SinkActions } from './sink-actions.tsx';
import { kindOf, placeOf, useSinkForms } from './sink-words.ts';
import { SinkState } from './sinks-page.tsx';
import { TrailFrame } from './trail-frame.tsx';

const route = getRouteApi('/shell/trail/receivers/$id');

/** One receiver: how far it is, what it refused, and what can be done with it. */
export function SinkPage() {
  const { t } = useLingui();
  const { id } = route.useParams();
  const sink = useQuery({
    ...getQuery<Sink>(`/v1/audit/sinks/${encodeURIComponent(id)}`),
    refetchInterval: 3_000,
  });
  const mayManage = useMay('audit.manage');
  return (
    <TrailFrame
      title={sink.data?.name ?? t`Receiver`}
      actions={
        <Link to="/trail/receivers">
          <Trans>All receivers</Trans>
        </Link>
      }
    >
      <Loaded query={sink}>
        {(data) => (
          <>
            <SinkFacts sink={data} />
            {mayManage ? <SinkActions sink={data} /> : null}
            <DeadLetters id={data.id} />
          </>
        )}
      </Loaded>
    </TrailFrame>
  );
}

function SinkFacts(props: { sink: Sink }) {
  const { sink } = props;
  const forms = useSinkForms();
  return (
    <Panel title={forms[kindOf(sink.configuration)].title} aside={<SinkState sink={sink} />}>
      <Facts
        items={[
          [<Trans key="w">Where</Trans>, <code key="w">{placeOf(sink.configuration)}</code>],
          [
            <Trans key="b">Behind by</Trans>,
            <span key="b" data-testid="sink-lag">
              {sink.lag}
            </span>,
          ],
          [<Trans key="n">Next event</Trans>, sink.cursor],
          [<Trans key="d">Delivered</Trans>, sink.delivered],
          [<Trans key="l">Last delivery</Trans>, <Instant key="l" at={sink.lastDeliveredAt} />],
          [
            <Trans key="p">Personal data</Trans>,
            sink.personalData ? <Trans key="p">goes along</Trans> : <Trans key="p">stays here</Trans>,
          ],
          [<Trans key="s">Set up</Trans>, <Instant key="s" at={sink.createdAt} />],
          [<Trans key="f">Which events</Trans>, <code key="f">{filterText(sink.filter)}</code>],
        ]}
      />
      {sink.lastError === null ? null : (
        <div className="gh-problem">
          <p className="gh-problem-title">
            <Trans>Last error</Trans>
          </p>
          <p>{sink.lastError}</p>
          <p className="gh-small">
            <Trans>
              Tried {sink.attempts} times; next <Instant at={sink.nextAttemptAt} />. No event is lost: it
              waits in the log.
            </Trans>
          </p>
        </div>
      )}
      <details>
        <summary>
          <Trans>Configuration</Trans>
        </summary>
        <pre className="gh-pre" tabIndex={0}>
          {JSON.stringify(sink.configuration, null, 2)}
        </pre>
      </details>
    </Panel>
  );
}

function filterText(filter: unknown): string {
  const entries = Object.entries((filter ?? {}) as Record<string, unknown>); // shown, not trusted
  return entries.length === 0 ? '*' : entries.map(([name, value]) => `${name}: ${String(value)}`).join('; ');
}

function DeadLetters(props: { id: string }) {
  const { t } = useLingui();
  const letters = useInfiniteQuery(pagesQuery<DeadLetter>(`/v1/audit/sinks/${props.id}/dead-letters`));
  const columns: readonly Column<DeadLetter>[] = [
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
    { id: 'reason', header: <Trans>Why</Trans>, cell: (row) => row.reason },
    { id: 'at', header: <Trans>Refused</Trans>, cell: (row) => <Instant at={row.refusedAt} /> },
  ];
  return (
    <Panel title={<Trans>Events that it refused</Trans>} testId="dead-letters">
      <ListState
        query={letters}
        empty={<Trans>None</Trans>}
        hint={
          <Trans>An event that the receiver refuses by itself is put here and the next one follows.</Trans>
        }
      >
        {(rows) => (
          <DataTable
            label={t`Refused events`}
            columns={columns}
            rows={rows}
            rowKey={(row) => String(row.seq)}
          />
        )}
      </ListState>
    </Panel>
  );
}
