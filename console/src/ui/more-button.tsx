import { Trans } from '@lingui/react/macro';
import { Button } from '@mantine/core';
import { ProblemNotice } from './problem-notice.tsx';

/** The foot of a keyset-paged list: how many rows are shown, and the next page. */
export function MoreButton(props: {
  shown: number;
  hasMore: boolean;
  loading: boolean;
  error: unknown;
  onMore: () => void;
}) {
  return (
    <div className="gh-table-foot">
      {props.error === null ? null : <ProblemNotice error={props.error} onRetry={props.onMore} />}
      <span className="gh-muted gh-small">
        <Trans>{props.shown} shown</Trans>
      </span>
      {props.hasMore ? (
        <Button size="compact-sm" variant="default" loading={props.loading} onClick={props.onMore}>
          <Trans>Show more</Trans>
        </Button>
      ) : null}
    </div>
  );
}
