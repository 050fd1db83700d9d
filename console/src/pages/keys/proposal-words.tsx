import { Plural, Trans } from '@lingui/react/macro';
import type { ReactNode } from 'react';
import { canonicalText } from '../../proof/approval-digest.ts';

/** What carrying a proposal out will do, in a sentence; what is not known is shown as it is. */
export function ProposalWords(props: { action: string; payload: unknown }): ReactNode {
  const { action } = props;
  const payload = (props.payload ?? {}) as Record<string, string | number | null | undefined>; // probed below
  switch (action) {
    case 'crypto.retire':
      return (
        <Trans>
          Every key under epochs up to {payload['throughEpoch']} moves to the current epoch, then these epochs
          are destroyed at their provider. Older backups open nothing afterwards.
        </Trans>
      );
    case 'crypto.change_schedule':
      return (
        <>
          <Period days={payload['rotateEveryDays']} kind="rotate" />{' '}
          <Period days={payload['retireAfterDays']} kind="retire" />
        </>
      );
    case 'crypto.change_provider':
      return (
        <Trans>
          The root provider <strong>{payload['provider']}</strong> is tried, then a new epoch begins under it
          and every data key is wrapped there.
        </Trans>
      );
    case 'crypto.drop_plaintext':
      return (
        <Trans>
          The plaintext of{' '}
          <code>
            {payload['service']}.{payload['collection']}.{payload['field']}
          </code>{' '}
          may be dropped by the administrator&apos;s command. Nothing brings it back then.
        </Trans>
      );
    default:
      return <code>{canonicalText(props.payload)}</code>;
  }
}

function Period(props: { days: string | number | null | undefined; kind: 'rotate' | 'retire' }) {
  const days = typeof props.days === 'number' ? props.days : null;
  if (props.kind === 'rotate') {
    return days === null ? (
      <Trans>New epochs are made only by hand.</Trans>
    ) : (
      <Plural value={days} one="A new epoch is made every day." other="A new epoch is made every # days." />
    );
  }
  return days === null ? (
    <Trans>Epochs are destroyed only by two people.</Trans>
  ) : (
    <Plural
      value={days}
      one="An epoch is destroyed # day after it was left."
      other="An epoch is destroyed # days after it was left."
    />
  );
}
