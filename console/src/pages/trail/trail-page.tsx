import { Trans, useLingui } from '@lingui/react/macro';
import { Button } from '@mantine/core';
import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useCallback, useEffect, useMemo } from 'react';
import { getQuery, pagesQuery } from '../../api/queries.ts';
import type { HistogramAnswer, TrailEvent } from '../../api/types.ts';
import { Empty, Loaded, Loading } from '../../ui/loaded.tsx';
import { Panel } from '../../ui/page.tsx';
import { ProblemNotice } from '../../ui/problem-notice.tsx';
import { EvidenceButton } from './evidence-button.tsx';
import { EventTable } from './event-table.tsx';
import { FacetLists } from './facet-lists.tsx';
import { Histogram } from './histogram.tsx';
import { PageProofView } from './page-proof-view.tsx';
import { readBuckets } from './read-buckets.ts';
import { SaveView } from './save-view.tsx';
import { SearchBox } from './search-box.tsx';
import { TimeRange } from './time-range.tsx';
import { TrailFrame } from './trail-frame.tsx';
import { queryOf, withoutTime, type TrailFilter } from './trail-filter.ts';
import { usePageProof } from './use-page-proof.ts';

const route = getRouteApi('/shell/trail');

/** The trail: what happened, when, by whom; the address holds the whole question. */
export function TrailPage() {
  const { t } = useLingui();
  const filter: TrailFilter = route.useSearch();
  const navigate = route.useNavigate();
  const apply = useCallback((next: TrailFilter): void => void navigate({ search: next }), [navigate]);
  const histogram = useQuery(getQuery<HistogramAnswer>(`/v1/audit/histogram?${queryOf(filter)}`));
  return (
    <TrailFrame
      title={t`Trail`}
      lead={
        <Trans>
          Every event stands in a log that nobody can change unnoticed. Open one to check its proof in this
          browser.
        </Trans>
      }
    >
      <Panel>
        <SearchBox key={queryOf(withoutTime(filter))} filter={filter} onApply={apply} />
        <TimeRange filter={filter} onApply={apply} />
      </Panel>
      <Panel title={<Trans>Over time</Trans>} testId="histogram">
        <Loaded query={histogram} lines={3}>
          {(data) => (
            <Histogram buckets={readBuckets(data)} onRange={(from, to) => apply({ ...filter, from, to })} />
          )}
        </Loaded>
      </Panel>
      <Found filter={filter} apply={apply} />
    </TrailFrame>
  );
}

function Found(props: { filter: TrailFilter; apply: (next: TrailFilter) => void }) {
  const { filter, apply } = props;
  const queries = useQueryClient();
  const { proof, verify, forget } = usePageProof();
  const events = useInfiniteQuery({
    ...pagesQuery<TrailEvent>(
      `/v1/audit/events?${queryOf({ ...filter })}${queryOf(filter) === '' ? '' : '&'}limit=200`,
    ),
    // Fetching a hundred pages again because one came back to them would help nobody.
    staleTime: Number.POSITIVE_INFINITY,
  });
  const rows = useMemo(() => events.data?.pages.flatMap((page) => page.items), [events.data]);
  const names = useMemo(
    () =>
      new Map(
        (rows ?? []).flatMap(({ actor }) =>
          actor.displayName === null ? [] : [[actor.id, actor.displayName]],
        ),
      ),
    [rows],
  );
  const question = queryOf(filter);
  useEffect(forget, [question]); // eslint-disable-line
  const { fetchNextPage } = events;
  const onEnd = useCallback(() => void fetchNextPage(), [fetchNextPage]);
  const refresh = (): void => {
    forget();
    void queries.resetQueries({ queryKey: ['pages'] });
    void queries.invalidateQueries({ queryKey: ['get'] });
  };
  return (
    <div className="gh-found">
      <Panel title={<Trans>Narrow</Trans>}>
        <FacetLists filter={filter} names={names} onApply={apply} />
      </Panel>
      <Panel
        title={<Trans>Events</Trans>}
        aside={
          <div className="gh-row">
            <SaveView filter={filter} />
            <Link to="/trail/live" search={withoutTime(filter)} className="gh-small">
              <Trans>Follow live</Trans>
            </Link>
            <Button size="compact-sm" variant="default" onClick={refresh}>
              <Trans>Refresh</Trans>
            </Button>
          </div>
        }
      >
        {rows === undefined && events.isError ? (
          <ProblemNotice error={events.error} onRetry={() => void events.refetch()} />
        ) : null}
        {rows === undefined && !events.isError ? <Loading lines={8} /> : null}
        {rows?.length === 0 ? (
          <Empty title={<Trans>No event matches</Trans>}>
            <Trans>Widen the time, or clear a filter.</Trans>
          </Empty>
        ) : null}
        {rows === undefined || rows.length === 0 ? null : (
          <>
            <EventTable
              rows={rows}
              {...(proof.rows === undefined ? {} : { proofs: proof.rows })}
              hasMore={events.hasNextPage && !events.isFetchNextPageError}
              loading={events.isFetchingNextPage}
              onEnd={onEnd}
            />
            {events.isFetchNextPageError ? (
              <ProblemNotice error={events.error} onRetry={() => void fetchNextPage()} />
            ) : null}
            <div className="gh-table-foot">
              <span className="gh-small gh-muted" data-testid="loaded">
                {events.hasNextPage ? (
                  <Trans>{rows.length} loaded; more come as you scroll. Arrow keys move, Enter opens.</Trans>
                ) : (
                  <Trans>{rows.length} events, all of them. Arrow keys move, Enter opens.</Trans>
                )}
              </span>
              <EvidenceButton filtered={question !== ''} rows={rows} />
            </div>
            <PageProofView proof={proof} rows={rows} onVerify={() => void verify(rows)} />
          </>
        )}
      </Panel>
    </div>
  );
}
