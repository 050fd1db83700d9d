import { Trans, useLingui } from '@lingui/react/macro';
import { Button, Modal, NativeSelect, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { call } from '../../api/client.ts';
import type { NewView, SavedView } from '../../api/types.ts';
import { ProblemNotice } from '../../ui/problem-notice.tsx';
import { formatSearch } from './parse-search.ts';
import { withoutTime, type TrailFilter } from './trail-filter.ts';

/** Keeps the search under a name; its range of time is not kept. */
export function SaveView(props: { filter: TrailFilter }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button size="compact-sm" variant="default" onClick={() => setOpen(true)} data-testid="save-view">
        <Trans>Save this search</Trans>
      </Button>
      {open ? <ViewDialog filter={withoutTime(props.filter)} onClose={() => setOpen(false)} /> : null}
    </>
  );
}

/** The form of a view, new or existing. */
export function ViewDialog(props: { filter: TrailFilter; view?: SavedView; onClose: () => void }) {
  const { t } = useLingui();
  const { view, onClose } = props;
  const queries = useQueryClient();
  const [name, setName] = useState(view?.name ?? '');
  const [shared, setShared] = useState(view?.shared ?? false);
  const [schedule, setSchedule] = useState<NewView['schedule']>(view?.schedule ?? null);
  const save = useMutation({
    mutationFn: () => {
      const body = { name: name.trim(), shared, filter: props.filter, schedule } as NewView; // an address that is no filter is refused by name
      return view === undefined
        ? call<SavedView>('/v1/audit/views', { method: 'POST', body })
        : call<SavedView>(`/v1/audit/views/${view.id}`, { method: 'PUT', body });
    },
    onSuccess: async () => {
      onClose();
      await queries.invalidateQueries({ queryKey: ['get', '/v1/audit/views'] });
    },
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <Modal
      opened
      onClose={onClose}
      title={view === undefined ? t`Save this search` : t`Change the view`}
      closeButtonProps={{ 'aria-label': t`Close` }}
    >
      <form className="gh-form" onSubmit={submit}>
        <TextInput
          label={t`Name`}
          data-autofocus
          required
          maxLength={100}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          data-testid="view-name"
        />
        <p className="gh-small">
          <span className="gh-muted">
            <Trans>Searches for</Trans>
          </span>{' '}
          <code>{formatSearch(props.filter) || t`everything`}</code>
        </p>
        <label className="gh-check">
          <input
            type="checkbox"
            checked={shared}
            onChange={(event) => setShared(event.currentTarget.checked)}
          />
          <span>
            <Trans>Share it with everybody who may read the trail</Trans>
          </span>
        </label>
        <ScheduleFields value={schedule ?? null} onChange={setSchedule} />
        {save.isError ? (
          <ProblemNotice error={save.error} notLost={<Trans>What you typed is still here.</Trans>} />
        ) : null}
        <div className="gh-form-actions">
          <Button variant="default" onClick={onClose}>
            <Trans>Cancel</Trans>
          </Button>
          <Button type="submit" loading={save.isPending} data-testid="view-save">
            <Trans>Save</Trans>
          </Button>
        </div>
      </form>
    </Modal>
  );
}

type Schedule = NonNullable<NewView['schedule']>;

function ScheduleFields(props: { value: Schedule | null; onChange: (next: Schedule | null) => void }) {
  const { t, i18n } = useLingui();
  const { value, onChange } = props;
  const hour = value?.hour ?? 6;
  const weekday = value?.every === 'week' ? value.weekday : 1;
  const dayName = new Intl.DateTimeFormat(i18n.locale, { weekday: 'long', timeZone: 'UTC' });
  const every = (text: string): Schedule | null =>
    text === 'day' ? { every: 'day', hour } : text === 'week' ? { every: 'week', weekday, hour } : null;
  return (
    <div className="gh-filters">
      <NativeSelect
        label={t`Send me what is new`}
        value={value?.every ?? ''}
        onChange={(event) => onChange(every(event.currentTarget.value))}
        data={[
          { value: '', label: t`never` },
          { value: 'day', label: t`every day` },
          { value: 'week', label: t`every week` },
        ]}
        data-testid="view-schedule"
      />
      {value?.every === 'week' ? (
        <NativeSelect
          label={t`on`}
          value={String(weekday)}
          onChange={(event) => onChange({ every: 'week', hour, weekday: Number(event.currentTarget.value) })}
          data={Array.from({ length: 7 }, (_, at) => ({
            value: String(at + 1),
            label: dayName.format(new Date(Date.UTC(2024, 0, at + 1))),
          }))}
        />
      ) : null}
      {value === null ? null : (
        <NativeSelect
          label={t`at (UTC)`}
          value={String(hour)}
          onChange={(event) => onChange({ ...value, hour: Number(event.currentTarget.value) })}
          data={Array.from({ length: 24 }, (_, at) => ({
            value: String(at),
            label: `${String(at).padStart(2, '0')}:00`,
          }))}
        />
      )}
    </div>
  );
}
