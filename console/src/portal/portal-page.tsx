import { Trans, useLingui } from '@lingui/react/macro';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, useLocation, useNavigate } from '@tanstack/react-router';
import { useEffect } from 'react';
import { getQuery } from '../api/queries.ts';
import type { PortalInfo } from '../api/types.ts';
import { LanguageSwitch } from '../ui/language-switch.tsx';
import { Loaded } from '../ui/loaded.tsx';
import { AskForm } from './ask-form.tsx';
import { CodeForm } from './code-form.tsx';
import { StatusView } from './status-view.tsx';
import { VerifyCertificate } from './verify-certificate.tsx';

const route = getRouteApi('/portal/$slug');

/** Where the person stands; the ticket stays behind the #, which no server and no log ever sees. */
type Place = { readonly ticket: string | null; readonly stage: 'ask' | 'code' | 'status' | 'verify' };

function placeOf(hash: string): Place {
  const fields = new URLSearchParams(hash);
  const ticket = fields.get('ticket');
  const stage = fields.get('stage');
  if (stage === 'verify') return { ticket, stage };
  if (ticket === null) return { ticket: null, stage: 'ask' };
  return { ticket, stage: stage === 'code' ? 'code' : 'status' };
}

/** The portal of a tenant: ask, prove, follow, download, verify. No account, plain words. */
export function PortalPage() {
  const { t } = useLingui();
  const { slug } = route.useParams();
  const navigate = useNavigate();
  const place = placeOf(useLocation().hash);
  const portal = useQuery({
    ...getQuery<PortalInfo>(`/v1/dsr/portal/${encodeURIComponent(slug)}`),
    retry: false,
  });
  const go = (stage: Place['stage'], ticket: string | null): void => {
    const hash = new URLSearchParams({ stage, ...(ticket === null ? {} : { ticket }) }).toString();
    void navigate({ to: '/portal/$slug', params: { slug }, hash: stage === 'ask' ? '' : hash });
    scrollTo(0, 0);
  };
  useEffect(() => {
    document.title =
      portal.data === undefined ? t`Your data` : `${t`Your data`} · ${portal.data.tenant.name}`;
  }, [portal.data, t]);
  return (
    <div className="gh-portal">
      <div className="gh-portal-frame">
        <header className="gh-portal-head">
          <strong data-testid="portal-tenant">{portal.data?.tenant.name ?? slug}</strong>
          <LanguageSwitch />
        </header>
        <main className="gh-stack">
          {portal.isError ? (
            <h1>
              <Trans>This portal cannot be shown</Trans>
            </h1>
          ) : null}
          <Loaded query={portal}>
            {(info) => (
              <>
                {place.stage === 'ask' ? (
                  <AskForm slug={slug} info={info} onAsked={(ticket) => go('code', ticket)} />
                ) : null}
                {place.stage === 'code' && place.ticket !== null ? (
                  <CodeForm
                    slug={slug}
                    ticket={place.ticket}
                    onProved={(ticket) => go('status', ticket)}
                    onBack={() => go('ask', null)}
                  />
                ) : null}
                {place.stage === 'status' && place.ticket !== null ? (
                  <StatusView slug={slug} ticket={place.ticket} onCode={() => go('code', place.ticket)} />
                ) : null}
                {place.stage === 'verify' ? <VerifyCertificate /> : null}
              </>
            )}
          </Loaded>
        </main>
        <footer className="gh-row gh-small">
          {place.stage === 'verify' ? (
            <button
              type="button"
              className="gh-side-button"
              onClick={() => go(place.ticket === null ? 'ask' : 'status', place.ticket)}
            >
              <Trans>Back</Trans>
            </button>
          ) : (
            <button
              type="button"
              className="gh-side-button"
              onClick={() => go('verify', place.ticket)}
              data-testid="portal-verify-link"
            >
              <Trans>Check a certificate you were given</Trans>
            </button>
          )}
        </footer>
      </div>
    </div>
  );
}
