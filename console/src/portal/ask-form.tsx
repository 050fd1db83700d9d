import { Trans, useLingui } from '@lingui/react/macro';
import { Button, NativeSelect, Textarea, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { call } from '../api/client.ts';
import type { PortalInfo } from '../api/types.ts';
import { languages, type Language } from '../i18n.ts';
import { ProblemNotice } from '../ui/problem-notice.tsx';
import { usePortalWords } from './portal-words.ts';

type Draft = { type: string; law: string; email: string; language: string; message: string };

/** The first step: what the person wants, under which law, and where to write to them. */
export function AskForm(props: { slug: string; info: PortalInfo; onAsked: (ticket: string) => void }) {
  const { t, i18n } = useLingui();
  const { info } = props;
  const words = usePortalWords();
  const { types, laws } = info;
  const [draft, setDraft] = useState<Draft>({
    type: types[0] ?? 'access',
    law: laws[0] ?? 'gdpr',
    email: '',
    language: i18n.locale,
    message: '',
  });
  const ask = useMutation({
    mutationFn: () => {
      const { message, ...rest } = draft;
      const body = message.trim() === '' ? rest : { ...rest, message: message.trim() };
      return call<{ ticket: string }>(`/v1/dsr/portal/${encodeURIComponent(props.slug)}/requests`, {
        method: 'POST',
        body,
      });
    },
    onSuccess: (answer) => props.onAsked(answer.ticket),
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    ask.mutate();
  };
  return (
    <form className="gh-form" onSubmit={submit} data-testid="portal-ask">
      <h1>
        <Trans>Your data, your decision</Trans>
      </h1>
      <p>
        <Trans>
          Tell {info.tenant.name} what to do with the data it holds about you. It costs nothing and you need
          no account.
        </Trans>
      </p>
      <fieldset>
        <legend>
          <Trans>What would you like?</Trans>
        </legend>
        {types.map((type) => (
          <label key={type} className="gh-option">
            <input
              type="radio"
              name="type"
              value={type}
              checked={draft.type === type}
              onChange={() => setDraft({ ...draft, type: type })}
            />
            <span>
              {words.wish(type)}
              <small>{words.wishHint(type)}</small>
            </span>
          </label>
        ))}
      </fieldset>
      <TextInput
        size="md"
        type="email"
        required
        label={t`Your e-mail address`}
        description={t`The one they know you by. We send a code there to be sure it is you.`}
        autoComplete="email"
        maxLength={254}
        value={draft.email}
        onChange={(event) => setDraft({ ...draft, email: event.currentTarget.value })}
      />
      {laws.length < 2 ? null : (
        <NativeSelect
          size="md"
          label={t`Which law protects you?`}
          value={draft.law}
          onChange={(event) => setDraft({ ...draft, law: event.currentTarget.value })}
          data={laws.map((law) => ({ value: law, label: words.law(law) }))}
        />
      )}
      <NativeSelect
        size="md"
        label={t`Language of our messages`}
        value={draft.language}
        onChange={(event) => setDraft({ ...draft, language: event.currentTarget.value })}
        data={info.languages.map((language) => ({
          value: language,
          label: languages[language as Language] ?? language,
        }))}
      />
      <Textarea
        size="md"
        label={t`Anything to add? (optional)`}
        rows={3}
        maxLength={2000}
        value={draft.message}
        onChange={(event) => setDraft({ ...draft, message: event.currentTarget.value })}
      />
      {ask.isError ? (
        <ProblemNotice error={ask.error} notLost={<Trans>What you entered is still here.</Trans>} />
      ) : null}
      <Button
        type="submit"
        size="md"
        loading={ask.isPending}
        disabled={draft.email === ''}
        data-testid="portal-send"
      >
        <Trans>Send me the code</Trans>
      </Button>
    </form>
  );
}
