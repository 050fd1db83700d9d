import { Trans, useLingui } from '@lingui/react/macro';
import { Button } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useMay } from '../../api/queries.ts';
import type { AwaitingSecondPerson, EpochLife, KeyLife } from '../../api/types.ts';
import { DataTable, type Column } from '../../ui/data-table.tsx';
import { Instant } from '../../ui/instant.tsx';
import { Facts, Panel } from '../../ui/page.tsx';
import { StateTag } from '../../ui/state-tag.tsx';
import { epochTones, useKeyWords } from './key-words.ts';
import { openApprovals } from './keys-frame.tsx';
import { ProposedNote } from './proposed-note.tsx';
import { RetireDialog, retirable } from './retire-dialog.tsx';
import { ScheduleDialog } from './schedule-dialog.tsx';

/** Epochs with the day until which backups open them, the standing schedule, and the two proposals about them. */
export function EpochPanel(props: { life: KeyLife }) {
  const { life } = props;
  const queries = useQueryClient();
  const mayRetire = useMay('crypto.retire');
  const [open, setOpen] = useState<'retire' | 'schedule' | null>(null);
  const [proposed, setProposed] = useState<AwaitingSecondPerson | null>(null);
  const done = (answer: AwaitingSecondPerson): void => {
    setOpen(null);
    setProposed(answer);
    void queries.invalidateQueries({ queryKey: ['get', openApprovals] });
  };
  return (
    <Panel
      title={<Trans>Epochs</Trans>}
      aside={
        mayRetire ? (
          <div className="gh-actions">
            <Button
              size="compact-sm"
              variant="default"
              onClick={() => setOpen('schedule')}
              data-testid="change-schedule"
            >
              <Trans>Change the schedule…</Trans>
            </Button>
            <Button
              size="compact-sm"
              variant="default"
              disabled={retirable(life.epochs).length === 0}
              onClick={() => setOpen('retire')}
              data-testid="propose-retire"
            >
              <Trans>Retire epochs…</Trans>
            </Button>
          </div>
        ) : null
      }
    >
      {proposed === null ? null : <ProposedNote proposed={proposed} />}
      <Schedule life={life} />
      <EpochTable epochs={life.epochs} />
      {open === 'retire' ? (
        <RetireDialog epochs={life.epochs} onDone={done} onClose={() => setOpen(null)} />
      ) : null}
      {open === 'schedule' ? (
        <ScheduleDialog schedule={life.schedule} onDone={done} onClose={() => setOpen(null)} />
      ) : null}
    </Panel>
  );
}

function Schedule(props: { life: KeyLife }) {
  const { schedule, retirements } = props.life;
  const { rotateEveryDays, retireAfterDays } = schedule;
  return (
    <Facts
      items={[
        [
          <Trans key="r">A new epoch</Trans>,
          rotateEveryDays === null ? (
            <Trans>only by hand</Trans>
          ) : (
            <Trans>every {rotateEveryDays} days, by itself</Trans>
          ),
        ],
        [
          <Trans key="d">An epoch is destroyed</Trans>,
          retireAfterDays === null ? (
            <Trans>only when two people retire it</Trans>
          ) : (
            <Trans>{retireAfterDays} days after it was left, by itself</Trans>
          ),
        ],
        ...retirements.map(
          (one) =>
            [
              <Trans key={one.id}>Retirement under way</Trans>,
              <span key="v">
                <Trans>
                  up to epoch {one.throughEpoch}, begun <Instant at={one.begunAt} />
                </Trans>{' '}
                {one.error === null ? null : <StateTag tone="bad">{one.error}</StateTag>}
              </span>,
            ] as const,
        ),
      ]}
    />
  );
}

function EpochTable(props: { epochs: readonly EpochLife[] }) {
  const { t } = useLingui();
  const words = useKeyWords();
  const columns: readonly Column<EpochLife>[] = [
    { id: 'epoch', header: <Trans>Epoch</Trans>, cell: (row) => row.epoch },
    {
      id: 'state',
      header: <Trans>State</Trans>,
      cell: (row) => (
        <>
          <StateTag tone={epochTones[row.state]} testId={`epoch-${row.epoch}-${row.state}`}>
            {words.epoch(row.state)}
          </StateTag>
          {row.error === null ? null : (
            <p className="gh-small gh-ink-bad">
              {row.error} <Instant at={row.triedAt} />
            </p>
          )}
        </>
      ),
    },
    { id: 'provider', header: <Trans>Provider</Trans>, cell: (row) => row.provider },
    {
      id: 'keys',
      header: <Trans>Keys under it</Trans>,
      cell: (row) => row.keys.toLocaleString(),
      align: 'end',
    },
    { id: 'made', header: <Trans>Made</Trans>, cell: (row) => <Instant at={row.createdAt} /> },
    { id: 'left', header: <Trans>Left</Trans>, cell: (row) => <Instant at={row.supersededAt} /> },
    {
      id: 'until',
      header: <Trans>Backups open until</Trans>,
      cell: (row) => (
        <>
          {row.until === null || row.basis === 'destroyed' ? null : (
            <>
              <Instant at={row.until} />{' '}
            </>
          )}
          <span className="gh-small gh-muted">{words.basis(row.basis)}</span>
          {row.basis === 'destroyed' ? (
            <>
              {' '}
              <Instant at={row.destroyedAt ?? row.until} />
            </>
          ) : null}
        </>
      ),
    },
  ];
  return (
    <DataTable
      label={t`Epochs`}
      columns={columns}
      rows={props.epochs.toSorted((left, right) => right.epoch - left.epoch)}
      rowKey={(row) => String(row.epoch)}
      testId="epochs"
    />
  );
}
