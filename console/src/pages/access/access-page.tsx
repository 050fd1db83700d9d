import { Trans, useLingui } from '@lingui/react/macro';
import { getRouteApi } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { PageFrame } from '../../ui/page.tsx';
import { TabLink } from '../../ui/tab-link.tsx';
import { GrantMatrix } from './grant-matrix.tsx';
import { PeopleTable } from './people-table.tsx';
import { ServiceAccountTable } from './service-account-table.tsx';
import { SessionTable } from './session-table.tsx';

const route = getRouteApi('/shell/access');

/** Who is here and what they may do. */
export function AccessPage() {
  const { t } = useLingui();
  const { tab = 'people' } = route.useSearch();
  const tabs: readonly (readonly [string, string, ReactNode])[] = [
    ['people', t`People`, <PeopleTable key="p" />],
    ['grants', t`Roles and grants`, <GrantMatrix key="g" />],
    ['service-accounts', t`Service accounts`, <ServiceAccountTable key="a" />],
    ['sessions', t`Sessions`, <SessionTable key="s" />],
  ];
  const chosen = tabs.find(([id]) => id === tab) ?? tabs[0];
  return (
    <PageFrame
      title={t`Access`}
      lead={<Trans>Who can come in, which roles they hold, and who is in right now.</Trans>}
      wide
    >
      <nav className="gh-tabs" aria-label={t`Parts of access`}>
        {tabs.map(([id, label]) => (
          <TabLink key={id} href={`/access?tab=${id}`} current={id === chosen?.[0]}>
            {label}
          </TabLink>
        ))}
      </nav>
      {chosen?.[2]}
    </PageFrame>
  );
}
