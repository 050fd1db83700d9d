import { Trans, useLingui } from '@lingui/react/macro';
import { Link } from '@tanstack/react-router';
import type { LedgerEntry } from '../../api/types.ts';
import { DataTable, type Column } from '../../ui/data-table.tsx';
import { Instant } from '../../ui/instant.tsx';
import { ShortId } from '../../ui/short-id.tsx';
import { Who } from '../../ui/who.tsx';

/** Which keys were destroyed, why, by whom, and where the trail says so. */
export function LedgerTable(props: { entries: readonly LedgerEntry[] }) {
  const { t } = useLingui();
  const columns: readonly Column<LedgerEntry>[] = [
    { id: 'at', header: <Trans>Destroyed</Trans>, cell: (row) => <Instant at={row.shreddedAt} /> },
    { id: 'kid', header: <Trans>Key id</Trans>, cell: (row) => <ShortId value={row.kid} /> },
    {
      id: 'subject',
      header: <Trans>Person (keyed hash)</Trans>,
      cell: (row) => <ShortId value={row.subjectHash} />,
    },
    {
      id: 'request',
      header: <Trans>Request</Trans>,
      cell: (row) =>
        row.requestId === null ? (
          '—'
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
        <Link to="/trail" search={{ q: row.requestId ?? row.kid }}>
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
