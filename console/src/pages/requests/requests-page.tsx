import { Trans, useLingui } from '@lingui/react/macro';
import { useInfiniteQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { pagesQuery, useMay } from '../../api/queries.ts';
import type { RequestSummary } from '../../api/types.ts';
import { Empty, Loading } from '../../ui/loaded.tsx';
import { MoreButton } from '../../ui/more-button.tsx';
import { PageFrame, Panel } from '../../ui/page.tsx';
import { ProblemNotice } from '../../ui/problem-notice.tsx';
import { TabLink } from '../../ui/tab-link.tsx';
import { EnterRequest } from './enter-request.tsx';
import { RequestBoard } from './request-board.tsx';
import { RequestTable } from './request-table.tsx';

const route = getRouteApi('/shell/requests');

/** Requests of people by their deadlines, as a list or as a board. */
export function RequestsPage() {
  const { t } = useLingui();
  const search = route.useSearch();
  const mayCreate = useMay('dsr.create');
  const board = search.view === 'board';
  const requests = useInfiniteQuery({
    ...pagesQuery<RequestSummary>('/v1/dsr/requests?limit=100'),
    refetchInterval: 60_000,
  });
  const rows = requests.data?.pages.flatMap((page) => page.items);
  const sorted = rows?.toSorted(
    (left, right) => Date.parse(left.dueAt ?? '9999-01-01') - Date.parse(right.dueAt ?? '9999-01-01'),
  );
  return (
    <PageFrame
      title={t`Requests`}
      lead={<Trans>What people asked for, by the day the law expects an answer.</Trans>}
      actions={mayCreate ? <EnterRequest /> : undefined}
      wide
    >
      <nav className="gh-tabs" aria-label={t`View`}>
        <TabLink href="/requests" current={!board}>
          <Trans>By deadline</Trans>
        </TabLink>
        <TabLink href="/requests?view=board" current={board}>
          <Trans>Board</Trans>
        </TabLink>
      </nav>
      {sorted === undefined && requests.isError ? (
        <ProblemNotice error={requests.error} onRetry={() => void requests.refetch()} />
      ) : null}
      {sorted === undefined && !requests.isError ? <Loading lines={6} /> : null}
      {sorted?.length === 0 ? (
        <Panel>
          <Empty title={<Trans>Nobody has asked for anything yet</Trans>}>
            <Trans>
              People ask through your portal. What reaches you by letter or telephone can be entered here.
            </Trans>
          </Empty>
        </Panel>
      ) : null}
      {sorted === undefined || sorted.length === 0 ? null : board ? (
        <RequestBoard requests={sorted} />
      ) : (
        <Panel>
          <RequestTable requests={sorted} />
          <MoreButton
            shown={sorted.length}
            hasMore={requests.hasNextPage}
            loading={requests.isFetchingNextPage}
            error={requests.isFetchNextPageError ? requests.error : null}
            onMore={() => void requests.fetchNextPage()}
          />
        </Panel>
      )}
    </PageFrame>
  );
}
