import { Trans, useLingui } from '@lingui/react/macro';
import { Button } from '@mantine/core';
import type { ReactNode } from 'react';
import { ApiProblem } from '../api/problem.ts';
import { ShortId } from './short-id.tsx';
import { ToneShape } from './state-tag.tsx';

/** What went wrong, by which code and request, and what was not lost. */
export function ProblemNotice(props: { error: unknown; notLost?: ReactNode; onRetry?: () => void }) {
  const { t } = useLingui();
  const problem = props.error instanceof ApiProblem ? props.error : null;
  const offline = problem?.status === 0;
  const title = offline ? t`The server did not answer` : (problem?.title ?? t`Something failed in this page`);
  const fallback = props.error instanceof Error ? props.error.message : String(props.error);
  const detail = offline
    ? t`The network or the server is away. Nothing was sent twice.`
    : (problem?.detail ?? fallback);
  return (
    <div className="gh-problem" role="alert" data-testid="problem">
      <p className="gh-problem-title">
        <ToneShape tone="bad" /> {title}
      </p>
      {detail === '' ? null : <p>{detail}</p>}
      <p className="gh-small gh-muted">
        {props.notLost ?? <Trans>Nothing was changed; what you see elsewhere stays valid.</Trans>}
      </p>
      <p className="gh-small gh-row">
        <code data-testid="problem-code">{problem?.code ?? 'ERR_CONSOLE'}</code>
        {problem?.requestId == null ? null : (
          <span>
            <Trans>request</Trans> <ShortId value={problem.requestId} keep={8} />
          </span>
        )}
        {props.onRetry === undefined ? null : (
          <Button size="compact-sm" variant="default" onClick={props.onRetry}>
            <Trans>Try again</Trans>
          </Button>
        )}
      </p>
    </div>
  );
}
