import { Trans, useLingui } from '@lingui/react/macro';
import { Button, Textarea } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState, type ChangeEvent, type FormEvent } from 'react';
import { call } from '../api/client.ts';
import type { CertificateVerdict } from '../api/types.ts';
import { ProblemNotice } from '../ui/problem-notice.tsx';
import { StateTag } from '../ui/state-tag.tsx';

/** Checks a certificate's signature and shows what it says. */
export function VerifyCertificate() {
  const { t } = useLingui();
  const [text, setText] = useState('');
  const verify = useMutation({
    mutationFn: () =>
      call<CertificateVerdict>('/v1/dsr/certificates/verify', {
        method: 'POST',
        body: { certificate: text.trim() },
      }),
  });
  const readFile = async (event: ChangeEvent<HTMLInputElement>): Promise<void> => {
    const file = event.currentTarget.files?.[0];
    if (file !== undefined) setText((await file.text()).trim());
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    verify.mutate();
  };
  return (
    <form className="gh-form" onSubmit={submit} data-testid="portal-verify">
      <h1>
        <Trans>Check a certificate</Trans>
      </h1>
      <p>
        <Trans>Choose the file or paste its text. We check the signature and show what it says.</Trans>
      </p>
      <label className="gh-stack">
        <span>
          <Trans>Certificate file</Trans>
        </span>
        <input type="file" accept=".jws,.txt,text/plain" onChange={(event) => void readFile(event)} />
      </label>
      <Textarea
        size="md"
        label={t`Text of the certificate`}
        rows={5}
        maxLength={65_536}
        spellCheck={false}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
      />
      <Button
        type="submit"
        size="md"
        loading={verify.isPending}
        disabled={text.trim() === ''}
        data-testid="portal-verify-send"
      >
        <Trans>Check</Trans>
      </Button>
      {verify.isError ? (
        <ProblemNotice error={verify.error} notLost={<Trans>The certificate is still here.</Trans>} />
      ) : null}
      {verify.data === undefined ? null : <Verdict answer={verify.data} />}
    </form>
  );
}

function Verdict(props: { answer: CertificateVerdict }) {
  const { answer } = props;
  const valid = answer.valid;
  return (
    <div
      role="status"
      data-testid="certificate-verdict"
      data-state={valid ? 'good' : 'bad'}
      className="gh-stack"
    >
      <StateTag tone={valid ? 'good' : 'bad'}>
        {valid ? (
          <Trans>The signature is good.</Trans>
        ) : (
          <Trans>This certificate is not genuine, or it was changed.</Trans>
        )}
      </StateTag>
      {answer.reason === null ? null : <p>{answer.reason}</p>}
      <ul className="gh-small">
        {answer.checks.map((check) => (
          <li key={check}>{check}</li>
        ))}
      </ul>
      <pre className="gh-pre" tabIndex={0}>
        {JSON.stringify(answer.claims, null, 2)}
      </pre>
    </div>
  );
}
