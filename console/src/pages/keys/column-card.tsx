import { Plural, Trans, useLingui } from '@lingui/react/macro';
import { Button } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { call } from '../../api/client.ts';
import { useMay } from '../../api/queries.ts';
import type { AwaitingSecondPerson, ColumnMigration } from '../../api/types.ts';
import { ActionDialog } from '../../ui/action-dialog.tsx';
import { Instant, relativeTime } from '../../ui/instant.tsx';
import { ProblemNotice } from '../../ui/problem-notice.tsx';
import { ProgressBar } from '../../ui/progress-bar.tsx';
import { ReasonField } from '../../ui/reason-field.tsx';
import { StateTag } from '../../ui/state-tag.tsx';
import { ColumnRail } from './column-rail.tsx';
import { CommandLine } from './command-line.tsx';
import { openApprovals } from './keys-frame.tsx';
import { ProposedNote } from './proposed-note.tsx';

type Step = 'backfill' | 'verify' | 'cut-over' | 'revert';

/** One column: where it is, how far the backfill is, what differed, and the next step. */
export function ColumnCard(props: { migration: ColumnMigration }) {
  const { t } = useLingui();
  const { migration } = props;
  const queries = useQueryClient();
  const may = useMay('crypto.migrate_column');
  const [dropping, setDropping] = useState(false);
  const [proposed, setProposed] = useState<AwaitingSecondPerson | null>(null);
  const name = `${migration.service}.${migration.collection}.${migration.field}`;
  const path = `/v1/crypto/column-migrations/${migration.id}`;
  const step = useMutation({
    mutationFn: (next: Step) =>
      call(`${path}/${next}`, { method: 'POST', ...(next === 'backfill' ? { body: {} } : {}) }),
    onSettled: () => queries.invalidateQueries({ queryKey: ['pages'] }),
  });
  const total = migration.sealed + migration.waiting;
  return (
    <article className="gh-proposal" data-testid="column-migration">
      <h3>
        <code>{name}</code>
      </h3>
      <ColumnRail migration={migration} />
      {migration.state === 'reverted' ? (
        <p className="gh-note">
          <Trans>Taken back: the plaintext column is the truth, and alone.</Trans>
        </p>
      ) : null}
      <div className="gh-job">
        <ProgressBar
          done={migration.sealed}
          total={total}
          label={t`Rows of ${name} that are sealed`}
          running={migration.waiting > 0}
        />
        <p className="gh-row gh-small gh-muted">
          <span>
            <Trans>
              {migration.sealed.toLocaleString()} rows sealed, {migration.waiting.toLocaleString()} wait
            </Trans>
          </span>
          <Pace migration={migration} />
          <span>
            <Trans>
              changed <Instant at={migration.changedAt} />
            </Trans>
          </span>
        </p>
      </div>
      <Verdict migration={migration} />
      {step.isError ? (
        <ProblemNotice
          error={step.error}
          notLost={
            <Trans>Rows that were sealed stay sealed; the plaintext stands until it is dropped.</Trans>
          }
        />
      ) : null}
      {proposed === null ? null : <ProposedNote proposed={proposed} />}
      <NextStep
        migration={migration}
        name={name}
        may={may}
        busy={step.isPending}
        onStep={(next) => step.mutate(next)}
        onDrop={() => setDropping(true)}
      />
      {dropping ? (
        <DropDialog
          name={name}
          path={path}
          onDone={(answer) => {
            setDropping(false);
            setProposed(answer);
            void queries.invalidateQueries({ queryKey: ['get', openApprovals] });
          }}
          onClose={() => setDropping(false)}
        />
      ) : null}
    </article>
  );
}

function Pace(props: { migration: ColumnMigration }) {
  const { i18n } = useLingui();
  const { rowsPerSecond, remainingSeconds, waiting } = props.migration;
  if (rowsPerSecond === 0 || waiting === 0) return null;
  const when =
    remainingSeconds === null
      ? null
      : relativeTime(new Date(Date.now() + remainingSeconds * 1_000), i18n.locale);
  return (
    <span>
      <Trans>{rowsPerSecond.toLocaleString()} a second</Trans>
      {when === null ? null : (
        <>
          , <Trans>done {when}</Trans>
        </>
      )}
    </span>
  );
}

/** What the last comparison found, named by row. */
function Verdict(props: { migration: ColumnMigration }) {
  const { checked, differing, findings, verifiedAt } = props.migration;
  if (verifiedAt === null) return null;
  return (
    <div className="gh-stack">
      <StateTag tone={differing === 0 ? 'good' : 'bad'}>
        <span>
          {differing === 0 ? (
            <Trans>
              {checked.toLocaleString()} rows compared <Instant at={verifiedAt} />: every one agrees
            </Trans>
          ) : (
            <Trans>
              {checked.toLocaleString()} rows compared <Instant at={verifiedAt} />: {differing} differ
            </Trans>
          )}
        </span>
      </StateTag>
      {findings.length === 0 ? null : (
        <details>
          <summary>
            <Plural value={findings.length} one="# row by id" other="# rows by id" />
          </summary>
          <ul className="gh-small">
            {findings.map((one) => (
              <li key={one.rowId}>
                <code>{one.rowId}</code> {one.what}
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}

/** What comes next: a button where the API does it, a command where the table itself changes. */
function NextStep(props: {
  migration: ColumnMigration;
  name: string;
  may: boolean;
  busy: boolean;
  onStep: (step: Step) => void;
  onDrop: () => void;
}) {
  const { migration, name, may, busy, onStep } = props;
  const { state, dropApprovedAt, waiting } = migration;
  const button = (step: Step, label: ReactNode, main = false): ReactNode => (
    <Button
      size="compact-sm"
      {...(main ? {} : { variant: 'default' })}
      disabled={busy}
      onClick={() => onStep(step)}
      data-testid={`column-${step}`}
    >
      {label}
    </Button>
  );
  if (state === 'reverted' || dropApprovedAt !== null) {
    const verb = state === 'reverted' ? 'start' : 'drop';
    return (
      <div className="gh-stack">
        <p className="gh-muted">
          {state === 'reverted' ? (
            <Trans>To begin again, the administrator runs, for all organisations:</Trans>
          ) : (
            <Trans>Approved. The administrator drops the plaintext, once every organisation is there:</Trans>
          )}
        </p>
        <CommandLine text={`gatehouse crypto migrate-column ${verb} ${name}`} />
        {may && state !== 'reverted' ? (
          <div>{button('revert', <Trans>Take one step back</Trans>)}</div>
        ) : null}
      </div>
    );
  }
  if (!may) {
    return (
      <p className="gh-note">
        <Trans>A platform engineer takes the next step.</Trans>
      </p>
    );
  }
  return (
    <div className="gh-actions">
      {state === 'dual_write' || waiting > 0
        ? button('backfill', <Trans>Seal the rows that wait</Trans>, state === 'dual_write')
        : null}
      {state === 'backfilled' || state === 'verified'
        ? button('verify', <Trans>Compare every row</Trans>, state === 'backfilled')
        : null}
      {state === 'verified' ? button('cut-over', <Trans>Read from the ciphertext</Trans>, true) : null}
      {state === 'cut_over' ? (
        <Button size="compact-sm" onClick={props.onDrop} data-testid="column-drop">
          <Trans>Propose to drop the plaintext…</Trans>
        </Button>
      ) : null}
      {button('revert', <Trans>Take one step back</Trans>)}
    </div>
  );
}

function DropDialog(props: {
  name: string;
  path: string;
  onDone: (proposed: AwaitingSecondPerson) => void;
  onClose: () => void;
}) {
  const { t } = useLingui();
  const { name } = props;
  const [reason, setReason] = useState('');
  return (
    <ActionDialog
      title={t`Drop the plaintext of ${name}`}
      confirm={<Trans>Propose to drop it</Trans>}
      notLost={<Trans>The plaintext stands.</Trans>}
      ready={reason.trim() !== ''}
      destructive
      testId="drop-column"
      run={() =>
        call<AwaitingSecondPerson>(`${props.path}/drop`, { method: 'POST', body: { reason: reason.trim() } })
      }
      onDone={props.onDone}
      onClose={props.onClose}
    >
      <p>
        <Trans>
          After a second person approves and the administrator&apos;s command has run, the column is gone and
          nothing brings it back. Backups from before keep the plaintext until they expire.
        </Trans>
      </p>
      <ReasonField value={reason} onChange={setReason} />
    </ActionDialog>
  );
}
