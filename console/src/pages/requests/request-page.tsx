import { Trans, useLingui } from '@lingui/react/macro';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { getQuery } from '../../api/queries.ts';
import type { RequestDetail } from '../../api/types.ts';
import { Instant } from '../../ui/instant.tsx';
import { Empty, Loaded } from '../../ui/loaded.tsx';
import { Facts, PageFrame, Panel } from '../../ui/page.tsx';
import { ShortId } from '../../ui/short-id.tsx';
import { StateTag } from '../../ui/state-tag.tsx';
import { Who } from '../../ui/who.tsx';
import { Outcome } from './outcome.tsx';
import { PlanTree } from './plan-tree.tsx';
import { RequestActions } from './request-actions.tsx';
import { stateTone, urgencyOf, useRequestWords } from './request-words.ts';
import { TaskTable } from './task-table.tsx';
import { Timeline } from './timeline.tsx';

const route = getRouteApi('/shell/requests/$id');
const moving = new Set(['executing', 'verifying_absence', 'approved']);

/** One request: where it stands, what the plan touches, who approved it, how it ended. */
export function RequestPage() {
  const { t } = useLingui();
  const { id } = route.useParams();
  const words = useRequestWords();
  const request = useQuery({
    ...getQuery<RequestDetail>(`/v1/dsr/requests/${encodeURIComponent(id)}`),
    // Each reading is an event in the trail: ask again only while something is under way.
    refetchInterval: (query) => (moving.has(query.state.data?.state ?? '') ? 2_000 : false),
  });
  const { data } = request;
  return (
    <PageFrame
      title={data === undefined ? t`Request` : `${words.type(data.type)} · ${data.subjectLabel ?? t`erased`}`}
      lead={data === undefined ? undefined : <RequestLead request={data} />}
      actions={data === undefined ? undefined : <RequestActions request={data} />}
      wide
    >
      <Loaded query={request} lines={8}>
        {(detail) => (
          <div className="gh-columns">
            <div>
              <PlanPanel request={detail} />
              {detail.tasks.length === 0 ? null : (
                <Panel title={<Trans>Execution</Trans>}>
                  <TaskTable tasks={detail.tasks} />
                </Panel>
              )}
              <Outcome request={detail} />
            </div>
            <div>
              <Panel title={<Trans>Clock and identity</Trans>}>
                <RequestFacts request={detail} />
              </Panel>
              <Panel title={<Trans>Timeline</Trans>}>
                <Timeline request={detail} />
              </Panel>
            </div>
          </div>
        )}
      </Loaded>
    </PageFrame>
  );
}

function RequestLead(props: { request: RequestDetail }) {
  const { request } = props;
  const words = useRequestWords();
  const urgency = urgencyOf(request);
  return (
    <span className="gh-row">
      <StateTag tone={stateTone(request.state)} testId="request-state">
        <span data-state={request.state}>{words.state(request.state)}</span>
      </StateTag>
      <StateTag tone={urgency}>{words.urgency(urgency)}</StateTag>
      <span>
        <Trans>due</Trans> <Instant at={request.dueAt} />
      </span>
      <ShortId value={request.id} />
    </span>
  );
}

function PlanPanel(props: { request: RequestDetail }) {
  const { plan } = props.request;
  return (
    <Panel
      title={<Trans>Plan</Trans>}
      aside={
        plan === null ? undefined : (
          <span className="gh-small gh-muted">
            <Trans>by</Trans> <Who value={plan.createdByName ?? plan.createdBy} />,{' '}
            <Instant at={plan.createdAt} /> · <ShortId value={plan.hash} />
          </span>
        )
      }
      testId="plan"
    >
      {plan === null ? (
        <Empty title={<Trans>No plan yet</Trans>}>
          <Trans>
            Once the person has proved who they are, make the plan: it counts every row and says what stays
            and why. Nothing is touched by it.
          </Trans>
        </Empty>
      ) : (
        <PlanTree document={plan.document} />
      )}
    </Panel>
  );
}

function RequestFacts(props: { request: RequestDetail }) {
  const { request } = props;
  const words = useRequestWords();
  return (
    <Facts
      items={[
        [<Trans key="r">Received</Trans>, <Instant key="r" at={request.receivedAt} exact />],
        [<Trans key="d">Due</Trans>, <Instant key="d" at={request.clock.dueAt} exact />],
        [
          <Trans key="w">Why that day</Trans>,
          `${[request.clock.explanation].flat().join(' ')} (${request.clock.citation})`,
        ],
        [
          <Trans key="i">Identity</Trans>,
          `${words.state(String(request.identity.level))}${request.identity.method === null ? '' : ` · ${words.state(request.identity.method)}`}`,
        ],
        [<Trans key="v">Proved</Trans>, <Instant key="v" at={request.identity.verifiedAt} />],
        [<Trans key="c">Came by</Trans>, request.channel.replaceAll('_', ' ')],
        [
          <Trans key="a">Approvals</Trans>,
          request.approvals.length === 0
            ? '—'
            : request.approvals.map((approval) => (
                <div key={`${approval.at}`}>
                  <Who value={approval.byName ?? approval.by} />, <Instant at={approval.at} />
                </div>
              )),
        ],
        [
          <Trans key="t">In the trail</Trans>,
          <Link key="t" to="/trail" search={{ q: request.id }}>
            <Trans>every step of this request</Trans>
          </Link>,
        ],
      ]}
    />
  );
}
