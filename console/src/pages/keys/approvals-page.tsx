import { Trans, useLingui } from '@lingui/react/macro';
import { NativeSelect } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { pagesQuery } from '../../api/queries.ts';
import type { Approval } from '../../api/types.ts';
import { ListState } from '../../ui/list-state.tsx';
import { Panel } from '../../ui/page.tsx';
import { ApprovalTable } from './approval-table.tsx';
import { useKeyWords } from './key-words.ts';
import { KeysFrame } from './keys-frame.tsx';
import { ProposalCard } from './proposal-card.tsx';

const route = getRouteApi('/shell/keys/approvals');
const states: readonly Approval['state'][] = [
  'proposed',
  'executing',
  'executed',
  'failed',
  'interrupted',
  'refused',
  'expired',
];
const watchingMilliseconds = 5_000;

/** What two people decide together: what waits, and what was decided. */
export function ApprovalsPage() {
  const { t } = useLingui();
  const { state } = route.useSearch();
  const navigate = route.useNavigate();
  const words = useKeyWords();
  const list = (of: string | undefined) => ({
    ...pagesQuery<Approval>(of === undefined ? '/v1/crypto/approvals' : `/v1/crypto/approvals?state=${of}`),
    refetchInterval: watchingMilliseconds,
  });
  const waiting = useInfiniteQuery(list('proposed'));
  const all = useInfiniteQuery(list(states.find((one) => one === state)));
  return (
    <KeysFrame
      part="approvals"
      lead={
        <Trans>
          What cannot be taken back needs two people: one proposes, another one approves exactly what is
          shown. A proposal runs out after a day.
        </Trans>
      }
    >
      <Panel title={<Trans>Waiting for a second person</Trans>} testId="waiting">
        <ListState
          query={waiting}
          empty={<Trans>Nothing waits for a second person</Trans>}
          hint={
            <Trans>
              Retiring epochs, changing the schedule or the root provider, and dropping a plaintext column are
              proposed where they are done; they then wait here.
            </Trans>
          }
        >
          {(rows) => (
            <div className="gh-stack">
              {rows.map((row) => (
                <ProposalCard key={row.id} proposal={row} />
              ))}
            </div>
          )}
        </ListState>
      </Panel>
      <Panel
        title={<Trans>All proposals</Trans>}
        aside={
          <NativeSelect
            size="xs"
            aria-label={t`State`}
            value={state ?? ''}
            onChange={(event) => {
              const chosen = event.currentTarget.value;
              void navigate({ search: chosen === '' ? {} : { state: chosen }, replace: true });
            }}
            data={[
              { value: '', label: t`every state` },
              ...states.map((one) => ({ value: one, label: words.approval(one) })),
            ]}
          />
        }
      >
        <ListState query={all} empty={<Trans>No proposal of this kind</Trans>}>
          {(rows) => <ApprovalTable proposals={rows} />}
        </ListState>
      </Panel>
    </KeysFrame>
  );
}
