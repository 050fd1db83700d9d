import { Trans, useLingui } from '@lingui/react/macro';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { getQuery } from '../../api/queries.ts';
import type { TrailEventDetail } from '../../api/types.ts';
import { Instant } from '../../ui/instant.tsx';
import { Loaded } from '../../ui/loaded.tsx';
import { Facts, PageFrame, Panel } from '../../ui/page.tsx';
import { ShortId } from '../../ui/short-id.tsx';
import { ActorName, OutcomeTag } from './event-table.tsx';
import { Ladder } from './ladder.tsx';
import { SealedGroups } from './sealed-groups.tsx';

const route = getRouteApi('/shell/trail/$seq');

/** One event: what it says, what of it is sealed or erased, and the proof that it stands in the log. */
export function EventPage() {
  const { t } = useLingui();
  const { seq } = route.useParams();
  const event = useQuery(getQuery<TrailEventDetail>(`/v1/audit/events/${encodeURIComponent(seq)}`));
  return (
    <PageFrame
      title={t`Event ${seq}`}
      lead={event.data?.summary}
      actions={
        <Link to="/trail">
          <Trans>Back to the trail</Trans>
        </Link>
      }
      wide
    >
      <Loaded query={event}>
        {(data) => (
          <div className="gh-columns">
            <div>
              <EventFacts event={data} />
              <SealedGroups event={data} />
              <Panel title={<Trans>Canonical leaf</Trans>}>
                <p className="gh-small gh-muted">
                  <Trans>
                    Exactly the bytes that were hashed. Personal data stands in them only as commitments.
                  </Trans>
                </p>
                <pre className="gh-pre" tabIndex={0} data-testid="canonical">
                  {readableLeaf(data.canonical)}
                </pre>
              </Panel>
            </div>
            <div>
              <Panel title={<Trans>Proof, checked in this browser</Trans>} testId="proof">
                <Ladder seq={seq} canonical={data.canonical} />
              </Panel>
            </div>
          </div>
        )}
      </Loaded>
    </PageFrame>
  );
}

function EventFacts(props: { event: TrailEventDetail }) {
  const { event } = props;
  return (
    <Panel title={<code>{event.action}</code>} aside={<OutcomeTag outcome={event.outcome} />}>
      <Facts
        items={[
          [<Trans key="a">Occurred</Trans>, <Instant key="a" at={event.occurredAt} exact />],
          [<Trans key="r">Received</Trans>, <Instant key="r" at={event.receivedAt} exact />],
          [<Trans key="w">Actor</Trans>, <ActorName key="w" actor={event.actor} />],
          [<Trans key="c">Category</Trans>, event.category],
          [<Trans key="o">Reason</Trans>, event.reason ?? '—'],
          [<Trans key="i">Event id</Trans>, <ShortId key="i" value={event.id} keep={8} />],
          [
            <Trans key="t">Targets</Trans>,
            event.targets.length === 0
              ? '—'
              : event.targets.slice(0, 20).map((target) => (
                  <div key={`${target.type}/${target.id}`}>
                    <span className="gh-muted">{target.type}</span> <ShortId value={target.id} />
                  </div>
                )),
          ],
          [
            <Trans key="s">Data subjects</Trans>,
            event.subjects.length === 0
              ? '—'
              : event.subjects.slice(0, 20).map((subject) => (
                  <div key={subject}>
                    <ShortId value={subject} />
                  </div>
                )),
          ],
          [
            <Trans key="q">Request</Trans>,
            event.requestId === null ? '—' : <ShortId key="q" value={event.requestId} />,
          ],
        ]}
      />
      <details>
        <summary>
          <Trans>Details and decision</Trans>
        </summary>
        <pre className="gh-pre" tabIndex={0}>
          {JSON.stringify(
            { detail: event.detail, decision: event.decision, session: event.session },
            null,
            2,
          )}
        </pre>
      </details>
    </Panel>
  );
}

function readableLeaf(canonical: string): string {
  const text = new TextDecoder().decode(
    Uint8Array.from(atob(canonical), (character) => character.charCodeAt(0)),
  );
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
