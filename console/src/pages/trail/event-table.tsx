import { Trans, useLingui } from '@lingui/react/macro';
import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import type { TrailEvent } from '../../api/types.ts';
import type { RowProof } from '../../proof/verify-rows.ts';
import { Instant } from '../../ui/instant.tsx';
import { ShortId } from '../../ui/short-id.tsx';
import { StateTag, ToneShape, type Tone } from '../../ui/state-tag.tsx';
import { WindowedTable, type WindowedColumn } from '../../ui/windowed-table.tsx';

const tones: Record<string, Tone> = { success: 'good', denied: 'warn', failure: 'bad' };

/** An outcome as shape and word. */
export function OutcomeTag(props: { outcome: string }) {
  const { t } = useLingui();
  const words: Record<string, string> = { success: t`succeeded`, denied: t`denied`, failure: t`failed` };
  return <StateTag tone={tones[props.outcome] ?? 'idle'}>{words[props.outcome] ?? props.outcome}</StateTag>;
}

/** Who acted; a person who was erased is said to be so. */
export function ActorName(props: { actor: TrailEvent['actor'] }) {
  const { actor } = props;
  if (actor.erased === true) {
    return (
      <StateTag tone="idle">
        <Trans>erased</Trans>
      </StateTag>
    );
  }
  return actor.displayName === null ? (
    <ShortId value={actor.id} />
  ) : (
    <span title={actor.id}>{actor.displayName}</span>
  );
}

/** Events, drawn only where somebody looks; with the proof of each once the page was verified. */
export function EventTable(props: {
  rows: readonly TrailEvent[];
  proofs?: ReadonlyMap<number, RowProof>;
  hasMore?: boolean;
  loading?: boolean;
  onEnd?: () => void;
}) {
  const { t } = useLingui();
  const { proofs, rows, ...rest } = props;
  const columns = useMemo(
    () => [...eventColumns, ...(proofs === undefined ? [] : [proofColumn(proofs)])],
    [proofs],
  );
  return (
    <WindowedTable
      label={t`Events`}
      columns={columns}
      rows={rows}
      rowKey={(row) => String(row.seq)}
      testId="events"
      {...rest}
    />
  );
}

const eventColumns: readonly WindowedColumn<TrailEvent>[] = [
  {
    id: 'seq',
    header: '#',
    align: 'end',
    width: '56px',
    cell: (row) => (
      <Link to="/trail/$seq" params={{ seq: String(row.seq) }} className="gh-mono" preload={false}>
        {row.seq}
      </Link>
    ),
  },
  { id: 'at', header: <Trans>When</Trans>, width: '112px', cell: (row) => <Instant at={row.occurredAt} /> },
  {
    id: 'action',
    header: <Trans>Action</Trans>,
    width: '22%',
    cell: (row) => <code title={row.action}>{row.action}</code>,
  },
  {
    id: 'outcome',
    header: <Trans>Outcome</Trans>,
    width: '112px',
    cell: (row) => <OutcomeTag outcome={row.outcome} />,
  },
  { id: 'actor', header: <Trans>Actor</Trans>, width: '12%', cell: (row) => <ActorName actor={row.actor} /> },
  {
    id: 'summary',
    header: <Trans>What</Trans>,
    width: 'auto',
    cell: (row) => (
      <span title={row.summary}>
        {row.summary}
        {row.reason === null ? null : <span className="gh-muted"> · {row.reason}</span>}
      </span>
    ),
  },
  {
    id: 'targets',
    header: <Trans>On</Trans>,
    width: '132px',
    cell: (row) => {
      const [first, ...rest] = row.targets;
      if (first === undefined) return <span className="gh-muted">—</span>;
      return (
        <>
          <span className="gh-muted gh-small">{first.type}</span> <ShortId value={first.id} keep={4} />
          {rest.length === 0 ? null : <span className="gh-muted"> +{rest.length}</span>}
        </>
      );
    },
  },
];

function proofColumn(proofs: ReadonlyMap<number, RowProof>): WindowedColumn<TrailEvent> {
  return {
    id: 'proof',
    header: <Trans>Proof</Trans>,
    width: '104px',
    cell: (row) => <ProofMark proof={proofs.get(row.seq)} />,
  };
}

function ProofMark(props: { proof: RowProof | undefined }) {
  const { proof } = props;
  if (proof === undefined) return <span className="gh-muted">—</span>;
  const tone = { verified: 'good', later: 'idle', broken: 'bad' } as const;
  return (
    <span
      className={`gh-tag gh-tag-${tone[proof.state]}`}
      data-proof={proof.state}
      title={proof.state === 'broken' ? proof.problem : undefined}
    >
      <ToneShape tone={tone[proof.state]} />
      {proof.state === 'verified' ? <Trans>verified</Trans> : null}
      {proof.state === 'later' ? <Trans>too new</Trans> : null}
      {proof.state === 'broken' ? <Trans>broken</Trans> : null}
    </span>
  );
}
