import { Trans, useLingui } from '@lingui/react/macro';
import { Button, Modal, NativeSelect, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { getQuery, useMay } from '../../api/queries.ts';
import type { DataMapView, KeyHierarchy } from '../../api/types.ts';
import { ProblemNotice } from '../../ui/problem-notice.tsx';

type Keys = 'tenant' | 'rewrap' | 'overdue' | 'purpose' | 'person' | 'index';
/** Body of `POST /v1/crypto/rotate`, or the other route. */
export type RotateBody = Readonly<Record<string, string | number>> | 'rewrap';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Chooses which keys are replaced, after saying what that touches. */
export function RotateDialog(props: {
  busy: boolean;
  error: unknown;
  onStart: (body: RotateBody) => void;
  onClose: () => void;
}) {
  const { t } = useLingui();
  const [keys, setKeys] = useState<Keys>('tenant');
  const [value, setValue] = useState('');
  const body = bodyOf(keys, value);
  return (
    <Modal
      opened
      onClose={props.onClose}
      title={t`Rotate keys`}
      size="lg"
      closeButtonProps={{ 'aria-label': t`Close` }}
    >
      <form
        className="gh-form"
        onSubmit={(event) => {
          event.preventDefault();
          if (body !== null) props.onStart(body);
        }}
      >
        <Choices
          chosen={keys}
          onChoose={(next) => {
            setKeys(next);
            setValue(next === 'overdue' ? '365' : '');
          }}
        />
        <ValueField keys={keys} value={value} onChange={setValue} />
        {props.error === null ? null : (
          <ProblemNotice error={props.error} notLost={<Trans>Every key is as it was.</Trans>} />
        )}
        <div className="gh-form-actions">
          <Button variant="default" onClick={props.onClose}>
            {props.busy ? <Trans>Close; it goes on</Trans> : <Trans>Cancel</Trans>}
          </Button>
          <Button type="submit" loading={props.busy} disabled={body === null} data-testid="rotate-confirm">
            <Trans>Start</Trans>
          </Button>
        </div>
      </form>
    </Modal>
  );
}

function bodyOf(keys: Keys, value: string): RotateBody | null {
  switch (keys) {
    case 'tenant':
      return { keys };
    case 'rewrap':
      return 'rewrap';
    case 'overdue': {
      const olderThanDays = Number(value);
      return Number.isInteger(olderThanDays) && olderThanDays >= 1 ? { keys, olderThanDays } : null;
    }
    case 'purpose':
      return value === '' ? null : { keys, purpose: value };
    case 'person':
      return uuid.test(value.trim()) ? { keys, subjectId: value.trim().toLowerCase() } : null;
    case 'index': {
      const [collection, field, index] = value.split(' ');
      return collection === undefined || field === undefined || index === undefined
        ? null
        : { keys, collection, field, index };
    }
  }
}

function Choices(props: { chosen: Keys; onChoose: (keys: Keys) => void }) {
  const { t } = useLingui();
  const choices: readonly (readonly [Keys, string, ReactNode])[] = [
    [
      'tenant',
      t`The tenant key`,
      <Trans key="t">
        A new epoch; every data key is wrapped under it. No data is encrypted again, nobody loses access.
      </Trans>,
    ],
    [
      'rewrap',
      t`Wrap again under the current epoch`,
      <Trans key="r">No new epoch: carries keys over that an interrupted rotation left behind.</Trans>,
    ],
    [
      'overdue',
      t`Data keys over an age`,
      <Trans key="o">New keys for people and purposes; their values are sealed again, row by row.</Trans>,
    ],
    ['purpose', t`The key of one purpose`, <Trans key="p">Values of that purpose are sealed again.</Trans>],
    ['person', t`The key of one person`, <Trans key="s">Their values are sealed again.</Trans>],
    [
      'index',
      t`A blind index`,
      <Trans key="i">New terms for every row; searches find both until it is done.</Trans>,
    ],
  ];
  return (
    <fieldset className="gh-options" data-testid="rotate-keys">
      <legend>
        <Trans>Which keys</Trans>
      </legend>
      {choices.map(([id, label, what]) => (
        <label key={id} className="gh-option">
          <input
            type="radio"
            name="keys"
            value={id}
            checked={props.chosen === id}
            onChange={() => props.onChoose(id)}
          />
          <span>
            {label}
            <small>{what}</small>
          </span>
        </label>
      ))}
    </fieldset>
  );
}

function ValueField(props: { keys: Keys; value: string; onChange: (value: string) => void }) {
  const { t } = useLingui();
  const { keys, value, onChange } = props;
  if (keys === 'overdue') {
    return (
      <TextInput
        type="number"
        min={1}
        label={t`Older than so many days`}
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
    );
  }
  if (keys === 'person') {
    return (
      <TextInput
        label={t`Id of the person`}
        description={t`The subject id that rows and requests carry.`}
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
    );
  }
  if (keys === 'purpose') return <PurposeField value={value} onChange={onChange} />;
  return keys === 'index' ? <IndexField value={value} onChange={onChange} /> : null;
}

/** What is compared with what it made before cannot be replaced like this. */
const isReplaceable = (purpose: string): boolean => purpose !== 'index' && !purpose.startsWith('mac:');

function PurposeField(props: { value: string; onChange: (value: string) => void }) {
  const { t } = useLingui();
  const keys = useQuery(getQuery<KeyHierarchy>('/v1/crypto/keys'));
  const purposes = (keys.data?.tenantKeys ?? [])
    .filter(({ state, purpose }) => state === 'active' && isReplaceable(purpose))
    .map(({ purpose }) => purpose);
  return (
    <NativeSelect
      label={t`Purpose`}
      value={props.value}
      onChange={(event) => props.onChange(event.currentTarget.value)}
      data={[{ value: '', label: t`Choose…` }, ...purposes]}
    />
  );
}

function IndexField(props: { value: string; onChange: (value: string) => void }) {
  const { t } = useLingui();
  const mayRead = useMay('datamap.read');
  const map = useQuery({ ...getQuery<DataMapView>('/v1/datamap/services'), enabled: mayRead });
  const indexes = (map.data?.items ?? []).flatMap((service) =>
    service.collections.flatMap((collection) =>
      collection.fields.flatMap((field) =>
        field.encryption.mode === 'field'
          ? field.encryption.indexes.map(({ name }) => ({
              value: `${collection.type} ${field.name} ${name}`,
              label: `${collection.type}.${field.name} · ${name}`,
            }))
          : [],
      ),
    ),
  );
  return (
    <NativeSelect
      label={t`Blind index`}
      description={mayRead ? undefined : t`Reading the data map needs the right datamap.read.`}
      value={props.value}
      onChange={(event) => props.onChange(event.currentTarget.value)}
      data={[{ value: '', label: t`Choose…` }, ...indexes]}
    />
  );
}
