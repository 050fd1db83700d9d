import { Trans, useLingui } from '@lingui/react/macro';
import { Button, NativeSelect, TextInput } from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { pagesQuery, permissionsQuery } from '../../api/queries.ts';
import { Empty, Loading } from '../../ui/loaded.tsx';
import { MoreButton } from '../../ui/more-button.tsx';
import { PageFrame, Panel } from '../../ui/page.tsx';
import { ProblemNotice } from '../../ui/problem-notice.tsx';
import { ContactTable, type Contact } from './contact-table.tsx';

const route = getRouteApi('/shell/data');
type Search = Partial<Record<'email' | 'region' | 'purpose', string>>;

function pathOf(search: Search): string {
  const query = new URLSearchParams({ limit: '50' });
  if (search.email !== undefined) query.set('filter[email]', search.email);
  if (search.region !== undefined) query.set('filter[region]', search.region);
  return `/v1/data/contacts/contact?${query.toString()}`;
}

/** What a person of these roles usually looks for; nobody reads personal data without a stated purpose. */
function usualPurpose(roles: readonly string[]): string {
  return roles.includes('dpo') ? 'compliance' : 'marketing';
}

/** Contacts as the signed-in person may see them: their rows, their fields, masked where policy says so. */
export function ContactsPage() {
  const { t } = useLingui();
  const search: Search = route.useSearch();
  const navigate = route.useNavigate();
  const permissions = useQuery(permissionsQuery);
  const purpose = search.purpose ?? usualPurpose(permissions.data?.roles ?? []);
  const headers = { 'gatehouse-purpose': purpose };
  const contacts = useInfiniteQuery({
    ...pagesQuery<Contact>(pathOf(search), headers),
    enabled: permissions.isSuccess,
  });
  const rows = contacts.data?.pages.flatMap((page) => page.items);
  return (
    <PageFrame
      title={t`Contacts`}
      lead={
        <Trans>
          Only the people and fields that your role and purpose permit. Every page you open is recorded in the
          trail.
        </Trans>
      }
      wide
    >
      <Panel>
        <ContactFilters
          key={JSON.stringify(search)}
          search={search}
          purpose={purpose}
          onApply={(next) => void navigate({ search: next })}
        />
      </Panel>
      <Panel>
        {rows === undefined && contacts.isError ? (
          <ProblemNotice error={contacts.error} onRetry={() => void contacts.refetch()} />
        ) : null}
        {rows === undefined && !contacts.isError ? <Loading lines={8} /> : null}
        {rows?.length === 0 ? (
          <Empty title={<Trans>No contact matches</Trans>}>
            <Trans>
              Either nobody fits the filter, or your role does not reach them. An e-mail must match exactly.
            </Trans>
          </Empty>
        ) : null}
        {rows === undefined || rows.length === 0 ? null : (
          <>
            <ContactTable rows={rows} masked={contacts.data?.pages[0]?.masked ?? []} />
            <MoreButton
              shown={rows.length}
              hasMore={contacts.hasNextPage}
              loading={contacts.isFetchingNextPage}
              error={contacts.isFetchNextPageError ? contacts.error : null}
              onMore={() => void contacts.fetchNextPage()}
            />
          </>
        )}
      </Panel>
    </PageFrame>
  );
}

function ContactFilters(props: { search: Search; purpose: string; onApply: (next: Search) => void }) {
  const { t } = useLingui();
  const [email, setEmail] = useState(props.search.email ?? '');
  const [region, setRegion] = useState(props.search.region ?? '');
  const build = (purpose: string): Search => ({
    ...(email.trim() === '' ? {} : { email: email.trim() }),
    ...(region.trim() === '' ? {} : { region: region.trim() }),
    ...(purpose === '' ? {} : { purpose }),
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    props.onApply(build(props.search.purpose ?? ''));
  };
  return (
    <form className="gh-filters" role="search" aria-label={t`Filter contacts`} onSubmit={submit}>
      <NativeSelect
        label={t`Purpose of this look`}
        size="xs"
        data-testid="purpose"
        value={props.purpose}
        onChange={(event) => props.onApply(build(event.currentTarget.value))}
        data={[
          { value: 'marketing', label: t`marketing` },
          { value: 'support', label: t`support` },
          { value: 'compliance', label: t`compliance` },
        ]}
      />
      <TextInput
        label={t`E-mail, exactly`}
        size="xs"
        value={email}
        maxLength={254}
        autoComplete="off"
        onChange={(event) => setEmail(event.currentTarget.value)}
      />
      <TextInput
        label={t`Region`}
        size="xs"
        value={region}
        maxLength={64}
        onChange={(event) => setRegion(event.currentTarget.value)}
      />
      <Button type="submit" size="xs">
        <Trans>Filter</Trans>
      </Button>
      <Button type="button" size="xs" variant="default" onClick={() => props.onApply({})}>
        <Trans>Clear</Trans>
      </Button>
    </form>
  );
}
