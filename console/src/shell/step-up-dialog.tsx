import { Trans, useLingui } from '@lingui/react/macro';
import { Button, Modal, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState, type FormEvent } from 'react';
import { call } from '../api/client.ts';
import { sessionQuery } from '../api/queries.ts';
import { rememberSession } from '../api/session-state.ts';
import { installStepUpAsker } from '../api/step-up.ts';
import type { Session } from '../api/types.ts';
import { ProblemNotice } from '../ui/problem-notice.tsx';

/** The action that asks may stand in a dialog itself; Mantine puts those at 200. */
const aboveOtherDialogs = 400;

/** Asks for the code in place when an action demands fresh authentication, then lets the waiting call go on. */
export function StepUpDialog() {
  const { t } = useLingui();
  const queries = useQueryClient();
  const [answer, setAnswer] = useState<((raised: boolean) => void) | null>(null);
  const [code, setCode] = useState('');
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    installStepUpAsker(() => new Promise((resolve) => setAnswer(() => resolve)));
    return () => installStepUpAsker(null);
  }, []);
  const finish = (raised: boolean): void => {
    answer?.(raised);
    setAnswer(null);
    setCode('');
    setError(null);
  };
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    try {
      const session = await call<Session>('/v1/identity/step-up', {
        method: 'POST',
        body: { code: code.trim() },
      });
      rememberSession(session);
      queries.setQueryData(sessionQuery.queryKey, session);
      finish(true);
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal
      opened={answer !== null}
      onClose={() => finish(false)}
      title={t`Confirm it is you`}
      size="sm"
      zIndex={aboveOtherDialogs}
      closeButtonProps={{ 'aria-label': t`Close` }}
    >
      <form className="gh-form" onSubmit={(event) => void submit(event)} data-testid="step-up">
        <p className="gh-muted">
          <Trans>
            This action needs a fresh code from your authenticator. What you entered is kept and sent once the
            code is accepted.
          </Trans>
        </p>
        <TextInput
          data-autofocus
          data-testid="step-up-code"
          label={t`Code from the authenticator`}
          inputMode="numeric"
          autoComplete="one-time-code"
          maxLength={10}
          value={code}
          onChange={(event) => setCode(event.currentTarget.value)}
        />
        {error === null ? null : (
          <ProblemNotice
            error={error}
            notLost={<Trans>The action has not been sent yet; try another code.</Trans>}
          />
        )}
        <div className="gh-form-actions">
          <Button variant="default" onClick={() => finish(false)}>
            <Trans>Cancel</Trans>
          </Button>
          <Button
            type="submit"
            loading={busy}
            disabled={code.trim().length < 6}
            data-testid="step-up-confirm"
          >
            <Trans>Confirm</Trans>
          </Button>
        </div>
      </form>
    </Modal>
  );
}
