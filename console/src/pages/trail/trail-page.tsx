import { Trans, useLingui } from '@lingui/react/macro';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { getQuery, pagesQuery } from '../../api/queries.ts';
import type { HistogramAnswer, TrailEvent } from '../../api/types.ts';
import { Empty, Loaded, Loading } from '../../ui/loaded.tsx';
import { MoreButton } from '../../ui/more-button.tsx';
import { PageFrame, Panel } from '../../ui/page.tsx';
import { ProblemNotice } from '../../ui/problem-notice.tsx';
import { EvidenceButton } from './evidence-button.tsx';
import { EventTable } from './event-table.tsx';
import { Histogram } from './histogram.tsx';
import { readBuckets } from './read-buckets.ts';
import { queryOf, type TrailFilter } from './trail-filter.ts';
import { TrailFilters } from './trail-filters.tsx';

const route = getRouteApi('/shell/trail');

/** The trail: what happened, when, by whom; the address holds the whole question. */
export function TrailPage() {
  const { t } = useLingui();
  const filter: TrailFilter = route.useSearch();
  const navigate = route.useNavigate();
  const events = useInfiniteQuery(pagesQuery<TrailEvent>(`/v1/audit/events?${queryOf(filter)}`));
  const histogram = useQuery(getQuery<HistogramAnswer>(`/v1/audit/histogram?${queryOf(filter)}`));
  const apply = (next: TrailFilter): void => void navigate({ search: next });
  const rows = events.data?.pages.flatMap((page) => page.items);
  return (
    <PageFrame
      title={t`Trail`}
      lead={
        <Trans>
          Every event stands in a log that nobody can change unnoticed. Open one to check its proof in this
          browser.
        </Trans>
      }
      actions={<EvidenceButton filtered={queryOf(filter) !== ''} rows={rows ?? []} />}
      wide
    >
      <Panel>
        <TrailFilters key={queryOf(filter)} filter={filter} onApply={apply} />
      </Panel>
      <Panel title={<Trans>Over time</Trans>} testId="histogram">
        <Loaded query={histogram} lines={3}>
          {(data) => (
            <Histogram buckets={readBuckets(data)} onRange={(from, to) => apply({ ...filter, from, to })} />
          )}
        </Loaded>
      </Panel>
      <Panel title={<Trans>Events</Trans>}>
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
            <EventTable rows={rows} />
            <MoreButton
              shown={rows.length}
              hasMore={events.hasNextPage}
              loading={events.isFetchingNextPage}
              error={events.isFetchNextPageError ? events.error : null}
              onMore={() => void events.fetchNextPage()}
            />
          </>
        )}
      </Panel>
    </PageFrame>
  );
}
