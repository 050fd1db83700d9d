import { Trans, useLingui } from '@lingui/react/macro';
import { Button, Modal, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import { call } from '../../api/client.ts';
import type { Sink } from '../../api/types.ts';
import { Panel } from '../../ui/page.tsx';
import { ProblemNotice } from '../../ui/problem-notice.tsx';

type Asking = 'replay' | 'secret' | 'remove' | null;

/** Pause, resume, replay, a new secret, removal; each asks for step-up where the server wants it. */
export function SinkActions(props: { sink: Sink }) {
  const { sink } = props;
  const queries = useQueryClient();
  const [asking, setAsking] = useState<Asking>(null);
  const change = useMutation({
    mutationFn: (body: unknown) => call(`/v1/audit/sinks/${sink.id}/change`, { method: 'POST', body }),
    onSuccess: async () => {
      setAsking(null);
      await queries.invalidateQueries({ queryKey: ['get'] });
    },
  });
  const paused = sink.state === 'paused';
  return (
    <Panel title={<Trans>What you can do</Trans>}>
      <div className="gh-row">
        <Button
          variant="default"
          loading={change.isPending && asking === null}
          onClick={() => change.mutate({ kind: paused ? 'resumed' : 'paused' })}
          data-testid="sink-pause"
        >
          {paused ? <Trans>Resume</Trans> : <Trans>Pause</Trans>}
        </Button>
        <Button variant="default" onClick={() => setAsking('replay')} data-testid="sink-replay">
          <Trans>Deliver again from…</Trans>
        </Button>
        <Button variant="default" onClick={() => setAsking('secret')}>
          <Trans>New secrets…</Trans>
        </Button>
        <Button variant="default" onClick={() => setAsking('remove')}>
          <Trans>Remove…</Trans>
        </Button>
      </div>
      {change.isError && asking === null ? <ProblemNotice error={change.error} /> : null}
      {asking === 'replay' ? (
        <ReplayDialog
          error={change.error}
          busy={change.isPending}
          onClose={() => setAsking(null)}
          onReplay={(from) => change.mutate({ kind: 'replayed', from })}
        />
      ) : null}
      {asking === 'secret' ? (
        <SecretDialog
          error={change.error}
          busy={change.isPending}
          onClose={() => setAsking(null)}
          onSave={(secrets) => change.mutate({ kind: 'secrets', secrets })}
        />
      ) : null}
      {asking === 'remove' ? <RemoveSink sink={sink} onClose={() => setAsking(null)} /> : null}
    </Panel>
  );
}

function Dialog(props: { title: string; onClose: () => void; children: ReactNode }) {
  const { t } = useLingui();
  return (
    <Modal opened onClose={props.onClose} title={props.title} closeButtonProps={{ 'aria-label': t`Close` }}>
      {props.children}
    </Modal>
  );
}

function ReplayDialog(props: {
  error: unknown;
  busy: boolean;
  onClose: () => void;
  onReplay: (from: number) => void;
}) {
  const { t } = useLingui();
  const [from, setFrom] = useState('0');
  return (
    <Dialog title={t`Deliver again`} onClose={props.onClose}>
      <form
        className="gh-form"
        onSubmit={(event) => {
          event.preventDefault();
          props.onReplay(Number(from));
        }}
      >
        <p>
          <Trans>
            The receiver gets every event from this number on once more. It knows them by their id and should
            drop what it has.
          </Trans>
        </p>
        <TextInput
          label={t`From event number`}
          type="number"
          min={0}
          required
          value={from}
          onChange={(event) => setFrom(event.currentTarget.value)}
        />
        {props.error === null ? null : <ProblemNotice error={props.error} />}
        <div className="gh-form-actions">
          <Button variant="default" onClick={props.onClose}>
            <Trans>Cancel</Trans>
          </Button>
          <Button type="submit" loading={props.busy}>
            <Trans>Deliver again</Trans>
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function SecretDialog(props: {
  error: unknown;
  busy: boolean;
  onClose: () => void;
  onSave: (secrets: Record<string, string>) => void;
}) {
  const { t } = useLingui();
  const names = {
    signingSecret: t`Signing secret (whsec_…)`,
    authorization: t`Authorization header`,
    username: t`User name`,
    password: t`Password`,
    accessKeyId: t`Access key id`,
    secretAccessKey: t`Secret access key`,
  };
  const [values, setValues] = useState<Record<string, string>>({});
  return (
    <Dialog title={t`New secrets`} onClose={props.onClose}>
      <form
        className="gh-form"
        autoComplete="off"
        onSubmit={(event) => {
          event.preventDefault();
          props.onSave(Object.fromEntries(Object.entries(values).filter(([, value]) => value !== '')));
        }}
      >
        <p>
          <Trans>They replace all secrets of this receiver. Fill in those that its kind uses.</Trans>
        </p>
        {Object.entries(names).map(([name, label]) => (
          <TextInput
            key={name}
            label={label}
            type="password"
            autoComplete="off"
            value={values[name] ?? ''}
            onChange={(event) => setValues({ ...values, [name]: event.currentTarget.value })}
          />
        ))}
        {props.error === null ? null : <ProblemNotice error={props.error} />}
        <div className="gh-form-actions">
          <Button variant="default" onClick={props.onClose}>
            <Trans>Cancel</Trans>
          </Button>
          <Button type="submit" loading={props.busy}>
            <Trans>Replace</Trans>
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function RemoveSink(props: { sink: Sink; onClose: () => void }) {
  const { t } = useLingui();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const remove = useMutation({
    mutationFn: () => call(`/v1/audit/sinks/${props.sink.id}`, { method: 'DELETE' }),
    onSuccess: async () => {
      await navigate({ to: '/trail/receivers' });
      await queries.invalidateQueries({ queryKey: ['get', '/v1/audit/sinks'] });
    },
  });
  return (
    <Dialog title={t`Remove “${props.sink.name}”`} onClose={props.onClose}>
      <div className="gh-form">
        <p>
          <Trans>
            Its place in the log and its {props.sink.deadLetters} refused events are forgotten. The log itself
            keeps every event.
          </Trans>
        </p>
        {remove.isError ? <ProblemNotice error={remove.error} /> : null}
        <div className="gh-form-actions">
          <Button variant="default" onClick={props.onClose}>
            <Trans>Cancel</Trans>
          </Button>
          <Button color="red" loading={remove.isPending} onClick={() => remove.mutate()}>
            <Trans>Remove</Trans>
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
