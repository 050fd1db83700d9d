import { Trans, useLingui } from '@lingui/react/macro';
import { Link } from '@tanstack/react-router';
import type { RequestSummary } from '../../api/types.ts';
import { Empty } from '../../ui/loaded.tsx';
import { isOpen, urgencyOf, useRequestWords } from '../requests/request-words.ts';
import { StateTag } from '../../ui/state-tag.tsx';
import { Instant } from '../../ui/instant.tsx';

function elapsedShare(request: RequestSummary): number {
  if (request.dueAt === null) return 0;
  const from = Date.parse(request.receivedAt);
  const to = Date.parse(request.dueAt);
  return Math.min(100, Math.max(1, ((Date.now() - from) / Math.max(1, to - from)) * 100));
}

/** The line of a legal period: how much of it has run. */
export function PeriodBar(props: { request: RequestSummary }) {
  const { t } = useLingui();
  const share = Math.round(elapsedShare(props.request));
  const tone = urgencyOf(props.request);
  return (
    <svg
      className={`gh-clock-track gh-ink-${tone}`}
      role="img"
      aria-label={t`${share} % of the legal period has run`}
      preserveAspectRatio="none"
      viewBox="0 0 100 6"
    >
      <rect width={share} height="6" fill="currentColor" />
    </svg>
  );
}

/** Open requests by deadline, the nearest first. */
export function RequestClock(props: { requests: readonly RequestSummary[] }) {
  const words = useRequestWords();
  const open = props.requests
    .filter(isOpen)
    .toSorted(
      (left, right) => Date.parse(left.dueAt ?? '9999-01-01') - Date.parse(right.dueAt ?? '9999-01-01'),
    )
    .slice(0, 8);
  if (open.length === 0) {
    return (
      <Empty title={<Trans>No request is waiting</Trans>}>
        <Trans>When a person asks, the clock of the law starts here.</Trans>
      </Empty>
    );
  }
  return (
    <div>
      {open.map((request) => (
        <div key={request.id} className="gh-clock-row">
          <Link to="/requests/$id" params={{ id: request.id }}>
            {words.type(request.type)} · {request.subjectLabel ?? '—'}
          </Link>
          <PeriodBar request={request} />
          <StateTag tone={urgencyOf(request)}>
            <Instant at={request.dueAt} />
          </StateTag>
        </div>
      ))}
    </div>
  );
}
