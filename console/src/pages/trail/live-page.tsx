import { Trans, useLingui } from '@lingui/react/macro';
import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useEffect, useReducer } from 'react';
import { getQuery } from '../../api/queries.ts';
import type { ApiProblem } from '../../api/problem.ts';
import type { Page, TrailEvent } from '../../api/types.ts';
import { Empty, Loaded } from '../../ui/loaded.tsx';
import { Panel } from '../../ui/page.tsx';
import { ProblemNotice } from '../../ui/problem-notice.tsx';
import { StateTag } from '../../ui/state-tag.tsx';
import { EventTable } from './event-table.tsx';
import { followTail, type FollowState } from './follow.ts';
import { SearchBox } from './search-box.tsx';
import { TrailFrame } from './trail-frame.tsx';
import { queryOf, withoutTime, type TrailFilter } from './trail-filter.ts';

const route = getRouteApi('/shell/trail/live');
const mostKept = 2_000;

/** Events as they come; a lost connection is taken up where it broke. */
export function LivePage() {
  const { t } = useLingui();
  const filter: TrailFilter = withoutTime(route.useSearch());
  const navigate = route.useNavigate();
  const question = queryOf(filter);
  const before = useQuery({
    ...getQuery<Page<TrailEvent>>(`/v1/audit/events?${question}${question === '' ? '' : '&'}limit=25`),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
  return (
    <TrailFrame
      title={t`Live`}
      lead={<Trans>Events as they come. What arrives while the connection is away arrives afterwards.</Trans>}
    >
      <Panel>
        <SearchBox
          key={question}
          filter={filter}
          onApply={(next) => void navigate({ search: withoutTime(next) })}
        />
      </Panel>
      <Loaded query={before} lines={8}>
        {(page) => <Tail key={question} question={question} filter={filter} before={page.items} />}
      </Loaded>
    </TrailFrame>
  );
}

type Tail = {
  readonly shown: readonly TrailEvent[];
  readonly held: readonly TrailEvent[];
  readonly paused: boolean;
  readonly state: FollowState;
  readonly lastId: number | null;
  readonly arrived: number;
  readonly resumed: number;
  readonly refused: ApiProblem | null;
};
type Change =
  | { readonly kind: 'event'; readonly event: TrailEvent }
  | { readonly kind: 'state'; readonly state: FollowState; readonly lastId: number | null }
  | { readonly kind: 'refused'; readonly error: ApiProblem }
  | { readonly kind: 'pause' };

function changed(tail: Tail, change: Change): Tail {
  switch (change.kind) {
    case 'event': {
      const next = { ...tail, lastId: change.event.seq, arrived: tail.arrived + 1 };
      return tail.paused
        ? { ...next, held: [change.event, ...tail.held].slice(0, mostKept) }
        : { ...next, shown: [change.event, ...tail.shown].slice(0, mostKept) };
    }
    case 'state':
      return {
        ...tail,
        state: change.state,
        lastId: change.lastId,
        resumed: tail.resumed + (tail.state === 'lost' && change.state === 'connecting' ? 1 : 0),
      };
    case 'refused':
      return { ...tail, refused: change.error };
    case 'pause':
      return tail.paused
        ? { ...tail, paused: false, held: [], shown: [...tail.held, ...tail.shown].slice(0, mostKept) }
        : { ...tail, paused: true };
  }
}

function Tail(props: { question: string; filter: TrailFilter; before: readonly TrailEvent[] }) {
  const { question, before } = props;
  const [tail, change] = useReducer(changed, {
    shown: before,
    held: [],
    paused: false,
    state: 'connecting',
    lastId: null,
    arrived: 0,
    resumed: 0,
    refused: null,
  });
  const from = (before[0]?.seq ?? -1) + 1;
  useEffect(
    () =>
      followTail(question, from, {
        onEvent: (event) => change({ kind: 'event', event }),
        onState: (state, lastId) => change({ kind: 'state', state, lastId }),
        onRefused: (error) => change({ kind: 'refused', error }),
      }),
    [question, from],
  );
  return (
    <Panel
      title={<ConnectionTag tail={tail} />}
      aside={
        <div className="gh-row">
          {tail.paused ? (
            <span role="status" className="gh-small" data-testid="held">
              <Trans>{tail.held.length} new while paused</Trans>
            </span>
          ) : null}
          <Button
            size="compact-sm"
            variant="default"
            onClick={() => change({ kind: 'pause' })}
            data-testid="pause"
          >
            {tail.paused ? <Trans>Show them and go on</Trans> : <Trans>Pause</Trans>}
          </Button>
          <Link to="/trail" search={props.filter} className="gh-small">
            <Trans>Back to the search</Trans>
          </Link>
        </div>
      }
    >
      {tail.refused === null ? null : <ProblemNotice error={tail.refused} />}
      {tail.shown.length === 0 ? (
        <Empty title={<Trans>Nothing yet</Trans>}>
          <Trans>The next event that matches appears here by itself.</Trans>
        </Empty>
      ) : (
        <EventTable rows={tail.shown} />
      )}
      <p className="gh-small gh-muted" data-testid="tail-facts">
        <Trans>
          {tail.arrived} arrived since this page was opened; taken up again {tail.resumed} times.
        </Trans>
      </p>
    </Panel>
  );
}

function ConnectionTag(props: { tail: Tail }) {
  const { state, lastId, paused, refused } = props.tail;
  if (refused !== null)
    return (
      <StateTag tone="bad" testId="tail-state">
        <Trans>ended</Trans>
      </StateTag>
    );
  if (state === 'lost')
    return (
      <StateTag tone="warn" testId="tail-state">
        <Trans>connection lost; goes on after event {lastId ?? '—'}</Trans>
      </StateTag>
    );
  if (state === 'connecting')
    return (
      <StateTag tone="busy" testId="tail-state">
        <Trans>connecting</Trans>
      </StateTag>
    );
  return (
    <StateTag tone={paused ? 'idle' : 'good'} testId="tail-state">
      {paused ? <Trans>paused</Trans> : <Trans>following</Trans>}
    </StateTag>
  );
}
