import { Trans, useLingui } from '@lingui/react/macro';
import { Link } from '@tanstack/react-router';
import type { LedgerEntry } from '../../api/types.ts';
import { DataTable, type Column } from '../../ui/data-table.tsx';
import { Instant } from '../../ui/instant.tsx';
import { ShortId } from '../../ui/short-id.tsx';
import { Who } from '../../ui/who.tsx';

/** What came by the portal or a letter has a page; a shred by hand names whatever its author wrote. */
const uuid = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;

/** Which keys were destroyed, why, by whom, and where the trail says so. */
export function LedgerTable(props: { entries: readonly LedgerEntry[] }) {
  const { t } = useLingui();
  const columns: readonly Column<LedgerEntry>[] = [
    { id: 'at', header: <Trans>Destroyed</Trans>, cell: (row) => <Instant at={row.shreddedAt} /> },
    { id: 'kid', header: <Trans>Key id</Trans>, cell: (row) => <ShortId value={row.kid} /> },
    { id: 'epoch', header: <Trans>Epoch</Trans>, cell: (row) => row.epoch },
    {
      id: 'subject',
      header: <Trans>Person (keyed hash)</Trans>,
      cell: (row) => <ShortId value={row.subjectHash} />,
    },
    {
      id: 'request',
      header: <Trans>Request</Trans>,
      cell: (row) =>
        !uuid.test(row.requestId) ? (
          row.requestId
        ) : (
          <Link to="/requests/$id" params={{ id: row.requestId }} className="gh-mono">
            {row.requestId.slice(0, 8)}…
          </Link>
        ),
    },
    { id: 'reason', header: <Trans>Reason</Trans>, cell: (row) => row.reason },
    { id: 'actor', header: <Trans>By</Trans>, cell: (row) => <Who value={row.actor} /> },
    {
      id: 'trail',
      header: <Trans>Trail</Trans>,
      cell: (row) => (
        <Link to="/trail" search={{ q: row.requestId }}>
          <Trans>its events</Trans>
        </Link>
      ),
    },
  ];
  return (
    <DataTable
      label={t`Shred ledger`}
      columns={columns}
      rows={props.entries}
      rowKey={(row) => row.id}
      testId="shred-ledger"
    />
  );
}
