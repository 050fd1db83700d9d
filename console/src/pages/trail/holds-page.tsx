import { Trans, useLingui } from '@lingui/react/macro';
import { Button } from '@mantine/core';
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { call } from '../../api/client.ts';
import { pagesQuery, useMay } from '../../api/queries.ts';
import type { AwaitingSecondPerson, Hold } from '../../api/types.ts';
import { ActionDialog } from '../../ui/action-dialog.tsx';
import { DataTable, type Column } from '../../ui/data-table.tsx';
import { exactUtc, Instant } from '../../ui/instant.tsx';
import { ListState } from '../../ui/list-state.tsx';
import { Panel } from '../../ui/page.tsx';
import { PersonName } from '../../ui/person-name.tsx';
import { ReasonField } from '../../ui/reason-field.tsx';
import { ShortId } from '../../ui/short-id.tsx';
import { StateTag } from '../../ui/state-tag.tsx';
import { ProposedNote } from '../keys/proposed-note.tsx';
import { PlaceHoldDialog } from './place-hold.tsx';
import { TrailFrame } from './trail-frame.tsx';

const route = getRouteApi('/shell/trail/holds');

/** Legal holds: what must not be pruned or shredded, why, and until when. */
export function HoldsPage() {
  const { t } = useLingui();
  const { show } = route.useSearch();
  const may = useMay('audit.hold');
  const queries = useQueryClient();
  const [placing, setPlacing] = useState(false);
  const [releasing, setReleasing] = useState<Hold | null>(null);
  const [proposed, setProposed] = useState<AwaitingSecondPerson | null>(null);
  const active = show !== 'all';
  const holds = useInfiniteQuery(pagesQuery<Hold>(`/v1/audit/holds?active=${String(active)}`));
  const again = async (): Promise<void> => {
    setPlacing(false);
    await queries.invalidateQueries({ queryKey: ['pages'] });
  };
  return (
    <TrailFrame
      title={t`Legal holds`}
      lead={
        <Trans>
          What stands under a hold is neither pruned nor shredded, and nobody is erased over it. One person
          places a hold; releasing it takes two.
        </Trans>
      }
      actions={
        may ? (
          <Button onClick={() => setPlacing(true)} data-testid="place-hold">
            <Trans>Place a hold</Trans>
          </Button>
        ) : undefined
      }
    >
      {proposed === null ? null : <ProposedNote proposed={proposed} />}
      <Panel testId="holds">
        <nav className="gh-tabs" aria-label={t`Which holds`}>
          <Link to="/trail/holds" search={{}} activeOptions={{ exact: true }}>
            <Trans>Active</Trans>
          </Link>
          <Link to="/trail/holds" search={{ show: 'all' }}>
            <Trans>All, with those released</Trans>
          </Link>
        </nav>
        <ListState
          query={holds}
          empty={<Trans>No holds</Trans>}
          hint={
            may ? (
              <Trans>Place one when a court, an authority or a dispute wants records kept.</Trans>
            ) : (
              <Trans>A security admin or a DPO can place one.</Trans>
            )
          }
        >
          {(rows) => <HoldTable rows={rows} onRelease={may ? setReleasing : null} />}
        </ListState>
      </Panel>
      {placing ? <PlaceHoldDialog onDone={again} onClose={() => setPlacing(false)} /> : null}
      {releasing === null ? null : (
        <ReleaseDialog
          hold={releasing}
          onDone={(answer) => {
            setProposed(answer);
            setReleasing(null);
          }}
          onClose={() => setReleasing(null)}
        />
      )}
    </TrailFrame>
  );
}

function HoldTable(props: { rows: readonly Hold[]; onRelease: ((hold: Hold) => void) | null }) {
  const { t } = useLingui();
  const { onRelease } = props;
  const columns: readonly Column<Hold>[] = [
    { id: 'scope', header: <Trans>What is held</Trans>, cell: (row) => <ScopeWords scope={row.scope} /> },
    { id: 'reason', header: <Trans>Reason</Trans>, cell: (row) => row.reason },
    {
      id: 'state',
      header: <Trans>State</Trans>,
      cell: (row) =>
        row.active ? (
          <StateTag tone="warn">
            <Trans>holds</Trans>
          </StateTag>
        ) : (
          <StateTag tone="idle">
            <Trans>over</Trans>
          </StateTag>
        ),
    },
    { id: 'by', header: <Trans>Placed by</Trans>, cell: (row) => <PersonName id={row.placedBy} /> },
    { id: 'at', header: <Trans>Placed</Trans>, cell: (row) => <Instant at={row.placedAt} /> },
    {
      id: 'until',
      header: <Trans>Until</Trans>,
      cell: (row) => (row.until === null ? <Trans>released</Trans> : <Instant at={row.until} />),
    },
    {
      id: 'do',
      header: <span className="gh-hidden">{t`Actions`}</span>,
      align: 'end',
      cell: (row) =>
        row.active && onRelease !== null ? (
          <Button
            size="compact-sm"
            variant="default"
            onClick={() => onRelease(row)}
            data-testid="release-hold"
          >
            <Trans>Release…</Trans>
          </Button>
        ) : null,
    },
  ];
  return <DataTable label={t`Holds`} columns={columns} rows={props.rows} rowKey={(row) => row.id} />;
}

/** What a hold names, in words. */
export function ScopeWords(props: { scope: Hold['scope'] }) {
  const { scope } = props;
  switch (scope.kind) {
    case 'log':
      return <Trans>everything</Trans>;
    case 'subject':
      return (
        <Trans>
          the person <ShortId value={scope.subjectId ?? ''} />
        </Trans>
      );
    case 'actor':
      return (
        <Trans>
          what was done by <ShortId value={scope.actorId ?? ''} />
        </Trans>
      );
    case 'time': {
      const [from, to] = [scope.from ?? '', scope.to ?? ''];
      return (
        <span>
          {exactUtc(new Date(from))} – {exactUtc(new Date(to))}
        </span>
      );
    }
  }
}

function ReleaseDialog(props: {
  hold: Hold;
  onDone: (proposed: AwaitingSecondPerson) => void;
  onClose: () => void;
}) {
  const { t } = useLingui();
  const [reason, setReason] = useState('');
  const { hold } = props;
  return (
    <ActionDialog<AwaitingSecondPerson>
      title={t`Release a hold`}
      confirm={<Trans>Propose</Trans>}
      notLost={<Trans>The hold stands.</Trans>}
      ready={reason.trim() !== ''}
      testId="release"
      run={() =>
        call(`/v1/audit/holds/${hold.id}/release`, { method: 'POST', body: { reason: reason.trim() } })
      }
      onDone={props.onDone}
      onClose={props.onClose}
    >
      <p>
        <ScopeWords scope={hold.scope} />: {hold.reason}
      </p>
      <p className="gh-small gh-muted">
        <Trans>
          Nothing is released before a second person approves. Then pruning, shredding and erasure that waited
          go on.
        </Trans>
      </p>
      <ReasonField value={reason} onChange={setReason} />
    </ActionDialog>
  );
}
