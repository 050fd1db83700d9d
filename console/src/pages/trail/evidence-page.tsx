import { Trans, useLingui } from '@lingui/react/macro';
import { Button, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useState, type FormEvent, type ReactNode } from 'react';
import { call } from '../../api/client.ts';
import { getQuery, useMay } from '../../api/queries.ts';
import type { LogInfo, Page, TrailEvent } from '../../api/types.ts';
import { download } from '../../ui/download.ts';
import { Loaded } from '../../ui/loaded.tsx';
import { Panel } from '../../ui/page.tsx';
import { ProblemNotice } from '../../ui/problem-notice.tsx';
import { SearchBox } from './search-box.tsx';
import { TimeRange } from './time-range.tsx';
import { TrailFrame } from './trail-frame.tsx';
import { queryOf, withoutTime, type TrailFilter } from './trail-filter.ts';

const route = getRouteApi('/shell/trail/evidence');

/** A run of events that a stranger verifies offline; chosen by number or by a search. */
export function EvidencePage() {
  const { t } = useLingui();
  const { first, last, ...filter } = route.useSearch();
  const navigate = route.useNavigate();
  const may = useMay('audit.export');
  const log = useQuery(getQuery<LogInfo>('/v1/audit/log'));
  const setRun = (run: { first: number; last: number }): void =>
    void navigate({ search: { ...filter, first: String(run.first), last: String(run.last) } });
  return (
    <TrailFrame
      title={t`Evidence`}
      lead={
        <Trans>
          A pack is a zip with a run of events without gaps, their proofs, the signed checkpoint and a
          verifier that needs nothing of this house.
        </Trans>
      }
      actions={
        <a href="/docs/audit/verify">
          <Trans>How to verify without us</Trans>
        </a>
      }
    >
      <Panel title={<Trans>What can be proved complete</Trans>}>
        <p className="gh-prose">
          <Trans>
            A run of events is provably complete: every number between its first and its last event is there,
            so nothing can have been left out. A search is not: nobody can prove by hashes that an event which
            is missing from an answer did not match. So a search chooses a run here, from its first to its
            last match, and the pack holds everything in between.
          </Trans>
        </p>
      </Panel>
      <Panel title={<Trans>Choose by a search</Trans>}>
        <SearchBox
          key={queryOf(withoutTime(filter))}
          filter={filter}
          onApply={(next) => void navigate({ search: next })}
        />
        <TimeRange filter={filter} onApply={(next) => void navigate({ search: next })} />
        <RunOfSearch filter={filter} onRun={setRun} />
      </Panel>
      <Panel title={<Trans>The pack</Trans>} testId="pack">
        <Loaded query={log} lines={3}>
          {({ size }) => (
            <RunForm
              key={`${first ?? ''}-${last ?? ''}`}
              first={first ?? '0'}
              last={last ?? String(Math.max(0, size - 1))}
              size={size}
              may={may}
              onRun={setRun}
            />
          )}
        </Loaded>
      </Panel>
    </TrailFrame>
  );
}

function RunOfSearch(props: { filter: TrailFilter; onRun: (run: { first: number; last: number }) => void }) {
  const [busy, setBusy] = useState(false);
  const [found, setFound] = useState<ReactNode>(null);
  const [error, setError] = useState<unknown>(null);
  const search = async (): Promise<void> => {
    const numbers: number[] = [];
    let cursor: string | null = null;
    do {
      const more: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page: Page<TrailEvent> = await call<Page<TrailEvent>>(
        `/v1/audit/events?${queryOf(props.filter)}&limit=200${more}`,
      );
      numbers.push(...page.items.map(({ seq }) => seq));
      cursor = page.nextCursor;
    } while (cursor !== null && numbers.length < 20_000);
    const [first, last] = [numbers.at(-1), numbers[0]];
    if (first === undefined || last === undefined) return setFound(<Trans>No event matches.</Trans>);
    setFound(
      <Trans>
        {numbers.length} matches in a run of {last - first + 1} events.
      </Trans>,
    );
    props.onRun({ first, last });
  };
  const start = (): void => {
    setBusy(true);
    setError(null);
    void search()
      .catch(setError)
      .finally(() => setBusy(false));
  };
  if (queryOf(props.filter) === '') return null;
  return (
    <div className="gh-row">
      <Button size="xs" variant="default" loading={busy} onClick={start} data-testid="run-of-search">
        <Trans>Take its first to its last match</Trans>
      </Button>
      <span role="status" className="gh-small">
        {found}
      </span>
      {error === null ? null : <ProblemNotice error={error} />}
    </div>
  );
}

function RunForm(props: {
  first: string;
  last: string;
  size: number;
  may: boolean;
  onRun: (run: { first: number; last: number }) => void;
}) {
  const { t } = useLingui();
  const [first, setFirst] = useState(props.first);
  const [last, setLast] = useState(props.last);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [from, to] = [Number(first), Number(last)];
  const valid =
    Number.isSafeInteger(from) && Number.isSafeInteger(to) && from >= 0 && from <= to && to < props.size;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (!valid) return;
    props.onRun({ first: from, last: to });
    setBusy(true);
    setError(null);
    void download(`/v1/audit/evidence?from=${from}&to=${to + 1}`, 'evidence.zip')
      .catch(setError)
      .finally(() => setBusy(false));
  };
  return (
    <form className="gh-form" onSubmit={submit}>
      <div className="gh-filters">
        <TextInput
          label={t`First event`}
          type="number"
          min={0}
          size="xs"
          value={first}
          onChange={(event) => setFirst(event.currentTarget.value)}
        />
        <TextInput
          label={t`Last event`}
          type="number"
          min={0}
          size="xs"
          value={last}
          onChange={(event) => setLast(event.currentTarget.value)}
          error={valid ? undefined : t`from 0 to ${props.size - 1}, the first not behind the last`}
        />
        {props.may ? (
          <Button type="submit" size="xs" loading={busy} disabled={!valid} data-testid="pack-download">
            <Trans>Download {valid ? to - from + 1 : 0} events</Trans>
          </Button>
        ) : null}
      </div>
      {props.may ? null : (
        <p className="gh-muted">
          <Trans>Downloading packs needs the right audit.export, which auditors have.</Trans>
        </p>
      )}
      <p className="gh-small gh-muted">
        <Trans>Whoever gets it runs: node verify.mjs inside the unpacked folder.</Trans>
      </p>
      {error === null ? null : <ProblemNotice error={error} />}
    </form>
  );
}
