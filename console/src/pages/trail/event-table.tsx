import { Trans, useLingui } from '@lingui/react/macro';
import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import type { TrailEvent } from '../../api/types.ts';
import { DataTable, type Column } from '../../ui/data-table.tsx';
import { Instant } from '../../ui/instant.tsx';
import { ShortId } from '../../ui/short-id.tsx';
import { StateTag, type Tone } from '../../ui/state-tag.tsx';

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

/** A page of events. */
export function EventTable(props: { rows: readonly TrailEvent[] }) {
  const { t } = useLingui();
  const columns = useMemo(
    (): readonly Column<TrailEvent>[] => [
      {
        id: 'seq',
        header: '#',
        align: 'end',
        cell: (row) => (
          <Link to="/trail/$seq" params={{ seq: String(row.seq) }} className="gh-mono">
            {row.seq}
          </Link>
        ),
      },
      { id: 'at', header: <Trans>When</Trans>, cell: (row) => <Instant at={row.occurredAt} /> },
      { id: 'action', header: <Trans>Action</Trans>, cell: (row) => <code>{row.action}</code> },
      { id: 'outcome', header: <Trans>Outcome</Trans>, cell: (row) => <OutcomeTag outcome={row.outcome} /> },
      { id: 'actor', header: <Trans>Actor</Trans>, cell: (row) => <ActorName actor={row.actor} /> },
      {
        id: 'summary',
        header: <Trans>What</Trans>,
        cell: (row) => (
          <span>
            {row.summary}
            {row.reason === null ? null : <span className="gh-muted"> · {row.reason}</span>}
          </span>
        ),
      },
      {
        id: 'targets',
        header: <Trans>On</Trans>,
        cell: (row) => {
          const [first, ...rest] = row.targets;
          if (first === undefined) return <span className="gh-muted">—</span>;
          return (
            <span className="gh-nowrap">
              <span className="gh-muted gh-small">{first.type}</span> <ShortId value={first.id} keep={4} />
              {rest.length === 0 ? null : <span className="gh-muted"> +{rest.length}</span>}
            </span>
          );
        },
      },
    ],
    [],
  );
  return (
    <DataTable
      label={t`Events`}
      columns={columns}
      rows={props.rows}
      rowKey={(row) => String(row.seq)}
      testId="events"
    />
  );
}
