import './trail.css';
import { Trans, useLingui } from '@lingui/react/macro';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { PageFrame } from '../../ui/page.tsx';

/** A page of the trail with the ways to its neighbours. */
export function TrailFrame(props: {
  title: string;
  lead?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}) {
  const { t } = useLingui();
  return (
    <PageFrame title={props.title} lead={props.lead} actions={props.actions} wide>
      <nav className="gh-tabs" aria-label={t`Trail`}>
        <Link to="/trail" activeOptions={{ exact: true, includeSearch: false }}>
          <Trans>Search</Trans>
        </Link>
        <Link to="/trail/live">
          <Trans>Live</Trans>
        </Link>
        <Link to="/trail/views">
          <Trans>Saved views</Trans>
        </Link>
        <Link to="/trail/blast-radius">
          <Trans>Blast radius</Trans>
        </Link>
        <Link to="/trail/evidence">
          <Trans>Evidence</Trans>
        </Link>
        <Link to="/trail/receivers">
          <Trans>Receivers</Trans>
        </Link>
        <Link to="/trail/log">
          <Trans>Log and witnesses</Trans>
        </Link>
        <Link to="/trail/holds">
          <Trans>Legal holds</Trans>
        </Link>
        <Link to="/trail/event-types">
          <Trans>Event types</Trans>
        </Link>
      </nav>
      {props.children}
    </PageFrame>
  );
}
