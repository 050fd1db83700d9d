import { Trans, useLingui } from '@lingui/react/macro';
import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { getQuery, useMay } from '../../api/queries.ts';
import type { CertificateDetail } from '../../api/types.ts';
import { saveBlob } from '../../ui/download.ts';
import { Instant } from '../../ui/instant.tsx';
import { Loaded } from '../../ui/loaded.tsx';
import { Facts, Panel } from '../../ui/page.tsx';
import { ShortId } from '../../ui/short-id.tsx';
import { StateTag } from '../../ui/state-tag.tsx';
import { BundleDialog, RenewDialog, RevokeDialog } from './certificate-dialogs.tsx';
import { certificateTones, useCertificateWords } from './certificate-words.ts';

/** One certificate: what it says, what is wrong with it, and what can be done. */
export function CertificatePanel(props: {
  id: string;
  onChanged: (id: string) => Promise<void>;
  onClose: () => void;
}) {
  const certificate = useQuery(
    getQuery<CertificateDetail>(`/v1/crypto/certificates/${encodeURIComponent(props.id)}`),
  );
  return (
    <Loaded query={certificate}>
      {(data) => <Detail certificate={data} onChanged={props.onChanged} onClose={props.onClose} />}
    </Loaded>
  );
}

function Detail(props: {
  certificate: CertificateDetail;
  onChanged: (id: string) => Promise<void>;
  onClose: () => void;
}) {
  const { t } = useLingui();
  const { certificate } = props;
  const words = useCertificateWords();
  const { inspection } = certificate;
  return (
    <Panel
      title={certificate.commonName}
      aside={
        <Button size="compact-sm" variant="default" onClick={props.onClose}>
          <Trans>Close</Trans>
        </Button>
      }
      testId="certificate"
    >
      <div className="gh-row" data-testid="certificate-state" data-state={certificate.state}>
        <StateTag tone={certificateTones[certificate.state]}>{words.state(certificate.state)}</StateTag>
        {certificate.revokedAt === null ? null : (
          <span className="gh-small gh-muted">
            <Instant at={certificate.revokedAt} />
            {certificate.revocationReason === null ? null : `: ${words.reason(certificate.revocationReason)}`}
          </span>
        )}
        {(certificate.state === 'revoked' ? [] : inspection.findings).map((finding) => (
          <StateTag key={finding} tone="warn">
            {finding}
          </StateTag>
        ))}
      </div>
      <Facts
        items={[
          [t`Use`, words.profile(certificate.profile)],
          [t`Names`, inspection.names === '' ? '—' : inspection.names],
          [t`Ends`, <Instant key="e" at={certificate.notAfter} exact />],
          [t`Good since`, <Instant key="b" at={certificate.notBefore} exact />],
          [t`Issuer`, inspection.issuer],
          [t`Key`, inspection.key],
          [t`Serial`, <ShortId key="s" value={certificate.serial} keep={10} />],
          [t`Fingerprint, SHA-256`, <ShortId key="f" value={certificate.fingerprint} keep={10} />],
        ]}
      />
      <Actions certificate={certificate} onChanged={props.onChanged} />
      <details>
        <summary>
          <Trans>PEM</Trans>
        </summary>
        <pre className="gh-pre">{certificate.certificate}</pre>
      </details>
    </Panel>
  );
}

function Actions(props: { certificate: CertificateDetail; onChanged: (id: string) => Promise<void> }) {
  const { certificate } = props;
  const mayIssue = useMay('crypto.issue');
  const mayRevoke = useMay('crypto.revoke');
  const mayBundle = useMay('crypto.bundle');
  const [open, setOpen] = useState<'renew' | 'revoke' | 'bundle' | null>(null);
  const close = (): void => setOpen(null);
  const done = async (id: string): Promise<void> => {
    close();
    await props.onChanged(id);
  };
  const { state, samlMetadata } = certificate;
  const isLive = state === 'valid' || state === 'due' || state === 'renewed';
  const save = (text: string, type: string, ending: string): void =>
    saveBlob(new Blob([text], { type }), `${certificate.commonName}.${ending}`);
  return (
    <div className="gh-actions">
      <Button
        size="compact-sm"
        variant="default"
        onClick={() => save(certificate.certificate, 'application/x-pem-file', 'pem')}
      >
        <Trans>Save the certificate</Trans>
      </Button>
      {samlMetadata === null ? null : (
        <Button
          size="compact-sm"
          variant="default"
          onClick={() => save(samlMetadata, 'application/samlmetadata+xml', 'xml')}
        >
          <Trans>Save SAML metadata</Trans>
        </Button>
      )}
      {mayBundle && certificate.exportable && isLive ? (
        <Button size="compact-sm" variant="default" onClick={() => setOpen('bundle')} data-testid="bundle">
          <Trans>Save with its key…</Trans>
        </Button>
      ) : null}
      {mayIssue && (state === 'valid' || state === 'due') ? (
        <Button size="compact-sm" variant="default" onClick={() => setOpen('renew')} data-testid="renew">
          <Trans>Renew…</Trans>
        </Button>
      ) : null}
      {mayRevoke && isLive ? (
        <Button size="compact-sm" variant="default" onClick={() => setOpen('revoke')} data-testid="revoke">
          <Trans>Revoke…</Trans>
        </Button>
      ) : null}
      {open === 'renew' ? <RenewDialog certificate={certificate} onDone={done} onClose={close} /> : null}
      {open === 'revoke' ? <RevokeDialog certificate={certificate} onDone={done} onClose={close} /> : null}
      {open === 'bundle' ? <BundleDialog certificate={certificate} onClose={close} /> : null}
    </div>
  );
}
