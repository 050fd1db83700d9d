import { Trans, useLingui } from '@lingui/react/macro';
import { Button, Modal } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { call } from '../../api/client.ts';
import { getQuery } from '../../api/queries.ts';
import type { SavedView } from '../../api/types.ts';
import { DataTable, type Column } from '../../ui/data-table.tsx';
import { Instant } from '../../ui/instant.tsx';
import { Empty, Loaded } from '../../ui/loaded.tsx';
import { Panel } from '../../ui/page.tsx';
import { ProblemNotice } from '../../ui/problem-notice.tsx';
import { StateTag } from '../../ui/state-tag.tsx';
import { formatSearch } from './parse-search.ts';
import { ViewDialog } from './save-view.tsx';
import { TrailFrame } from './trail-frame.tsx';
import type { TrailFilter } from './trail-filter.ts';

/** Saved searches: one's own, and those that others share. */
export function ViewsPage() {
  const { t } = useLingui();
  const views = useQuery(getQuery<{ items: SavedView[] }>('/v1/audit/views'));
  const [changing, setChanging] = useState<SavedView | null>(null);
  const [removing, setRemoving] = useState<SavedView | null>(null);
  return (
    <TrailFrame
      title={t`Saved views`}
      lead={
        <Trans>
          A view is a search with a name. With a schedule its owner gets a mail with what is new: numbers and
          actions, no personal data.
        </Trans>
      }
    >
      <Panel>
        <Loaded query={views}>
          {({ items }) =>
            items.length === 0 ? (
              <Empty title={<Trans>No views yet</Trans>}>
                <Trans>Search the trail, then choose “Save this search”.</Trans>
              </Empty>
            ) : (
              <ViewTable rows={items} onChange={setChanging} onRemove={setRemoving} />
            )
          }
        </Loaded>
      </Panel>
      {changing === null ? null : (
        <ViewDialog
          view={changing}
          filter={changing.filter as TrailFilter}
          onClose={() => setChanging(null)}
        />
      )}
      {removing === null ? null : <RemoveDialog view={removing} onClose={() => setRemoving(null)} />}
    </TrailFrame>
  );
}

function ViewTable(props: {
  rows: readonly SavedView[];
  onChange: (view: SavedView) => void;
  onRemove: (view: SavedView) => void;
}) {
  const { t } = useLingui();
  const columns: readonly Column<SavedView>[] = [
    {
      id: 'name',
      header: <Trans>Name</Trans>,
      cell: (row) => (
        <Link to="/trail" search={row.filter as TrailFilter}>
          {row.name}
        </Link>
      ),
    },
    {
      id: 'search',
      header: <Trans>Searches for</Trans>,
      cell: (row) => <code>{formatSearch(row.filter as TrailFilter) || '—'}</code>,
    },
    {
      id: 'whose',
      header: <Trans>Whose</Trans>,
      cell: (row) =>
        row.mine ? (
          row.shared ? (
            <Trans>mine, shared</Trans>
          ) : (
            <Trans>mine</Trans>
          )
        ) : (
          <Trans>shared with me</Trans>
        ),
    },
    { id: 'mail', header: <Trans>Mail</Trans>, cell: (row) => <Delivery view={row} /> },
    {
      id: 'do',
      header: <span className="gh-hidden">{t`Actions`}</span>,
      align: 'end',
      cell: (row) => (
        <span className="gh-row gh-row-end">
          <Link to="/trail/live" search={row.filter as TrailFilter} className="gh-small">
            <Trans>Follow live</Trans>
          </Link>
          {row.mine ? (
            <>
              <Button size="compact-sm" variant="default" onClick={() => props.onChange(row)}>
                <Trans>Change</Trans>
              </Button>
              <Button
                size="compact-sm"
                variant="default"
                onClick={() => props.onRemove(row)}
                data-testid="view-remove"
              >
                <Trans>Delete</Trans>
              </Button>
            </>
          ) : null}
        </span>
      ),
    },
  ];
  return (
    <DataTable
      label={t`Saved views`}
      columns={columns}
      rows={props.rows}
      rowKey={(row) => row.id}
      testId="views"
    />
  );
}

function Delivery(props: { view: SavedView }) {
  const { schedule, nextRunAt, lastError } = props.view;
  if (schedule === null) return <span className="gh-muted">—</span>;
  return (
    <span>
      {schedule.every === 'day' ? <Trans>every day</Trans> : <Trans>every week</Trans>}{' '}
      {nextRunAt === null ? null : (
        <span className="gh-muted">
          <Trans>next</Trans> <Instant at={nextRunAt} />
        </span>
      )}
      {lastError === null ? null : (
        <div>
          <StateTag tone="warn">{lastError}</StateTag>
        </div>
      )}
    </span>
  );
}

function RemoveDialog(props: { view: SavedView; onClose: () => void }) {
  const { t } = useLingui();
  const queries = useQueryClient();
  const remove = useMutation({
    mutationFn: () => call(`/v1/audit/views/${props.view.id}`, { method: 'DELETE' }),
    onSuccess: async () => {
      props.onClose();
      await queries.invalidateQueries({ queryKey: ['get', '/v1/audit/views'] });
    },
  });
  return (
    <Modal
      opened
      onClose={props.onClose}
      title={t`Delete the view “${props.view.name}”`}
      closeButtonProps={{ 'aria-label': t`Close` }}
    >
      <div className="gh-form">
        <p>
          {props.view.shared ? (
            <Trans>It disappears for everybody who uses it, and its mails end. No event is touched.</Trans>
          ) : (
            <Trans>Its mails end with it. No event is touched.</Trans>
          )}
        </p>
        {remove.isError ? <ProblemNotice error={remove.error} /> : null}
        <div className="gh-form-actions">
          <Button variant="default" onClick={props.onClose}>
            <Trans>Cancel</Trans>
          </Button>
          <Button
            color="red"
            loading={remove.isPending}
            onClick={() => remove.mutate()}
            data-testid="view-remove-confirm"
          >
            <Trans>Delete</Trans>
          </Button>
        </div>
      </div>
    </Modal>
  );
}
