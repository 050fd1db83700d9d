import { Trans, useLingui } from '@lingui/react/macro';
import { Button } from '@mantine/core';
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { call } from '../../api/client.ts';
import { pagesQuery, useMay } from '../../api/queries.ts';
import type { User } from '../../api/types.ts';
import { DataTable, type Column } from '../../ui/data-table.tsx';
import { Instant } from '../../ui/instant.tsx';
import { ListState } from '../../ui/list-state.tsx';
import { Panel } from '../../ui/page.tsx';
import { ProblemNotice } from '../../ui/problem-notice.tsx';
import { StateTag } from '../../ui/state-tag.tsx';

/** The people of the tenant with their second factor and state. */
export function PeopleTable() {
  const { t } = useLingui();
  const queries = useQueryClient();
  const mayManage = useMay('identity.manage');
  const users = useInfiniteQuery(pagesQuery<User>('/v1/identity/users'));
  const change = useMutation({
    mutationFn: (next: { id: string; state: string }) =>
      call(`/v1/identity/users/${next.id}`, { method: 'PATCH', body: { state: next.state } }),
    onSettled: () => queries.invalidateQueries({ queryKey: ['pages', '/v1/identity/users'] }),
  });
  const columns: readonly Column<User>[] = [
    { id: 'name', header: <Trans>Name</Trans>, cell: (row) => row.displayName },
    { id: 'email', header: <Trans>E-mail</Trans>, cell: (row) => row.email },
    {
      id: 'state',
      header: <Trans>State</Trans>,
      cell: (row) => (
        <StateTag tone={row.state === 'active' ? 'good' : 'idle'}>
          {row.state === 'active' ? t`active` : t`disabled`}
        </StateTag>
      ),
    },
    {
      id: 'mfa',
      header: <Trans>Second factor</Trans>,
      cell: (row) =>
        row.mfa.totp ? (
          <StateTag tone="good">{t`authenticator`}</StateTag>
        ) : (
          <StateTag tone="warn">{t`none`}</StateTag>
        ),
    },
    {
      id: 'codes',
      header: <Trans>Recovery codes</Trans>,
      cell: (row) => row.mfa.recoveryCodesLeft,
      align: 'end',
    },
    {
      id: 'attributes',
      header: <Trans>Attributes</Trans>,
      cell: (row) => <span className="gh-small">{attributesOf(row)}</span>,
    },
    { id: 'last', header: <Trans>Last sign-in</Trans>, cell: (row) => <Instant at={row.lastSignInAt} /> },
    ...(mayManage
      ? [
          {
            id: 'do',
            header: <span className="gh-hidden">{t`Actions`}</span>,
            align: 'end' as const,
            cell: (row: User) => {
              const next = row.state === 'active' ? 'disabled' : 'active';
              return (
                <Button
                  size="compact-xs"
                  variant="default"
                  aria-label={
                    next === 'active' ? t`Let in again: ${row.displayName}` : t`Suspend: ${row.displayName}`
                  }
                  onClick={() => change.mutate({ id: row.id, state: next })}
                >
                  {next === 'active' ? t`Let in again` : t`Suspend`}
                </Button>
              );
            },
          },
        ]
      : []),
  ];
  return (
    <Panel>
      {change.isError ? (
        <ProblemNotice error={change.error} notLost={<Trans>The person&apos;s state is as it was.</Trans>} />
      ) : null}
      <ListState query={users} empty={<Trans>No one has an account yet</Trans>}>
        {(rows) => (
          <DataTable
            label={t`People`}
            columns={columns}
            rows={rows}
            rowKey={(row) => row.id}
            testId="people"
          />
        )}
      </ListState>
    </Panel>
  );
}

function attributesOf(user: User): string {
  const entries = Object.entries(user.attributes ?? {});
  return entries.length === 0 ? '—' : entries.map(([name, value]) => `${name}: ${String(value)}`).join(', ');
}
