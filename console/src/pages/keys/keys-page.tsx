import { Trans, useLingui } from '@lingui/react/macro';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { getQuery, pagesQuery } from '../../api/queries.ts';
import type { KeyHierarchy, LedgerEntry } from '../../api/types.ts';
import { Empty, Loaded, Loading } from '../../ui/loaded.tsx';
import { MoreButton } from '../../ui/more-button.tsx';
import { PageFrame, Panel } from '../../ui/page.tsx';
import { ProblemNotice } from '../../ui/problem-notice.tsx';
import { StateTag } from '../../ui/state-tag.tsx';
import { EpochTable } from './epoch-table.tsx';
import { HierarchyPicture } from './hierarchy-picture.tsx';
import { LedgerTable } from './ledger-table.tsx';
import { RotateButton } from './rotate-button.tsx';

/** Who can read it: the keys from the root down to every person, and what each shred cut off. */
export function KeysPage() {
  const { t } = useLingui();
  const keys = useQuery(getQuery<KeyHierarchy>('/v1/crypto/keys'));
  const ledger = useInfiniteQuery(pagesQuery<LedgerEntry>('/v1/crypto/ledger'));
  const entries = ledger.data?.pages.flatMap((page) => page.items);
  return (
    <PageFrame
      title={t`Keys`}
      lead={
        <Trans>
          Every person has a key of their own. Destroying it makes every copy of their data unreadable,
          backups too.
        </Trans>
      }
      actions={<RotateButton />}
    >
      <Loaded query={keys}>
        {(data) => (
          <>
            <Panel
              title={<Trans>Hierarchy</Trans>}
              aside={<ProviderTag keys={data} />}
              testId="key-hierarchy"
            >
              <HierarchyPicture keys={data} ledger={entries ?? []} />
            </Panel>
            <Panel title={<Trans>Epochs and tenant keys</Trans>}>
              <EpochTable keys={data} />
            </Panel>
          </>
        )}
      </Loaded>
      <Panel title={<Trans>Shred ledger</Trans>}>
        {ledger.isError && entries === undefined ? (
          <ProblemNotice error={ledger.error} onRetry={() => void ledger.refetch()} />
        ) : null}
        {ledger.isPending ? <Loading /> : null}
        {entries?.length === 0 ? (
          <Empty title={<Trans>No key has been destroyed</Trans>}>
            <Trans>
              Each erasure leaves a line here: which key, by which request, and where the trail proves it.
            </Trans>
          </Empty>
        ) : null}
        {entries === undefined || entries.length === 0 ? null : (
          <>
            <LedgerTable entries={entries} />
            <MoreButton
              shown={entries.length}
              hasMore={ledger.hasNextPage}
              loading={ledger.isFetchingNextPage}
              error={ledger.isFetchNextPageError ? ledger.error : null}
              onMore={() => void ledger.fetchNextPage()}
            />
          </>
        )}
      </Panel>
    </PageFrame>
  );
}

function ProviderTag(props: { keys: KeyHierarchy }) {
  const { provider, development } = props.keys;
  return development ? (
    <StateTag tone="warn">
      <Trans>Root key: {provider}, for development only</Trans>
    </StateTag>
  ) : (
    <StateTag tone="good">
      <Trans>Root key: {provider}</Trans>
    </StateTag>
  );
}
