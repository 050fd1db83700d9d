import { Trans, useLingui } from '@lingui/react/macro';
import { Button, Modal, NativeSelect, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { call } from '../../api/client.ts';
import { ProblemNotice } from '../../ui/problem-notice.tsx';

type Draft = { type: string; law: string; email: string; language: string };

/** Lets an operator enter what reached the house by letter, e-mail or telephone. */
export function EnterRequest() {
  const { t } = useLingui();
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button onClick={() => setOpen(true)} data-testid="enter-request">
        <Trans>Enter a request</Trans>
      </Button>
      <Modal
        opened={open}
        onClose={() => setOpen(false)}
        title={t`Enter a request`}
        closeButtonProps={{ 'aria-label': t`Close` }}
      >
        <EnterForm onClose={() => setOpen(false)} />
      </Modal>
    </>
  );
}

function EnterForm(props: { onClose: () => void }) {
  const { t, i18n } = useLingui();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [draft, setDraft] = useState<Draft>({
    type: 'erasure',
    law: 'gdpr',
    email: '',
    language: i18n.locale,
  });
  const create = useMutation({
    mutationFn: () => call<{ id: string }>('/v1/dsr/requests', { method: 'POST', body: draft }),
    onSuccess: async (created) => {
      props.onClose();
      await queries.invalidateQueries({ queryKey: ['pages'] });
      await navigate({ to: '/requests/$id', params: { id: created.id } });
    },
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    create.mutate();
  };
  return (
    <form className="gh-form" onSubmit={submit}>
      <p className="gh-muted">
        <Trans>
          The clock starts when anyone in your organisation received it. The person proves their identity by a
          code sent to their mailbox.
        </Trans>
      </p>
      <NativeSelect
        label={t`What they ask for`}
        value={draft.type}
        onChange={(event) => setDraft({ ...draft, type: event.currentTarget.value })}
        data={[
          { value: 'erasure', label: t`Erasure` },
          { value: 'access', label: t`Access` },
        ]}
      />
      <NativeSelect
        label={t`Under which law`}
        value={draft.law}
        onChange={(event) => setDraft({ ...draft, law: event.currentTarget.value })}
        data={[
          { value: 'gdpr', label: 'GDPR' },
          { value: 'ccpa', label: 'CCPA' },
        ]}
      />
      <TextInput
        label={t`E-mail of the person`}
        type="email"
        required
        maxLength={254}
        value={draft.email}
        onChange={(event) => setDraft({ ...draft, email: event.currentTarget.value })}
      />
      <NativeSelect
        label={t`Language of the messages`}
        value={draft.language}
        onChange={(event) => setDraft({ ...draft, language: event.currentTarget.value })}
        data={[
          { value: 'en', label: 'English' },
          { value: 'pl', label: 'Polski' },
        ]}
      />
      {create.isError ? (
        <ProblemNotice error={create.error} notLost={<Trans>What you entered is still here.</Trans>} />
      ) : null}
      <div className="gh-form-actions">
        <Button variant="default" onClick={props.onClose}>
          <Trans>Cancel</Trans>
        </Button>
        <Button
          type="submit"
          loading={create.isPending}
          disabled={draft.email === ''}
          data-testid="enter-request-confirm"
        >
          <Trans>Enter</Trans>
        </Button>
      </div>
    </form>
  );
}
