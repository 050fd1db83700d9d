import { Trans, useLingui } from '@lingui/react/macro';
import { Button, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { call } from '../api/client.ts';
import { ProblemNotice } from '../ui/problem-notice.tsx';

/** The second step: the code from the mailbox. */
export function CodeForm(props: {
  slug: string;
  ticket: string;
  onProved: (ticket: string) => void;
  onBack: () => void;
}) {
  const { t } = useLingui();
  const [code, setCode] = useState('');
  const prove = useMutation({
    mutationFn: () =>
      call<{ ticket?: string }>(`/v1/dsr/portal/${encodeURIComponent(props.slug)}/verify`, {
        method: 'POST',
        body: { ticket: props.ticket, code: code.replaceAll(/\s/g, '') },
      }),
    // The one who proves gets a ticket of their own; the one before reads the status only.
    onSuccess: (answer) => props.onProved(answer.ticket ?? props.ticket),
  });
  const resend = useMutation({
    mutationFn: () =>
      call(`/v1/dsr/portal/${encodeURIComponent(props.slug)}/code`, {
        method: 'POST',
        body: { ticket: props.ticket },
      }),
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    prove.mutate();
  };
  return (
    <form className="gh-form" onSubmit={submit} data-testid="portal-code">
      <h1>
        <Trans>Look into your mailbox</Trans>
      </h1>
      <p>
        <Trans>
          We sent a code to your address. It works for ten minutes. Keep this page open, or keep its address:
          it leads back to your request.
        </Trans>
      </p>
      <TextInput
        size="md"
        label={t`Code from the message`}
        inputMode="numeric"
        autoComplete="one-time-code"
        required
        maxLength={12}
        value={code}
        onChange={(event) => setCode(event.currentTarget.value)}
        data-testid="portal-code-input"
      />
      {prove.isError ? (
        <ProblemNotice
          error={prove.error}
          notLost={<Trans>Your request is safe; try the code again.</Trans>}
        />
      ) : null}
      {resend.isError ? (
        <ProblemNotice error={resend.error} notLost={<Trans>Your request is safe.</Trans>} />
      ) : null}
      {resend.isSuccess ? (
        <p role="status">
          <Trans>A new code is on its way. The old one no longer works.</Trans>
        </p>
      ) : null}
      <div className="gh-form-actions">
        <Button size="md" variant="default" onClick={props.onBack}>
          <Trans>Start again</Trans>
        </Button>
        <Button size="md" variant="default" loading={resend.isPending} onClick={() => resend.mutate()}>
          <Trans>Send a new code</Trans>
        </Button>
        <Button
          type="submit"
          size="md"
          loading={prove.isPending}
          disabled={code.trim() === ''}
          data-testid="portal-prove"
        >
          <Trans>This is me</Trans>
        </Button>
      </div>
    </form>
  );
}
