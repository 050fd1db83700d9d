import { Trans } from '@lingui/react/macro';
import { Link } from '@tanstack/react-router';
import type { TrailEventDetail } from '../../api/types.ts';
import { Panel } from '../../ui/page.tsx';
import { shorten } from '../../ui/short-id.tsx';

/** Trace id of a W3C traceparent; null when there is none. */
export function traceOf(traceparent: string | null): string | null {
  return /^[0-9a-f]{2}-([0-9a-f]{32})-/.exec(traceparent ?? '')?.[1] ?? null;
}

/** Everything that belongs to an event: the same session, request, trace, person, actor. */
export function RelatedLinks(props: { event: TrailEventDetail }) {
  const { event } = props;
  const trace = traceOf(event.traceparent);
  return (
    <Panel title={<Trans>What belongs to it</Trans>} testId="related">
      <ul className="gh-related">
        <li>
          <span>
            <Trans>Actor</Trans>
          </span>
          <Link to="/trail/actors/$id" params={{ id: event.actor.id }} data-testid="to-timeline">
            <Trans>timeline</Trans>
          </Link>
          <Link to="/trail" search={{ actor: event.actor.id }}>
            <Trans>all events</Trans>
          </Link>
          <Link to="/trail/blast-radius" search={{ actor: event.actor.id }}>
            <Trans>blast radius</Trans>
          </Link>
        </li>
        {event.session === null ? null : (
          <li>
            <span>
              <Trans>Session</Trans> <code>{shorten(event.session, 4)}</code>
            </span>
            <Link to="/trail" search={{ session: event.session }}>
              <Trans>all events</Trans>
            </Link>
            <Link to="/trail/blast-radius" search={{ session: event.session }} data-testid="to-blast">
              <Trans>blast radius</Trans>
            </Link>
          </li>
        )}
        {event.requestId === null ? null : (
          <li>
            <span>
              <Trans>Request</Trans> <code>{shorten(event.requestId, 4)}</code>
            </span>
            <Link to="/trail" search={{ request: event.requestId }}>
              <Trans>all events</Trans>
            </Link>
          </li>
        )}
        {trace === null ? null : (
          <li>
            <span>
              <Trans>Trace</Trans> <code>{shorten(trace, 4)}</code>
            </span>
            <Link to="/trail/traces/$id" params={{ id: trace }} data-testid="to-trace">
              <Trans>in order, across services</Trans>
            </Link>
          </li>
        )}
        {event.subjects.slice(0, 5).map((subject) => (
          <li key={subject}>
            <span>
              <Trans>Person</Trans> <code>{shorten(subject, 4)}</code>
            </span>
            <Link to="/trail" search={{ subject }}>
              <Trans>history</Trans>
            </Link>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
