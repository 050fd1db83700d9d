import { Trans, useLingui } from '@lingui/react/macro';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { getQuery } from '../../api/queries.ts';
import type { Approval, Page } from '../../api/types.ts';
import { PageFrame } from '../../ui/page.tsx';
import { TabLink } from '../../ui/tab-link.tsx';

/** A part of the section Keys, by the end of its address. */
export type KeysPart =
  '' | 'rotation' | 'providers' | 'approvals' | 'inventory' | 'ledger' | 'columns' | 'certificates';

/** What waits for a second person; the tab counts it. */
export const openApprovals = '/v1/crypto/approvals?state=proposed&limit=50';

/** The frame of every part of Keys: what it is about, its actions, and the way to the others. */
export function KeysFrame(props: {
  part: KeysPart;
  lead: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}) {
  const { t } = useLingui();
  const waiting = useQuery({ ...getQuery<Page<Approval>>(openApprovals), refetchInterval: 30_000 });
  const count = waiting.data?.items.length ?? 0;
  const parts: readonly (readonly [KeysPart, string])[] = [
    ['', t`Hierarchy`],
    ['rotation', t`Rotation`],
    ['providers', t`Providers`],
    ['approvals', t`Approvals`],
    ['inventory', t`Inventory`],
    ['ledger', t`Ledger`],
    ['columns', t`Columns`],
    ['certificates', t`Certificates`],
  ];
  const label = parts.find(([id]) => id === props.part)?.[1] ?? '';
  return (
    <PageFrame title={t`Keys`} part={label} lead={props.lead} actions={props.actions} wide>
      <nav className="gh-tabs" aria-label={t`Parts of keys`}>
        {parts.map(([id, name]) => (
          <TabLink key={id} href={id === '' ? '/keys' : `/keys/${id}`} current={id === props.part}>
            {name}
            {id === 'approvals' && count > 0 ? (
              <span className="gh-count">
                {count}
                <span className="gh-hidden">
                  {' '}
                  <Trans>waiting</Trans>
                </span>
              </span>
            ) : null}
          </TabLink>
        ))}
      </nav>
      {props.children}
    </PageFrame>
  );
}
