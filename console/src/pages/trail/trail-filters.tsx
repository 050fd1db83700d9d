import { Trans, useLingui } from '@lingui/react/macro';
import { Button, NativeSelect, TextInput } from '@mantine/core';
import { useState, type FormEvent } from 'react';
import { instantOf, localOf, type TrailFilter } from './trail-filter.ts';

/** The filters of the trail; applying them changes the address. */
export function TrailFilters(props: { filter: TrailFilter; onApply: (next: TrailFilter) => void }) {
  const { t } = useLingui();
  const [draft, setDraft] = useState<TrailFilter>(props.filter);
  const set = (name: keyof TrailFilter, value: string | undefined): void => {
    const { [name]: _old, ...rest } = draft;
    setDraft(value === undefined || value === '' ? rest : { ...rest, [name]: value });
  };
  const field = (name: 'actor' | 'action' | 'subject' | 'q', label: string, placeholder: string) => (
    <TextInput
      label={label}
      placeholder={placeholder}
      size="xs"
      maxLength={200}
      value={draft[name] ?? ''}
      onChange={(event) => set(name, event.currentTarget.value)}
    />
  );
  const time = (name: 'from' | 'to', label: string) => (
    <TextInput
      type="datetime-local"
      label={label}
      size="xs"
      value={localOf(draft[name])}
      onChange={(event) => set(name, instantOf(event.currentTarget.value))}
    />
  );
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    props.onApply(draft);
  };
  return (
    <form className="gh-filters" onSubmit={submit} role="search" aria-label={t`Search the trail`}>
      {field('q', t`Free text`, t`words`)}
      {field('action', t`Action`, 'dsr.*')}
      {field('actor', t`Actor`, t`id`)}
      {field('subject', t`Data subject`, t`id`)}
      <NativeSelect
        label={t`Outcome`}
        size="xs"
        value={draft.outcome ?? ''}
        onChange={(event) => set('outcome', event.currentTarget.value)}
        data={[
          { value: '', label: t`any` },
          { value: 'success', label: t`succeeded` },
          { value: 'denied', label: t`denied` },
          { value: 'failure', label: t`failed` },
        ]}
      />
      {time('from', t`From`)}
      {time('to', t`Until`)}
      <div className="gh-row">
        <Button type="submit" size="xs">
          <Trans>Search</Trans>
        </Button>
        <Button type="button" size="xs" variant="default" onClick={() => props.onApply({})}>
          <Trans>Clear</Trans>
        </Button>
      </div>
    </form>
  );
}
