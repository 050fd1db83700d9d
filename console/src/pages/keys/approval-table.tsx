import { Trans, useLingui } from '@lingui/react/macro';
import type { Approval } from '../../api/types.ts';
import { DataTable, type Column } from '../../ui/data-table.tsx';
import { Instant } from '../../ui/instant.tsx';
import { PersonName } from '../../ui/person-name.tsx';
import { ShortId } from '../../ui/short-id.tsx';
import { StateTag } from '../../ui/state-tag.tsx';
import { approvalTones, useKeyWords } from './key-words.ts';

/** Proposals with who decided what, the newest first. */
export function ApprovalTable(props: { proposals: readonly Approval[] }) {
  const { t } = useLingui();
  const words = useKeyWords();
  const columns: readonly Column<Approval>[] = [
    {
      id: 'what',
      header: <Trans>What</Trans>,
      cell: (row) => (
        <span data-testid={`proposal-${row.id}`} data-state={row.state}>
          {words.action(row.action)}
        </span>
      ),
    },
    {
      id: 'state',
      header: <Trans>State</Trans>,
      cell: (row) => (
        <>
          <StateTag tone={approvalTones[row.state]}>{words.approval(row.state)}</StateTag>
          {row.note === null ? null : <p className="gh-small gh-muted">{row.note}</p>}
        </>
      ),
    },
    { id: 'reason', header: <Trans>Reason</Trans>, cell: (row) => row.reason },
    {
      id: 'by',
      header: <Trans>Proposed by</Trans>,
      cell: (row) => (
        <>
          <PersonName id={row.proposedBy} />{' '}
          <span className="gh-small gh-muted">
            <Instant at={row.proposedAt} />
          </span>
        </>
      ),
    },
    {
      id: 'decided',
      header: <Trans>Decided by</Trans>,
      cell: (row) =>
        row.decidedBy === null ? (
          '—'
        ) : (
          <>
            <PersonName id={row.decidedBy} />{' '}
            <span className="gh-small gh-muted">
              <Instant at={row.decidedAt} />
            </span>
          </>
        ),
    },
    { id: 'digest', header: <Trans>Digest</Trans>, cell: (row) => <ShortId value={row.digest} /> },
  ];
  return (
    <DataTable
      label={t`Proposals`}
      columns={columns}
      rows={props.proposals}
      rowKey={(row) => row.id}
      testId="proposals"
    />
  );
}
