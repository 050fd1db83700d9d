import { Trans, useLingui } from '@lingui/react/macro';
import { useQuery } from '@tanstack/react-query';
import { Link, Outlet } from '@tanstack/react-router';
import { permissionsQuery, sessionQuery } from '../api/queries.ts';
import { Palette } from './palette.tsx';
import { visibleSections } from './sections.tsx';
import { UserMenu } from './user-menu.tsx';

/** The sign of the house. */
export function GateSign() {
  return (
    <svg viewBox="0 0 32 32" width="24" height="24" aria-hidden="true">
      <path fill="var(--gh-accent)" d="M4 28V12L16 4l12 8v16h-7v-9a5 5 0 0 0-10 0v9z" />
    </svg>
  );
}

/** The frame of every signed-in page: tenant, sections, palette, person. */
export function Shell() {
  const { t } = useLingui();
  const session = useQuery(sessionQuery);
  const permissions = useQuery(permissionsQuery);
  return (
    <div className="gh-shell">
      <a className="gh-skip" href="#content">
        <Trans>Skip to content</Trans>
      </a>
      <header className="gh-side">
        <div className="gh-brand">
          <GateSign />
          <span>
            Gatehouse
            <small data-testid="tenant-name">{session.data?.tenant.name}</small>
          </span>
        </div>
        <nav className="gh-nav" aria-label={t`Sections`}>
          {visibleSections(permissions.data).map((section) => (
            <Link key={section.to} to={section.to} activeOptions={{ exact: section.to === '/' }}>
              <svg
                viewBox="0 0 16 16"
                width="16"
                height="16"
                fill="none"
                stroke="currentColor"
                strokeWidth="1.3"
                aria-hidden="true"
              >
                <path d={section.icon} />
              </svg>
              {t(section.label)}
            </Link>
          ))}
        </nav>
        <div className="gh-side-foot">
          <Palette permissions={permissions.data} />
          {session.data == null ? null : <UserMenu session={session.data} />}
        </div>
      </header>
      <main id="content" className="gh-main" tabIndex={-1}>
        <Outlet />
      </main>
    </div>
  );
}
