import { Trans, useLingui } from '@lingui/react/macro';
import { TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { getQuery } from '../../api/queries.ts';
import type { EventTypes } from '../../api/types.ts';
import { DataTable, type Column } from '../../ui/data-table.tsx';
import { Empty, Loaded } from '../../ui/loaded.tsx';
import { Facts, Panel } from '../../ui/page.tsx';
import { TrailFrame } from './trail-frame.tsx';

const route = getRouteApi('/shell/trail/event-types');
type EventType = EventTypes['items'][number];

/** Every type of event that can stand in the log. */
export function TypesPage() {
  const { t } = useLingui();
  const { find = '', type } = route.useSearch();
  const navigate = route.useNavigate();
  const types = useQuery({
    ...getQuery<EventTypes>('/v1/audit/event-types'),
    staleTime: Number.POSITIVE_INFINITY,
  });
  return (
    <TrailFrame
      title={t`Event types`}
      lead={
        <Trans>What can stand in the log, with the shape of its detail and its class in OCSF 1.8.0.</Trans>
      }
    >
      <Panel>
        <TextInput
          label={t`Find`}
          value={find}
          placeholder="sign_in"
          onChange={(event) => {
            const next = event.currentTarget.value;
            void navigate({ search: next === '' ? {} : { find: next }, replace: true });
          }}
        />
        <Loaded query={types} lines={8}>
          {({ items }) => <Found items={items} find={find} type={type} />}
        </Loaded>
      </Panel>
    </TrailFrame>
  );
}

function Found(props: { items: readonly EventType[]; find: string; type: string | undefined }) {
  const { t } = useLingui();
  const { items, find, type } = props;
  const words = find.toLowerCase().split(/\s+/);
  const rows = items.filter((item) => {
    const text = `${item.action} ${item.summary} ${item.category} ${item.ocsf.className}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  const chosen = items.find((item) => `${item.action}@${item.version}` === type);
  const columns: readonly Column<EventType>[] = [
    {
      id: 'action',
      header: <Trans>Action</Trans>,
      cell: (row) => (
        <Link
          to="/trail/event-types"
          search={{ ...(find === '' ? {} : { find }), type: `${row.action}@${row.version}` }}
          resetScroll={false}
        >
          <code>{row.action}</code>
        </Link>
      ),
    },
    { id: 'version', header: <Trans>Version</Trans>, align: 'end', cell: (row) => row.version },
    { id: 'category', header: <Trans>Category</Trans>, cell: (row) => row.category },
    { id: 'summary', header: <Trans>What</Trans>, cell: (row) => row.summary },
    {
      id: 'ocsf',
      header: 'OCSF',
      cell: (row) => (
        <span>
          {row.ocsf.className} <span className="gh-muted gh-small">{row.ocsf.typeUid}</span>
        </span>
      ),
    },
    {
      id: 'find',
      header: <span className="gh-hidden">{t`Events`}</span>,
      cell: (row) => (
        <Link to="/trail" search={{ action: row.action }} className="gh-small">
          <Trans>events</Trans>
        </Link>
      ),
    },
  ];
  return (
    <>
      {chosen === undefined ? null : <TypeDetail type={chosen} />}
      {rows.length === 0 ? (
        <Empty title={<Trans>No type matches</Trans>}>
          <Trans>Look for a part of its name, its summary or its category.</Trans>
        </Empty>
      ) : (
        <DataTable
          label={t`Event types`}
          columns={columns}
          rows={rows}
          rowKey={(row) => `${row.action}@${row.version}`}
          testId="event-types"
        />
      )}
    </>
  );
}

function TypeDetail(props: { type: EventType }) {
  const { type } = props;
  const { ocsf } = type;
  return (
    <section className="gh-note" data-testid="event-type">
      <h3>
        <code>{type.action}</code> v{type.version}
      </h3>
      <p>{type.summary}</p>
      <Facts
        items={[
          [<Trans key="c">Category</Trans>, type.category],
          [<Trans key="o">OCSF class</Trans>, `${ocsf.className} (${ocsf.classUid})`],
          [<Trans key="a">OCSF activity</Trans>, `${ocsf.activityName} (${ocsf.activityId})`],
        ]}
      />
      <pre className="gh-pre" tabIndex={0}>
        {JSON.stringify(type.detail, null, 2)}
      </pre>
    </section>
  );
}
