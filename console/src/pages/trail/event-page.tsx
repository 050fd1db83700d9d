import { Trans, useLingui } from '@lingui/react/macro';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { getQuery } from '../../api/queries.ts';
import type { TrailEventDetail } from '../../api/types.ts';
import { Instant } from '../../ui/instant.tsx';
import { Loaded } from '../../ui/loaded.tsx';
import { Facts, Panel } from '../../ui/page.tsx';
import { ShortId } from '../../ui/short-id.tsx';
import { ActorName, OutcomeTag } from './event-table.tsx';
import { Ladder } from './ladder.tsx';
import { RelatedLinks } from './related-links.tsx';
import { SealedGroups } from './sealed-groups.tsx';
import { TrailFrame } from './trail-frame.tsx';

const route = getRouteApi('/shell/trail/$seq');

/** One event: what it says, what of it is sealed or erased, what belongs to it, and the proof that it stands in the log. */
export function EventPage() {
  const { t } = useLingui();
  const { seq } = route.useParams();
  const { view } = route.useSearch();
  const event = useQuery(getQuery<TrailEventDetail>(`/v1/audit/events/${encodeURIComponent(seq)}`));
  const number = Number(seq);
  return (
    <TrailFrame
      title={t`Event ${seq}`}
      lead={event.data?.summary}
      actions={
        <>
          {number > 0 ? (
            <Link to="/trail/$seq" params={{ seq: String(number - 1) }} preload={false}>
              <Trans>Earlier</Trans>
            </Link>
          ) : null}
          <Link to="/trail/$seq" params={{ seq: String(number + 1) }} preload={false}>
            <Trans>Later</Trans>
          </Link>
        </>
      }
    >
      <Loaded query={event}>
        {(data) => (
          <div className="gh-columns">
            <div>
              <EventFacts event={data} />
              <RelatedLinks event={data} />
              <SealedGroups event={data} />
              <EventText event={data} view={view ?? 'leaf'} seq={seq} />
            </div>
            <div>
              <Panel title={<Trans>Proof, checked in this browser</Trans>} testId="proof">
                <Ladder key={seq} event={data} />
              </Panel>
            </div>
          </div>
        )}
      </Loaded>
    </TrailFrame>
  );
}

function EventFacts(props: { event: TrailEventDetail }) {
  const { event } = props;
  const { origin, assurance } = event;
  return (
    <Panel title={<code>{event.action}</code>} aside={<OutcomeTag outcome={event.outcome} />}>
      <Facts
        items={[
          [<Trans key="a">Occurred</Trans>, <Instant key="a" at={event.occurredAt} exact />],
          [<Trans key="r">Received</Trans>, <Instant key="r" at={event.receivedAt} exact />],
          [
            <Trans key="w">Actor</Trans>,
            <span key="w">
              <ActorName actor={event.actor} /> <span className="gh-muted gh-small">{event.actor.type}</span>
            </span>,
          ],
          [
            <Trans key="s2">Signed in with</Trans>,
            assurance.level === null ? '—' : `${assurance.level} · ${assurance.methods.join(', ') || '—'}`,
          ],
          [<Trans key="c">Category</Trans>, event.category],
          [<Trans key="o">Reason</Trans>, event.reason ?? '—'],
          [
            <Trans key="f">From</Trans>,
            'erased' in origin ? (
              <Trans key="f">erased</Trans>
            ) : (
              [origin.ip, origin.service].filter(Boolean).join(' · ') || '—'
            ),
          ],
          [<Trans key="i">Event id</Trans>, <ShortId key="i" value={event.id} keep={8} />],
          [
            <Trans key="t">Targets</Trans>,
            idList(event.targets.map(({ type, id }) => ({ key: `${type}/${id}`, type, id }))),
          ],
          [
            <Trans key="s">Data subjects</Trans>,
            idList(event.subjects.map((id) => ({ key: id, type: null, id }))),
          ],
        ]}
      />
      <details>
        <summary>
          <Trans>Details and decision</Trans>
        </summary>
        <pre className="gh-pre" tabIndex={0}>
          {JSON.stringify({ detail: event.detail, decision: event.decision }, null, 2)}
        </pre>
      </details>
    </Panel>
  );
}

const mostIds = 20;

function idList(ids: readonly { key: string; type: string | null; id: string }[]): ReactNode {
  if (ids.length === 0) return '—';
  return (
    <div className="gh-ids">
      {ids.slice(0, mostIds).map(({ key, type, id }) => (
        <div key={key}>
          {type === null ? null : <span className="gh-muted">{type}</span>} <ShortId value={id} />
        </div>
      ))}
      {ids.length > mostIds ? <span className="gh-muted">+{ids.length - mostIds}</span> : null}
    </div>
  );
}

function EventText(props: { event: TrailEventDetail; view: string; seq: string }) {
  const { t } = useLingui();
  const { view, seq } = props;
  return (
    <Panel>
      <nav className="gh-tabs" aria-label={t`Forms of the event`}>
        <Link to="/trail/$seq" params={{ seq }} search={{}} activeOptions={{ exact: true }}>
          <Trans>Canonical leaf</Trans>
        </Link>
        <Link to="/trail/$seq" params={{ seq }} search={{ view: 'ocsf' }}>
          OCSF
        </Link>
      </nav>
      {view === 'ocsf' ? <OcsfText seq={seq} /> : <LeafText canonical={props.event.canonical} />}
    </Panel>
  );
}

function LeafText(props: { canonical: string }) {
  return (
    <>
      <p className="gh-small gh-muted">
        <Trans>Exactly the bytes that were hashed. Personal data stands in them only as commitments.</Trans>
      </p>
      <pre className="gh-pre" tabIndex={0} data-testid="canonical">
        {readableLeaf(props.canonical)}
      </pre>
    </>
  );
}

function OcsfText(props: { seq: string }) {
  const ocsf = useQuery(
    getQuery<Record<string, unknown>>(`/v1/audit/events/${encodeURIComponent(props.seq)}/ocsf`),
  );
  return (
    <>
      <p className="gh-small gh-muted">
        <Trans>The same event in the attributes of OCSF 1.8.0, as receivers get it.</Trans>
      </p>
      <Loaded query={ocsf}>
        {(data) => (
          <pre className="gh-pre" tabIndex={0} data-testid="ocsf">
            {JSON.stringify(data, null, 2)}
          </pre>
        )}
      </Loaded>
    </>
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
