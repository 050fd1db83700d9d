import { Trans, useLingui } from '@lingui/react/macro';
import type { KeyHierarchy } from '../../api/types.ts';
import { DataTable, type Column } from '../../ui/data-table.tsx';
import { Instant } from '../../ui/instant.tsx';
import { ShortId } from '../../ui/short-id.tsx';
import { StateTag } from '../../ui/state-tag.tsx';

type TenantKey = KeyHierarchy['tenantKeys'][number];

/** The keys of the tenant by purpose; the table twin of the picture's lower right. */
export function TenantKeyTable(props: { keys: readonly TenantKey[] }) {
  const { t } = useLingui();
  const columns: readonly Column<TenantKey>[] = [
    { id: 'purpose', header: <Trans>Purpose</Trans>, cell: (row) => row.purpose },
    { id: 'kid', header: <Trans>Key id</Trans>, cell: (row) => <ShortId value={row.kid} /> },
    {
      id: 'state',
      header: <Trans>State</Trans>,
      cell: (row) => (
        <StateTag tone={row.state === 'active' ? 'good' : 'idle'}>
          {row.state === 'active' ? t`active` : t`superseded`}
        </StateTag>
      ),
    },
    {
      id: 'messages',
      header: <Trans>Values sealed</Trans>,
      cell: (row) => row.messages.toLocaleString(),
      align: 'end',
    },
    { id: 'since', header: <Trans>Since</Trans>, cell: (row) => <Instant at={row.createdAt} /> },
  ];
  return (
    <DataTable
      label={t`Keys of the tenant`}
      columns={columns}
      rows={props.keys}
      rowKey={(row) => row.kid}
      testId="tenant-keys"
    />
  );
}
