import { Trans, useLingui } from '@lingui/react/macro';
import { NativeSelect, TextInput } from '@mantine/core';
import { useState } from 'react';
import { call } from '../../api/client.ts';
import type { Hold, NewHold } from '../../api/types.ts';
import { ActionDialog } from '../../ui/action-dialog.tsx';
import { ReasonField } from '../../ui/reason-field.tsx';
import { instantOf } from './trail-filter.ts';

type Kind = Hold['scope']['kind'];
const kinds: readonly Kind[] = ['subject', 'actor', 'time', 'log'];

/** Places a hold over a person, an actor, a time or the whole log. */
export function PlaceHoldDialog(props: { onDone: () => Promise<void>; onClose: () => void }) {
  const { t } = useLingui();
  const [kind, setKind] = useState<Kind>('subject');
  const [id, setId] = useState('');
  const [range, setRange] = useState({ from: '', to: '' });
  const [until, setUntil] = useState('');
  const [reason, setReason] = useState('');
  const scope = scopeOf(kind, id.trim(), range);
  const words: Record<Kind, string> = {
    subject: t`a person, by id`,
    actor: t`what somebody did, by id`,
    time: t`a range of time`,
    log: t`everything`,
  };
  const time = (label: string, value: string, set: (next: string) => void, required: boolean) => (
    <TextInput
      type="datetime-local"
      label={label}
      required={required}
      value={value}
      onChange={(event) => set(event.currentTarget.value)}
    />
  );
  return (
    <ActionDialog<Hold>
      title={t`Place a hold`}
      confirm={<Trans>Place it</Trans>}
      notLost={<Trans>No hold was placed; what you typed is still here.</Trans>}
      ready={scope !== null && reason.trim() !== ''}
      testId="place"
      run={() => {
        const end = instantOf(until);
        const body = {
          scope,
          reason: reason.trim(),
          ...(end === undefined ? {} : { until: end }),
        } as NewHold; // scope is checked by ready
        return call('/v1/audit/holds', { method: 'POST', body });
      }}
      onDone={props.onDone}
      onClose={props.onClose}
    >
      <NativeSelect
        label={t`What is held`}
        value={kind}
        onChange={(event) => setKind(kinds.find((one) => one === event.currentTarget.value) ?? 'subject')}
        data={kinds.map((one) => ({ value: one, label: words[one] }))}
      />
      {kind === 'subject' || kind === 'actor' ? (
        <TextInput
          label={t`Its id`}
          required
          maxLength={200}
          value={id}
          onChange={(event) => setId(event.currentTarget.value)}
          data-testid="hold-id"
        />
      ) : null}
      {kind === 'time' ? (
        <div className="gh-filters">
          {time(t`From`, range.from, (from) => setRange({ ...range, from }), true)}
          {time(t`Until`, range.to, (to) => setRange({ ...range, to }), true)}
        </div>
      ) : null}
      {time(t`The hold ends by itself (empty: when it is released)`, until, setUntil, false)}
      <ReasonField value={reason} onChange={setReason} />
    </ActionDialog>
  );
}

function scopeOf(kind: Kind, id: string, range: { from: string; to: string }): NewHold['scope'] | null {
  switch (kind) {
    case 'log':
      return { kind };
    case 'subject':
      return id === '' ? null : { kind, subjectId: id };
    case 'actor':
      return id === '' ? null : { kind, actorId: id };
    case 'time': {
      const [from, to] = [instantOf(range.from), instantOf(range.to)];
      return from === undefined || to === undefined ? null : { kind, from, to };
    }
  }
}
