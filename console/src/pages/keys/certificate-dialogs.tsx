import { Trans, useLingui } from '@lingui/react/macro';
import { NativeSelect, PasswordInput, Textarea } from '@mantine/core';
import { useState } from 'react';
import { call } from '../../api/client.ts';
import type { Certificate } from '../../api/types.ts';
import type { BundleCertificateAnswer } from '../../generated/api.ts';
import { fromBase64 } from '../../proof/bytes.ts';
import { ActionDialog } from '../../ui/action-dialog.tsx';
import { saveBlob } from '../../ui/download.ts';
import { revocationReasons, useCertificateWords } from './certificate-words.ts';

type Changes = {
  certificate: Certificate;
  onDone: (id: string) => Promise<void>;
  onClose: () => void;
};

/** Issues the successor; both are good until the older one ends. */
export function RenewDialog(props: Changes) {
  const { t } = useLingui();
  const { certificate } = props;
  const [csr, setCsr] = useState('');
  return (
    <ActionDialog
      title={t`Renew ${certificate.commonName}`}
      confirm={<Trans>Renew</Trans>}
      notLost={<Trans>The certificate is as it was.</Trans>}
      ready={certificate.keyHeld || csr.trim() !== ''}
      testId="renew-dialog"
      run={() =>
        call<Certificate>(`/v1/crypto/certificates/${certificate.id}/renew`, {
          method: 'POST',
          body: csr.trim() === '' ? {} : { csr: csr.trim() },
        })
      }
      onDone={(made) => props.onDone(made.id)}
      onClose={props.onClose}
    >
      <p>
        <Trans>A successor with a new key is issued. Both are good until the older one ends.</Trans>
      </p>
      {certificate.keyHeld ? null : (
        <Textarea
          label={t`Certificate request of the new key, PEM`}
          required
          autosize
          minRows={4}
          maxRows={10}
          value={csr}
          onChange={(event) => setCsr(event.currentTarget.value)}
        />
      )}
    </ActionDialog>
  );
}

/** Revokes it for good, with the reason that the list carries. */
export function RevokeDialog(props: Changes) {
  const { t } = useLingui();
  const { certificate } = props;
  const words = useCertificateWords();
  const [reason, setReason] = useState<string>('unspecified');
  return (
    <ActionDialog
      title={t`Revoke ${certificate.commonName}`}
      confirm={<Trans>Revoke</Trans>}
      notLost={<Trans>The certificate is as it was.</Trans>}
      destructive
      testId="revoke-dialog"
      run={() =>
        call<Certificate>(`/v1/crypto/certificates/${certificate.id}/revoke`, {
          method: 'POST',
          body: { reason },
        })
      }
      onDone={(revoked) => props.onDone(revoked.id)}
      onClose={props.onClose}
    >
      <p>
        <Trans>
          A new list that names it is signed at once, and open connections of it end. Services elsewhere learn
          of it when they read the list. It cannot be taken back.
        </Trans>
      </p>
      <NativeSelect
        label={t`Reason`}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
        data={revocationReasons.map((value) => ({ value, label: words.reason(value) }))}
        data-testid="revocation-reason"
      />
    </ActionDialog>
  );
}

/** Hands out the certificate with its key and chain; shows a password that was made here once. */
export function BundleDialog(props: { certificate: Certificate; onClose: () => void }) {
  const { t } = useLingui();
  const { certificate } = props;
  const [format, setFormat] = useState('pkcs12');
  const [password, setPassword] = useState('');
  const [made, setMade] = useState<string | null>(null);
  const ownPassword = format === 'pkcs12' && password !== '';
  return (
    <ActionDialog
      title={t`Save ${certificate.commonName} with its key`}
      confirm={<Trans>Save the file</Trans>}
      notLost={<Trans>The key has not left the house.</Trans>}
      ready={!ownPassword || password.length >= 12}
      testId="bundle-dialog"
      run={() =>
        call<BundleCertificateAnswer>(`/v1/crypto/certificates/${certificate.id}/bundle`, {
          method: 'POST',
          body: ownPassword ? { format, password } : { format },
        })
      }
      onDone={(bundle) => {
        saveBlob(new Blob([fromBase64(bundle.content)]), bundle.fileName);
        setMade(bundle.password);
        if (bundle.password === null) props.onClose();
      }}
      onClose={props.onClose}
    >
      <p>
        <Trans>Its private key leaves the house in this file. The trail records who took it.</Trans>
      </p>
      <NativeSelect
        label={t`Form`}
        value={format}
        onChange={(event) => setFormat(event.currentTarget.value)}
        data={[
          { value: 'pkcs12', label: t`PKCS #12, under a password` },
          { value: 'pem', label: t`PEM, in clear` },
        ]}
      />
      {format === 'pkcs12' ? (
        <PasswordInput
          label={t`Password`}
          description={t`At least 12 characters; empty: one is made and shown once.`}
          autoComplete="new-password"
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
      ) : null}
      {made === null ? null : (
        <p className="gh-banner" role="status">
          <Trans>
            Saved. Its password, shown this once: <code>{made}</code>
          </Trans>
        </p>
      )}
    </ActionDialog>
  );
}
