import { Trans, useLingui } from '@lingui/react/macro';
import { TextInput } from '@mantine/core';
import { useState } from 'react';
import { call } from '../../api/client.ts';
import type { AwaitingSecondPerson, KeyLife } from '../../api/types.ts';
import { ActionDialog } from '../../ui/action-dialog.tsx';
import { ReasonField } from '../../ui/reason-field.tsx';

const days = (text: string): number | null => (text.trim() === '' ? null : Number(text));
const isPeriod = (value: number | null): boolean => value === null || (Number.isInteger(value) && value >= 1);

/** Proposes when epochs are left and destroyed by themselves. */
export function ScheduleDialog(props: {
  schedule: KeyLife['schedule'];
  onDone: (proposed: AwaitingSecondPerson) => void;
  onClose: () => void;
}) {
  const { t } = useLingui();
  const [rotate, setRotate] = useState(String(props.schedule.rotateEveryDays ?? ''));
  const [retire, setRetire] = useState(String(props.schedule.retireAfterDays ?? ''));
  const [reason, setReason] = useState('');
  const body = { rotateEveryDays: days(rotate), retireAfterDays: days(retire), reason: reason.trim() };
  return (
    <ActionDialog
      title={t`Change the standing schedule`}
      confirm={<Trans>Propose the change</Trans>}
      notLost={<Trans>The schedule is as it was.</Trans>}
      ready={reason.trim() !== '' && isPeriod(body.rotateEveryDays) && isPeriod(body.retireAfterDays)}
      testId="schedule"
      run={() => call<AwaitingSecondPerson>('/v1/crypto/schedule', { method: 'PUT', body })}
      onDone={props.onDone}
      onClose={props.onClose}
    >
      <p>
        <Trans>
          Two people agree once; then epochs are left and destroyed by themselves. Backups older than the
          second period open nothing any more, live data stays readable.
        </Trans>
      </p>
      <TextInput
        type="number"
        min={1}
        label={t`New epoch every so many days`}
        description={t`Empty: only by hand.`}
        value={rotate}
        onChange={(event) => setRotate(event.currentTarget.value)}
      />
      <TextInput
        type="number"
        min={1}
        label={t`Destroy an epoch so many days after it was left`}
        description={t`Empty: only by hand, with two people each time.`}
        value={retire}
        onChange={(event) => setRetire(event.currentTarget.value)}
      />
      <ReasonField value={reason} onChange={setReason} />
    </ActionDialog>
  );
}
