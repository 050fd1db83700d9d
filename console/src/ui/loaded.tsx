import { Trans } from '@lingui/react/macro';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { ProblemNotice } from './problem-notice.tsx';

/** Grey lines while something loads; says so to a screen reader. */
export function Loading(props: { lines?: number }) {
  return (
    <div className="gh-loading" role="status" aria-busy="true">
      <span className="gh-hidden">
        <Trans>Loading</Trans>
      </span>
      {Array.from({ length: props.lines ?? 4 }, (_, index) => (
        <span key={index} className="gh-skeleton" />
      ))}
    </div>
  );
}

/** The three states of a query: loading, failed with a retry, or its data. */
export function Loaded<Data>(props: {
  query: UseQueryResult<Data>;
  lines?: number;
  children: (data: Data) => ReactNode;
}) {
  const { query } = props;
  if (query.data !== undefined) return props.children(query.data);
  if (query.isError) return <ProblemNotice error={query.error} onRetry={() => void query.refetch()} />;
  return <Loading {...(props.lines === undefined ? {} : { lines: props.lines })} />;
}

/** Says what to do when there is nothing to show. */
export function Empty(props: { title: ReactNode; children?: ReactNode }) {
  return (
    <div className="gh-empty" data-testid="empty">
      <p className="gh-empty-title">{props.title}</p>
      {props.children === undefined ? null : <p className="gh-muted">{props.children}</p>}
    </div>
  );
}
