import { Plural, Trans, useLingui } from '@lingui/react/macro';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { pagesQuery, useMay } from '../../api/queries.ts';
import type { Grant, Role, ServiceAccount, User } from '../../api/types.ts';
import { relativeTime } from '../../ui/instant.tsx';
import { Empty, Loading } from '../../ui/loaded.tsx';
import { Panel } from '../../ui/page.tsx';
import { ProblemNotice } from '../../ui/problem-notice.tsx';
import { GrantDialog, type GrantChange } from './grant-dialog.tsx';

type Holder = { readonly id: string; readonly name: string; readonly note: string };

/** Roles by people and machines; a cell says when the grant was last used and gives or takes it. */
export function GrantMatrix() {
  const { t, i18n } = useLingui();
  const mayManage = useMay('policy.manage');
  const users = useInfiniteQuery(pagesQuery<User>('/v1/identity/users?limit=200'));
  const machines = useInfiniteQuery(pagesQuery<ServiceAccount>('/v1/identity/service-accounts?limit=200'));
  const roles = useInfiniteQuery(pagesQuery<Role>('/v1/policy/roles?limit=200'));
  const grants = useInfiniteQuery(pagesQuery<Grant>('/v1/policy/grants?limit=200'));
  const [change, setChange] = useState<GrantChange | null>(null);
  const failed = [users, roles, grants].find((query) => query.isError);
  if (failed !== undefined)
    return <ProblemNotice error={failed.error} onRetry={() => void failed.refetch()} />;
  const roleRows = roles.data?.pages.flatMap((page) => page.items);
  const grantRows = grants.data?.pages.flatMap((page) => page.items);
  const people = users.data?.pages.flatMap((page) => page.items);
  if (roleRows === undefined || grantRows === undefined || people === undefined) return <Loading lines={8} />;
  const holders: readonly Holder[] = [
    ...people.map((user) => ({ id: user.id, name: user.displayName, note: user.email ?? '' })),
    ...(machines.data?.pages.flatMap((page) => page.items) ?? []).map((account) => ({
      id: account.id,
      name: account.name,
      note: t`machine`,
    })),
  ];
  if (roleRows.length === 0) return <Empty title={<Trans>There is no role yet</Trans>} />;
  return (
    <Panel testId="grant-matrix">
      <div className="gh-table-region" role="region" aria-label={t`Roles and grants`} tabIndex={0}>
        <table className="gh-table gh-matrix">
          <caption className="gh-hidden">{t`Which person holds which role`}</caption>
          <thead>
            <tr>
              <th scope="col">
                <Trans>Person</Trans>
              </th>
              {roleRows.map((role) => (
                <th key={role.name} scope="col" title={role.description}>
                  <code>{role.name}</code>
                  <div className="gh-small">
                    <Plural value={role.rules.length} one="# rule" other="# rules" />
                  </div>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {holders.map((holder) => (
              <tr key={holder.id}>
                <th scope="row">
                  {holder.name}
                  <div className="gh-small gh-muted">{holder.note}</div>
                </th>
                {roleRows.map((role) => {
                  const grant = grantRows.find(
                    (one) => one.principalId === holder.id && one.role === role.name,
                  );
                  const used =
                    grant?.lastUsedAt == null
                      ? t`never used`
                      : relativeTime(new Date(grant.lastUsedAt), i18n.locale);
                  return (
                    <td key={role.name}>
                      <button
                        type="button"
                        className="gh-cell"
                        aria-pressed={grant !== undefined}
                        disabled={!mayManage}
                        title={grant === undefined ? undefined : (grant.reason ?? undefined)}
                        aria-label={
                          grant === undefined
                            ? t`Give ${role.name} to ${holder.name}`
                            : t`${holder.name} holds ${role.name}, ${used}; take it`
                        }
                        onClick={() => setChange({ holder, role: role.name, grant: grant ?? null })}
                      >
                        {grant === undefined ? '+' : <>✓ {used}</>}
                      </button>
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {change === null ? null : <GrantDialog change={change} onClose={() => setChange(null)} />}
    </Panel>
  );
}
