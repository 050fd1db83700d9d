import { Trans, useLingui } from '@lingui/react/macro';
import type { KeyHierarchy } from '../../api/types.ts';
import { DataTable, type Column } from '../../ui/data-table.tsx';
import { Instant } from '../../ui/instant.tsx';
import { ShortId } from '../../ui/short-id.tsx';
import { StateTag } from '../../ui/state-tag.tsx';

type Line = {
  id: string;
  what: string;
  kid: string | null;
  state: string;
  createdAt: string;
  keys: number | null;
};

/** The epochs and the tenant's own keys as a table. */
export function EpochTable(props: { keys: KeyHierarchy }) {
  const { t } = useLingui();
  const { keys } = props;
  const lines: readonly Line[] = [
    ...keys.epochs
      .toSorted((left, right) => right.epoch - left.epoch)
      .map((epoch) => ({
        id: `e${epoch.epoch}`,
        what: t`Epoch ${epoch.epoch}`,
        kid: null,
        state: epoch.state,
        createdAt: epoch.createdAt,
        keys: epoch.keys,
      })),
    ...keys.tenantKeys.map((key) => ({
      id: key.kid,
      what: key.purpose,
      kid: key.kid,
      state: key.state,
      createdAt: key.createdAt,
      keys: null,
    })),
  ];
  const columns: readonly Column<Line>[] = [
    { id: 'what', header: <Trans>Key</Trans>, cell: (row) => row.what },
    {
      id: 'kid',
      header: <Trans>Key id</Trans>,
      cell: (row) => (row.kid === null ? '—' : <ShortId value={row.kid} />),
    },
    {
      id: 'state',
      header: <Trans>State</Trans>,
      cell: (row) => <StateTag tone={row.state === 'active' ? 'good' : 'idle'}>{row.state}</StateTag>,
    },
    {
      id: 'keys',
      header: <Trans>Keys under it</Trans>,
      cell: (row) => row.keys?.toLocaleString() ?? '—',
      align: 'end',
    },
    { id: 'created', header: <Trans>Since</Trans>, cell: (row) => <Instant at={row.createdAt} /> },
  ];
  return (
    <DataTable label={t`Epochs and tenant keys`} columns={columns} rows={lines} rowKey={(row) => row.id} />
  );
}
