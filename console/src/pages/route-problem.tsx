import { Trans, useLingui } from '@lingui/react/macro';
import { Link, type ErrorComponentProps } from '@tanstack/react-router';
import { PageFrame } from '../ui/page.tsx';
import { ProblemNotice } from '../ui/problem-notice.tsx';

/** What a page shows when it could not be drawn at all. */
export function RouteProblem(props: ErrorComponentProps) {
  const { t } = useLingui();
  return (
    <PageFrame title={t`This page could not be shown`}>
      <ProblemNotice error={props.error} onRetry={() => location.reload()} />
    </PageFrame>
  );
}

/** An address that no page answers to. */
export function NotFoundPage() {
  const { t } = useLingui();
  return (
    <main>
      <PageFrame
        title={t`There is no such page`}
        lead={<Trans>The address may be cut short, or the page may have moved.</Trans>}
      >
        <p>
          <Link to="/">
            <Trans>To the overview</Trans>
          </Link>
        </p>
      </PageFrame>
    </main>
  );
}
