import { Trans, useLingui } from '@lingui/react/macro';
import { Button, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useEffect, useState, type FormEvent } from 'react';
import { getQuery } from '../api/queries.ts';
import type { TenantChoice } from '../api/types.ts';
import { GateSign } from '../shell/shell.tsx';
import { LanguageSwitch } from '../ui/language-switch.tsx';

const route = getRouteApi('/sign-in');

function loginUrl(slug: string, returnTo: string): string {
  return `/auth/login?${new URLSearchParams({ tenant: slug, return_to: returnTo }).toString()}`;
}

/** Chooses the organisation; its own provider does the rest. */
export function SignInPage() {
  const { t } = useLingui();
  const search = route.useSearch();
  const [slug, setSlug] = useState('');
  const returnTo = search.return_to ?? '/';
  const tenants = useQuery({ ...getQuery<TenantChoice[]>('/v1/identity/tenants'), retry: false });
  const choices = tenants.data ?? [];
  useEffect(() => {
    document.title = `${t`Sign in`} · Gatehouse`;
  }, [t]);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (slug.trim() !== '') location.assign(loginUrl(slug.trim(), returnTo));
  };
  return (
    <main className="gh-alone">
      <div className="gh-alone-card">
        <div className="gh-row">
          <GateSign />
          <strong>Gatehouse</strong>
        </div>
        <header>
          <h1>
            <Trans>Sign in</Trans>
          </h1>
          <p className="gh-lead">
            <Trans>Choose your organisation. Its own identity provider asks who you are.</Trans>
          </p>
        </header>
        {search.problem === undefined ? null : (
          <p role="alert" className="gh-problem">
            <Trans>
              The last sign-in did not finish ({search.problem}). Nothing was changed; start again.
            </Trans>
          </p>
        )}
        {choices.length === 0 ? null : (
          <nav className="gh-choice" aria-label={t`Organisations`}>
            {choices.map((tenant) => (
              <a
                key={tenant.slug}
                href={loginUrl(tenant.slug, returnTo)}
                data-testid={`tenant-${tenant.slug}`}
              >
                {tenant.name} <code className="gh-muted">{tenant.slug}</code>
              </a>
            ))}
          </nav>
        )}
        <form className="gh-form" onSubmit={submit}>
          <TextInput
            label={choices.length === 0 ? t`Organisation` : t`Another organisation`}
            description={t`The short name in your organisation's address`}
            value={slug}
            maxLength={63}
            autoCapitalize="none"
            autoComplete="organization"
            onChange={(event) => setSlug(event.currentTarget.value)}
          />
          <Button
            type="submit"
            variant={choices.length === 0 ? 'filled' : 'default'}
            disabled={slug.trim() === ''}
          >
            <Trans>Continue</Trans>
          </Button>
        </form>
        <LanguageSwitch />
      </div>
    </main>
  );
}
