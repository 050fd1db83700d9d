import type { InfiniteData, UseInfiniteQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { Page } from '../api/types.ts';
import { Empty, Loading } from './loaded.tsx';
import { MoreButton } from './more-button.tsx';
import { ProblemNotice } from './problem-notice.tsx';

/** The states of a keyset-paged list: loading, failed, empty, or its rows with the next page's button. */
export function ListState<Row>(props: {
  query: UseInfiniteQueryResult<InfiniteData<Page<Row>>>;
  empty: ReactNode;
  hint?: ReactNode;
  children: (rows: readonly Row[]) => ReactNode;
}) {
  const { query } = props;
  const rows = query.data?.pages.flatMap((page) => page.items);
  if (rows === undefined) {
    return query.isError ? (
      <ProblemNotice error={query.error} onRetry={() => void query.refetch()} />
    ) : (
      <Loading lines={6} />
    );
  }
  if (rows.length === 0) return <Empty title={props.empty}>{props.hint}</Empty>;
  return (
    <>
      {props.children(rows)}
      <MoreButton
        shown={rows.length}
        hasMore={query.hasNextPage}
        loading={query.isFetchingNextPage}
        error={query.isFetchNextPageError ? query.error : null}
        onMore={() => void query.fetchNextPage()}
      />
    </>
  );
}
