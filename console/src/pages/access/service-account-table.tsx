import { Trans, useLingui } from '@lingui/react/macro';
import { useInfiniteQuery } from '@tanstack/react-query';
import { pagesQuery } from '../../api/queries.ts';
import type { ServiceAccount } from '../../api/types.ts';
import { DataTable, type Column } from '../../ui/data-table.tsx';
import { Instant } from '../../ui/instant.tsx';
import { ListState } from '../../ui/list-state.tsx';
import { Panel } from '../../ui/page.tsx';
import { ShortId } from '../../ui/short-id.tsx';
import { StateTag } from '../../ui/state-tag.tsx';

/** Machines with credentials of their own. */
export function ServiceAccountTable() {
  const { t } = useLingui();
  const accounts = useInfiniteQuery(pagesQuery<ServiceAccount>('/v1/identity/service-accounts'));
  const columns: readonly Column<ServiceAccount>[] = [
    { id: 'name', header: <Trans>Name</Trans>, cell: (row) => row.name },
    {
      id: 'client',
      header: <Trans>Client id</Trans>,
      cell: (row) => <ShortId value={row.clientId} keep={12} />,
    },
    { id: 'created', header: <Trans>Created</Trans>, cell: (row) => <Instant at={row.createdAt} /> },
    {
      id: 'state',
      header: <Trans>State</Trans>,
      cell: (row) => (
        <StateTag tone={row.state === 'active' ? 'good' : 'idle'}>
          {row.state === 'active' ? t`active` : t`disabled`}
        </StateTag>
      ),
    },
  ];
  return (
    <Panel>
      <ListState
        query={accounts}
        empty={<Trans>No machine has credentials</Trans>}
        hint={<Trans>Create one with the command line: gatehouse identity service-account.</Trans>}
      >
        {(rows) => (
          <DataTable
            label={t`Service accounts`}
            columns={columns}
            rows={rows}
            rowKey={(row) => row.id}
            testId="service-accounts"
          />
        )}
      </ListState>
    </Panel>
  );
}
