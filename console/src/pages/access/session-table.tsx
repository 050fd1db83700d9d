import { Trans, useLingui } from '@lingui/react/macro';
import { Button } from '@mantine/core';
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { call } from '../../api/client.ts';
import { pagesQuery, useMay } from '../../api/queries.ts';
import type { SessionRow } from '../../api/types.ts';
import { DataTable, type Column } from '../../ui/data-table.tsx';
import { Instant } from '../../ui/instant.tsx';
import { ListState } from '../../ui/list-state.tsx';
import { Panel } from '../../ui/page.tsx';
import { ProblemNotice } from '../../ui/problem-notice.tsx';
import { StateTag } from '../../ui/state-tag.tsx';

/** Who is in right now; ending a session takes effect at its next call. */
export function SessionTable() {
  const { t } = useLingui();
  const queries = useQueryClient();
  const mayManage = useMay('identity.manage');
  const sessions = useInfiniteQuery(pagesQuery<SessionRow>('/v1/identity/sessions'));
  const end = useMutation({
    mutationFn: (id: string) => call(`/v1/identity/sessions/${id}`, { method: 'DELETE' }),
    onSettled: () => queries.invalidateQueries({ queryKey: ['pages', '/v1/identity/sessions'] }),
  });
  const columns: readonly Column<SessionRow>[] = [
    {
      id: 'who',
      header: <Trans>Person</Trans>,
      cell: (row) => (
        <span className="gh-row">
          {row.displayName}
          {row.current ? <StateTag tone="busy">{t`this one`}</StateTag> : null}
        </span>
      ),
    },
    { id: 'level', header: <Trans>Level</Trans>, cell: (row) => row.level, align: 'end' },
    { id: 'since', header: <Trans>Since</Trans>, cell: (row) => <Instant at={row.createdAt} /> },
    { id: 'seen', header: <Trans>Last seen</Trans>, cell: (row) => <Instant at={row.lastSeenAt} /> },
    { id: 'expires', header: <Trans>Ends</Trans>, cell: (row) => <Instant at={row.expiresAt} /> },
    {
      id: 'from',
      header: <Trans>From</Trans>,
      cell: (row) => <span className="gh-small">{row.ip ?? '—'}</span>,
    },
    {
      id: 'do',
      header: <span className="gh-hidden">{t`Actions`}</span>,
      align: 'end',
      cell: (row) =>
        mayManage || row.current ? (
          <Button
            size="compact-xs"
            variant="default"
            aria-label={t`End the session of ${row.displayName}`}
            onClick={() => end.mutate(row.id)}
          >
            <Trans>End</Trans>
          </Button>
        ) : null,
    },
  ];
  return (
    <Panel>
      {end.isError ? <ProblemNotice error={end.error} notLost={<Trans>The session goes on.</Trans>} /> : null}
      <ListState query={sessions} empty={<Trans>Nobody is signed in</Trans>}>
        {(rows) => (
          <DataTable
            label={t`Sessions`}
            columns={columns}
            rows={rows}
            rowKey={(row) => row.id}
            testId="sessions"
          />
        )}
      </ListState>
    </Panel>
  );
}
