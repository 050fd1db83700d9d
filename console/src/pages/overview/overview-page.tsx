import { Trans, useLingui } from '@lingui/react/macro';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { getQuery, pagesQuery, useMay } from '../../api/queries.ts';
import type { Overview, RequestSummary } from '../../api/types.ts';
import { Loaded } from '../../ui/loaded.tsx';
import { PageFrame, Panel } from '../../ui/page.tsx';
import { ProblemNotice } from '../../ui/problem-notice.tsx';
import { LogHealth } from './log-health.tsx';
import { PostureTiles } from './posture-tiles.tsx';
import { RequestClock } from './request-clock.tsx';

/** Posture at a glance: what is overdue, which control fails, how the log is. */
export function OverviewPage() {
  const { t } = useLingui();
  const overview = useQuery({ ...getQuery<Overview>('/v1/overview'), refetchInterval: 30_000 });
  const mayRequests = useMay('dsr.read');
  const mayTrail = useMay('audit.read');
  return (
    <PageFrame
      title={t`Overview`}
      lead={
        <Trans>What is overdue, which control needs a hand, and whether the record can be trusted.</Trans>
      }
    >
      <Loaded query={overview}>{(data) => <PostureTiles overview={data} />}</Loaded>
      {mayRequests ? <ClockPanel /> : null}
      {mayTrail ? <LogHealth /> : null}
    </PageFrame>
  );
}

function ClockPanel() {
  const requests = useInfiniteQuery(pagesQuery<RequestSummary>('/v1/dsr/requests?limit=50'));
  const rows = requests.data?.pages.flatMap((page) => page.items);
  return (
    <Panel title={<Trans>Clock of requests</Trans>} testId="request-clock">
      {requests.isError ? (
        <ProblemNotice error={requests.error} onRetry={() => void requests.refetch()} />
      ) : null}
      {rows === undefined ? null : <RequestClock requests={rows} />}
    </Panel>
  );
}
