import { Plural, Trans, useLingui } from '@lingui/react/macro';
import { NativeSelect } from '@mantine/core';
import { useState } from 'react';
import { call } from '../../api/client.ts';
import type { AwaitingSecondPerson, EpochLife } from '../../api/types.ts';
import { ActionDialog } from '../../ui/action-dialog.tsx';
import { ReasonField } from '../../ui/reason-field.tsx';

/** Epochs whose key still lives at its provider, the newest first. */
export function retirable(epochs: readonly EpochLife[]): readonly EpochLife[] {
  return epochs
    .filter(({ state }) => state === 'superseded' || state === 'active' || state === 'rewrapping')
    .toSorted((left, right) => right.epoch - left.epoch);
}

/** Proposes to destroy epochs at their provider, naming what stays readable and what does not. */
export function RetireDialog(props: {
  epochs: readonly EpochLife[];
  onDone: (proposed: AwaitingSecondPerson) => void;
  onClose: () => void;
}) {
  const { t } = useLingui();
  const choices = retirable(props.epochs);
  const first = choices.find(({ state }) => state === 'superseded') ?? choices[0];
  const [through, setThrough] = useState(String(first?.epoch ?? ''));
  const [reason, setReason] = useState('');
  const epoch = Number(through);
  const chosen = choices.find((one) => one.epoch === epoch);
  const destroyed = choices.filter((one) => one.epoch <= epoch).length;
  const moved = choices.filter((one) => one.epoch <= epoch).reduce((sum, { keys }) => sum + keys, 0);
  return (
    <ActionDialog
      title={t`Retire key epochs`}
      confirm={<Trans>Propose to retire</Trans>}
      notLost={<Trans>Every epoch is as it was.</Trans>}
      ready={reason.trim() !== '' && chosen !== undefined}
      destructive
      testId="retire"
      run={() =>
        call<AwaitingSecondPerson>('/v1/crypto/retire', {
          method: 'POST',
          body: { reason: reason.trim(), throughEpoch: epoch },
        })
      }
      onDone={props.onDone}
      onClose={props.onClose}
    >
      <NativeSelect
        label={t`Up to and including`}
        value={through}
        onChange={(event) => setThrough(event.currentTarget.value)}
        data={choices.map((one) => ({
          value: String(one.epoch),
          label:
            one.state === 'active' ? t`Epoch ${one.epoch} (a new one is made first)` : t`Epoch ${one.epoch}`,
        }))}
        data-testid="retire-through"
      />
      <p>
        <Plural
          value={destroyed}
          one="# epoch is destroyed at its provider, for good."
          other="# epochs are destroyed at their provider, for good."
        />{' '}
        {moved === 0 ? (
          <Trans>No key is left under it; live data stays readable.</Trans>
        ) : (
          <Plural
            value={moved}
            one="# key under it is wrapped under the current epoch first; live data stays readable."
            other="# keys under it are wrapped under the current epoch first; live data stays readable."
          />
        )}
      </p>
      <p className="gh-keep">
        <Trans>
          Backups of the database made before then open nothing afterwards. Take a new one when it is done.
        </Trans>
      </p>
      <ReasonField value={reason} onChange={setReason} />
    </ActionDialog>
  );
}
