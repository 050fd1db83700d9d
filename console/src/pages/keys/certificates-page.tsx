import { Trans, useLingui } from '@lingui/react/macro';
import { Button, NativeSelect } from '@mantine/core';
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { pagesQuery, useMay } from '../../api/queries.ts';
import type { Certificate } from '../../api/types.ts';
import { ListState } from '../../ui/list-state.tsx';
import { Panel } from '../../ui/page.tsx';
import { AuthorityPanel } from './authority-panel.tsx';
import { CertificatePanel } from './certificate-panel.tsx';
import { CertificateTable } from './certificate-table.tsx';
import { profiles, useCertificateWords } from './certificate-words.ts';
import { IssueDialog } from './issue-dialog.tsx';
import { KeysFrame } from './keys-frame.tsx';

const route = getRouteApi('/shell/keys/certificates');
const path = '/v1/crypto/certificates';

/** Who may speak to whom: certificates by their end, and the lists that say which are revoked. */
export function CertificatesPage() {
  const { t } = useLingui();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const queries = useQueryClient();
  const words = useCertificateWords();
  const mayIssue = useMay('crypto.issue');
  const [issuing, setIssuing] = useState(false);
  const profile = profiles.find((one) => one === search.profile);
  const certificates = useInfiniteQuery(
    pagesQuery<Certificate>(
      profile === undefined ? `${path}?limit=200` : `${path}?limit=200&profile=${profile}`,
    ),
  );
  const show = (id: string | undefined): void => {
    void navigate({
      search: { ...(profile === undefined ? {} : { profile }), ...(id === undefined ? {} : { id }) },
    });
  };
  const changed = async (id: string): Promise<void> => {
    setIssuing(false);
    show(id);
    await Promise.all([['pages'], ['get']].map((queryKey) => queries.invalidateQueries({ queryKey })));
  };
  return (
    <KeysFrame
      part="certificates"
      lead={
        <Trans>
          This organisation&apos;s own authority says which machines are its own. Certificates whose key is
          kept here renew by themselves.
        </Trans>
      }
      actions={
        mayIssue ? (
          <Button onClick={() => setIssuing(true)} data-testid="issue">
            <Trans>Issue a certificate…</Trans>
          </Button>
        ) : null
      }
    >
      {search.id === undefined ? null : (
        <CertificatePanel
          key={search.id}
          id={search.id}
          onChanged={changed}
          onClose={() => show(undefined)}
        />
      )}
      <Panel
        title={<Trans>Certificates, the one that ends first on top</Trans>}
        aside={
          <NativeSelect
            size="xs"
            aria-label={t`Use`}
            value={profile ?? ''}
            onChange={(event) => {
              const chosen = event.currentTarget.value;
              void navigate({ search: chosen === '' ? {} : { profile: chosen }, replace: true });
            }}
            data={[
              { value: '', label: t`every use` },
              ...profiles.map((value) => ({ value, label: words.profile(value) })),
            ]}
          />
        }
      >
        <ListState
          query={certificates}
          empty={<Trans>No certificate has been issued</Trans>}
          hint={
            <Trans>
              Issue one for a data service from its certificate request, or one whose key stays sealed here.
              The authority is made with the first.
            </Trans>
          }
        >
          {(rows) => <CertificateTable certificates={rows} chosen={search.id} />}
        </ListState>
      </Panel>
      <AuthorityPanel />
      {issuing ? <IssueDialog onDone={changed} onClose={() => setIssuing(false)} /> : null}
    </KeysFrame>
  );
}
