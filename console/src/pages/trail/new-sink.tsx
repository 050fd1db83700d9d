import { Trans, useLingui } from '@lingui/react/macro';
import { Button, NativeSelect, Textarea, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { call } from '../../api/client.ts';
import type { CreatedSink, NewSink } from '../../api/types.ts';
import { ProblemNotice } from '../../ui/problem-notice.tsx';
import { useSinkForms, type SinkField, type SinkKind } from './sink-words.ts';
import { SecretOnce } from './secret-once.tsx';

/** The form of a new receiver; the server checks it and asks for step-up. */
export function NewSinkForm(props: { kind: SinkKind; onDone: () => void }) {
  const { t } = useLingui();
  const { kind } = props;
  const form = useSinkForms()[kind];
  const queries = useQueryClient();
  const all = [...form.fields, ...form.secrets];
  const [values, setValues] = useState<Readonly<Record<string, string>>>(() =>
    Object.fromEntries(all.map(({ name, initial = '' }) => [name, initial])),
  );
  const [name, setName] = useState('');
  const [actions, setActions] = useState('');
  const [personalData, setPersonalData] = useState(false);
  const [from, setFrom] = useState<'now' | 'start'>('now');
  const create = useMutation({
    mutationFn: () => {
      const wanted = actions.split(/[\s,]+/).filter((one) => one !== '');
      const body = {
        name: name.trim(),
        configuration: { kind, ...readFields(form.fields, values) },
        secrets: readFields(form.secrets, values),
        filter: wanted.length === 0 ? {} : { actions: wanted },
        personalData,
        ...(from === 'start' ? { from: 0 } : {}),
      } as NewSink; // the server checks every field by name
      return call<CreatedSink>('/v1/audit/sinks', { method: 'POST', body });
    },
    onSuccess: () => queries.invalidateQueries({ queryKey: ['get', '/v1/audit/sinks'] }),
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    create.mutate();
  };
  const set = (field: string, value: string): void => setValues({ ...values, [field]: value });
  if (create.data !== undefined)
    return (
      <SecretOnce name={create.data.sink.name} secret={create.data.signingSecret} onDone={props.onDone} />
    );
  return (
    <form className="gh-form gh-form-wide" onSubmit={submit} autoComplete="off">
      <p className="gh-muted">{form.help}</p>
      <TextInput
        label={t`Name`}
        required
        maxLength={100}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        data-testid="sink-name"
      />
      {form.fields.map((field) => (
        <FieldInput key={field.name} field={field} value={values[field.name] ?? ''} onChange={set} />
      ))}
      {form.secrets.map((field) => (
        <FieldInput key={field.name} field={field} value={values[field.name] ?? ''} onChange={set} />
      ))}
      <TextInput
        label={t`Only these actions`}
        description={t`separated by commas; a prefix ends in .*; empty means all`}
        value={actions}
        placeholder="identity.*, policy.*"
        onChange={(event) => setActions(event.currentTarget.value)}
      />
      <NativeSelect
        label={t`Begin with`}
        value={from}
        onChange={(event) => setFrom(event.currentTarget.value === 'start' ? 'start' : 'now')}
        data={[
          { value: 'now', label: t`what comes from now on` },
          { value: 'start', label: t`the first event of the log` },
        ]}
        data-testid="sink-from"
      />
      <label className="gh-check">
        <input
          type="checkbox"
          checked={personalData}
          onChange={(event) => setPersonalData(event.currentTarget.checked)}
        />
        <span>
          <Trans>Send names, mail and client addresses too</Trans>
          <small className="gh-muted">
            <Trans>What has left the house cannot be erased by it.</Trans>
          </small>
        </span>
      </label>
      {create.isError ? (
        <ProblemNotice
          error={create.error}
          notLost={<Trans>Nothing was set up; what you typed is still here.</Trans>}
        />
      ) : null}
      <div className="gh-form-actions">
        <Button variant="default" onClick={props.onDone}>
          <Trans>Cancel</Trans>
        </Button>
        <Button type="submit" loading={create.isPending} data-testid="sink-create">
          <Trans>Set up</Trans>
        </Button>
      </div>
    </form>
  );
}

function FieldInput(props: {
  field: SinkField;
  value: string;
  onChange: (name: string, value: string) => void;
}) {
  const { field, value, onChange } = props;
  const common = {
    label: field.label,
    description: field.help,
    required: field.required === true,
    value,
    'data-testid': `sink-${field.name}`,
  };
  if (field.kind === 'check')
    return (
      <label className="gh-check">
        <input
          type="checkbox"
          checked={value === 'true'}
          onChange={(event) => onChange(field.name, event.currentTarget.checked ? 'true' : '')}
        />
        <span>{field.label}</span>
      </label>
    );
  if (field.kind === 'choice')
    return (
      <NativeSelect
        {...common}
        onChange={(event) => onChange(field.name, event.currentTarget.value)}
        data={(field.choices ?? []).map((choice) => ({ value: choice, label: choice === '' ? '—' : choice }))}
      />
    );
  if (field.kind === 'lines')
    return (
      <Textarea
        {...common}
        rows={2}
        spellCheck={false}
        onChange={(event) => onChange(field.name, event.currentTarget.value)}
      />
    );
  return (
    <TextInput
      {...common}
      type={field.kind === 'secret' ? 'password' : field.kind === 'number' ? 'number' : 'text'}
      autoComplete="off"
      placeholder={field.placeholder ?? ''}
      onChange={(event) => onChange(field.name, event.currentTarget.value)}
    />
  );
}

/** Empty fields are left out; numbers, lists and switches become what the API wants. */
function readFields(
  fields: readonly SinkField[],
  values: Readonly<Record<string, string>>,
): Record<string, unknown> {
  return Object.fromEntries(
    fields.flatMap(({ name, kind }): [string, unknown][] => {
      const value = values[name] ?? '';
      if (kind === 'check') return [[name, value === 'true']];
      if (value.trim() === '') return [];
      if (kind === 'number') return [[name, Number(value)]];
      if (name === 'brokers') return [[name, value.split(/[\s,]+/).filter((one) => one !== '')]];
      return [[name, kind === 'lines' ? value : value.trim()]];
    }),
  );
}
