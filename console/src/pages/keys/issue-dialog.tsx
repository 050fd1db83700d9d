import { Trans, useLingui } from '@lingui/react/macro';
import { NativeSelect, Textarea, TextInput } from '@mantine/core';
import { useState } from 'react';
import { call } from '../../api/client.ts';
import type { Certificate } from '../../api/types.ts';
import type { IssueCertificateBody } from '../../generated/api.ts';
import { ActionDialog } from '../../ui/action-dialog.tsx';
import { profiles, useCertificateWords } from './certificate-words.ts';

type Entered = {
  readonly profile: Certificate['profile'];
  readonly commonName: string;
  readonly names: string;
  readonly days: string;
  readonly key: 'here' | 'csr';
  readonly csr: string;
  readonly exportable: boolean;
};

/** What a line of names means by its form: an address, a URI, else a host name. */
export function nameOfLine(line: string): { kind: 'dns' | 'ip' | 'uri'; value: string } {
  if (line.includes('://')) return { kind: 'uri', value: line };
  const isAddress = /^\d{1,3}(\.\d{1,3}){3}$/.test(line) || line.includes(':');
  return { kind: isAddress ? 'ip' : 'dns', value: line };
}

function bodyOf(entered: Entered): IssueCertificateBody {
  const { profile, commonName, days, key, csr, exportable } = entered;
  const names = entered.names
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map(nameOfLine);
  const isSaml = profile === 'saml-signing';
  return {
    profile,
    commonName: commonName.trim(),
    ...(names.length === 0 ? {} : { names }),
    ...(days.trim() === '' ? {} : { days: Number(days) }),
    ...(key === 'csr' ? { csr: csr.trim(), ...(isSaml ? { selfSigned: false } : {}) } : { exportable }),
  };
}

/** Issues a certificate, with a key made and kept here or from a request whose key stays elsewhere. */
export function IssueDialog(props: { onDone: (id: string) => Promise<void>; onClose: () => void }) {
  const { t } = useLingui();
  const words = useCertificateWords();
  const [entered, setEntered] = useState<Entered>({
    profile: 'mtls-server',
    commonName: '',
    names: '',
    days: '',
    key: 'here',
    csr: '',
    exportable: false,
  });
  const enter = (next: Partial<Entered>): void => setEntered({ ...entered, ...next });
  const needsNames = entered.profile !== 'saml-signing' && entered.key === 'here';
  return (
    <ActionDialog
      title={t`Issue a certificate`}
      confirm={<Trans>Issue</Trans>}
      notLost={<Trans>What you entered is still here; nothing was issued.</Trans>}
      ready={
        entered.commonName.trim() !== '' &&
        (entered.key === 'here' || entered.csr.trim() !== '') &&
        (!needsNames || entered.names.trim() !== '')
      }
      testId="issue-dialog"
      run={() => call<Certificate>('/v1/crypto/certificates', { method: 'POST', body: bodyOf(entered) })}
      onDone={(made) => props.onDone(made.id)}
      onClose={props.onClose}
    >
      <NativeSelect
        label={t`Use`}
        value={entered.profile}
        onChange={(event) =>
          enter({ profile: profiles.find((one) => one === event.currentTarget.value) ?? 'mtls-server' })
        }
        data={profiles.map((value) => ({ value, label: words.profile(value) }))}
      />
      <TextInput
        label={t`Name`}
        required
        maxLength={64}
        value={entered.commonName}
        onChange={(event) => enter({ commonName: event.currentTarget.value })}
        data-testid="common-name"
      />
      <Textarea
        label={t`Names it is good for`}
        description={t`One a line: a host name, an IP address, or a URI. A request that asks for more is refused.`}
        required={needsNames}
        autosize
        minRows={2}
        maxRows={6}
        value={entered.names}
        onChange={(event) => enter({ names: event.currentTarget.value })}
        data-testid="names"
      />
      <TextInput
        type="number"
        min={1}
        label={t`Days`}
        description={t`Empty: as usual for its use (90 for TLS, 730 for SAML).`}
        value={entered.days}
        onChange={(event) => enter({ days: event.currentTarget.value })}
      />
      <KeyChoice entered={entered} onEnter={enter} />
    </ActionDialog>
  );
}

function KeyChoice(props: { entered: Entered; onEnter: (next: Partial<Entered>) => void }) {
  const { t } = useLingui();
  const { entered, onEnter } = props;
  return (
    <>
      <fieldset className="gh-options">
        <legend>
          <Trans>Its key</Trans>
        </legend>
        <label className="gh-option">
          <input
            type="radio"
            name="key"
            checked={entered.key === 'here'}
            onChange={() => onEnter({ key: 'here' })}
          />
          <span>
            <Trans>made here and kept sealed</Trans>
            <small>
              <Trans>It renews by itself.</Trans>
            </small>
          </span>
        </label>
        <label className="gh-option">
          <input
            type="radio"
            name="key"
            checked={entered.key === 'csr'}
            onChange={() => onEnter({ key: 'csr' })}
          />
          <span>
            <Trans>from a certificate request</Trans>
            <small>
              <Trans>The key never leaves the machine that made it.</Trans>
            </small>
          </span>
        </label>
      </fieldset>
      {entered.key === 'csr' ? (
        <Textarea
          label={t`Certificate request, PEM`}
          required
          autosize
          minRows={4}
          maxRows={10}
          value={entered.csr}
          onChange={(event) => onEnter({ csr: event.currentTarget.value })}
        />
      ) : (
        <label className="gh-check">
          <input
            type="checkbox"
            checked={entered.exportable}
            onChange={(event) => onEnter({ exportable: event.currentTarget.checked })}
          />
          <Trans>The key may be saved to a file later</Trans>
        </label>
      )}
    </>
  );
}
