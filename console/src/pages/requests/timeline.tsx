import type { RequestDetail } from '../../api/types.ts';
import { Instant } from '../../ui/instant.tsx';
import { Who } from '../../ui/who.tsx';
import { useRequestWords } from './request-words.ts';

/** What happened to the request, oldest first. */
export function Timeline(props: { request: RequestDetail }) {
  const words = useRequestWords();
  return (
    <ol className="gh-timeline" data-testid="timeline">
      {props.request.timeline.map((step, index) => (
        <li key={index}>
          <strong>{words.state(step.state)}</strong>
          <div className="gh-small gh-muted">
            <Instant at={step.at} /> · <Who value={step.actor} />
          </div>
          {step.note === null ? null : <div className="gh-small">{step.note}</div>}
        </li>
      ))}
    </ol>
  );
}
