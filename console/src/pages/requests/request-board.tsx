import { Trans } from '@lingui/react/macro';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { RequestSummary } from '../../api/types.ts';
import { Instant } from '../../ui/instant.tsx';
import { StateTag } from '../../ui/state-tag.tsx';
import { PeriodBar } from '../overview/request-clock.tsx';
import { isOpen, urgencyOf, useRequestWords } from './request-words.ts';

/** Requests in lanes by whose turn it is. */
export function RequestBoard(props: { requests: readonly RequestSummary[] }) {
  const lane = (states: readonly string[]) =>
    props.requests.filter((request) => states.includes(request.state));
  return (
    <div className="gh-board" data-testid="board">
      <Lane title={<Trans>Waiting for the person</Trans>} requests={lane(['received', 'verifying'])} />
      <Lane title={<Trans>To plan</Trans>} requests={lane(['verified'])} />
      <Lane title={<Trans>To approve</Trans>} requests={lane(['planned'])} />
      <Lane
        title={<Trans>To execute and verify</Trans>}
        requests={lane(['approved', 'executing', 'verifying_absence', 'partially_completed'])}
      />
      <Lane title={<Trans>Closed</Trans>} requests={props.requests.filter((request) => !isOpen(request))} />
    </div>
  );
}

function Lane(props: { title: ReactNode; requests: readonly RequestSummary[] }) {
  const words = useRequestWords();
  return (
    <section className="gh-lane">
      <div className="gh-lane-head">
        <h2>{props.title}</h2>
        <span className="gh-muted">{props.requests.length}</span>
      </div>
      {props.requests.map((request) => (
        <Link key={request.id} to="/requests/$id" params={{ id: request.id }} className="gh-card">
          <span className="gh-card-title">{words.type(request.type)}</span>
          <span className="gh-masked">{request.subjectLabel ?? '—'}</span>
          <PeriodBar request={request} />
          <span className="gh-row gh-small">
            <StateTag tone={urgencyOf(request)}>{words.urgency(urgencyOf(request))}</StateTag>
            <Instant at={request.dueAt} />
          </span>
        </Link>
      ))}
    </section>
  );
}
