import { Trans, useLingui } from '@lingui/react/macro';
import { NativeSelect, PasswordInput, Textarea, TextInput } from '@mantine/core';
import { useState } from 'react';
import { call } from '../../api/client.ts';
import { ActionDialog } from '../../ui/action-dialog.tsx';

type Kind = 'hyok' | 'aws-kms';
type Entered = {
  readonly name: string;
  readonly url: string;
  readonly keyId: string;
  readonly algorithm: string;
  readonly bearer: string;
  readonly certificateAuthority: string;
  readonly replayProtection: boolean;
  readonly keyArn: string;
};

const nothing: Entered = {
  name: '',
  url: '',
  keyId: '',
  algorithm: 'RSA-OAEP-256',
  bearer: '',
  certificateAuthority: '',
  replayProtection: true,
  keyArn: '',
};
/** Stands for the id of a key in an address. */
const keyPlace = '{kid}';
const nameForm = /^[a-z][a-z0-9-]{1,39}$/;

function configurationOf(kind: Kind, entered: Entered): object {
  if (kind === 'aws-kms') return { kind, keyArn: entered.keyArn.trim() };
  const { url, keyId, algorithm, bearer, certificateAuthority, replayProtection } = entered;
  return {
    kind,
    url: url.trim(),
    keyId: keyId.trim(),
    algorithm,
    replayProtection,
    ...(bearer === '' ? {} : { bearer }),
    ...(certificateAuthority.trim() === '' ? {} : { certificateAuthority: certificateAuthority.trim() }),
  };
}

/** Lays down a key service of the tenant's own; nothing uses it yet. */
export function AddProviderDialog(props: { onDone: () => void; onClose: () => void }) {
  const { t } = useLingui();
  const [kind, setKind] = useState<Kind>('hyok');
  const [entered, setEntered] = useState(nothing);
  const enter = (next: Partial<Entered>): void => setEntered({ ...entered, ...next });
  const isComplete = kind === 'aws-kms' ? entered.keyArn !== '' : entered.url !== '' && entered.keyId !== '';
  return (
    <ActionDialog
      title={t`Bring your own key service`}
      confirm={<Trans>Lay it down</Trans>}
      notLost={<Trans>What you entered is still here; nothing was stored.</Trans>}
      ready={nameForm.test(entered.name) && isComplete}
      testId="add-provider-dialog"
      run={() =>
        call('/v1/crypto/providers', {
          method: 'POST',
          body: { name: entered.name, configuration: configurationOf(kind, entered) },
        })
      }
      onDone={props.onDone}
      onClose={props.onClose}
    >
      <p className="gh-muted">
        <Trans>
          It is stored and can be tried; two people then decide that it holds your keys. Tokens (PKCS #11) and
          Vault are the operator&apos;s to configure, for the whole house.
        </Trans>
      </p>
      <NativeSelect
        label={t`Kind`}
        value={kind}
        onChange={(event) => setKind(event.currentTarget.value === 'aws-kms' ? 'aws-kms' : 'hyok')}
        data={[
          { value: 'hyok', label: t`Key service at an address of ours (hyok)` },
          { value: 'aws-kms', label: t`Key in our AWS account (aws-kms)` },
        ]}
      />
      <TextInput
        label={t`Name`}
        description={t`Small letters, digits, dashes; it is never used twice.`}
        required
        value={entered.name}
        onChange={(event) => enter({ name: event.currentTarget.value })}
        error={
          entered.name === '' || nameForm.test(entered.name)
            ? null
            : t`2 to 40 small letters, digits and dashes, a letter first`
        }
        data-testid="provider-name"
      />
      {kind === 'hyok' ? (
        <HyokFields entered={entered} onEnter={enter} />
      ) : (
        <TextInput
          label={t`ARN of the key`}
          description={t`A symmetric key whose policy lets this house use it.`}
          placeholder="arn:aws:kms:eu-central-1:123456789012:key/…"
          required
          value={entered.keyArn}
          onChange={(event) => enter({ keyArn: event.currentTarget.value })}
        />
      )}
    </ActionDialog>
  );
}

function HyokFields(props: { entered: Entered; onEnter: (next: Partial<Entered>) => void }) {
  const { t } = useLingui();
  const { entered, onEnter } = props;
  return (
    <>
      <TextInput
        label={t`Address`}
        description={t`${keyPlace} in it is replaced by the id of the key that is asked for.`}
        placeholder="https://keys.example.com/gatehouse/{kid}"
        required
        value={entered.url}
        onChange={(event) => onEnter({ url: event.currentTarget.value })}
        data-testid="provider-url"
      />
      <TextInput
        label={t`Id of the key that wraps new epochs`}
        required
        value={entered.keyId}
        onChange={(event) => onEnter({ keyId: event.currentTarget.value })}
        data-testid="provider-key-id"
      />
      <NativeSelect
        label={t`Key agreement`}
        value={entered.algorithm}
        onChange={(event) => onEnter({ algorithm: event.currentTarget.value })}
        data={['RSA-OAEP-256', 'ECDH-ES']}
      />
      <PasswordInput
        label={t`Bearer secret`}
        description={t`Optional; stored sealed, never shown again.`}
        autoComplete="off"
        value={entered.bearer}
        onChange={(event) => onEnter({ bearer: event.currentTarget.value })}
      />
      <Textarea
        label={t`Certificate authority, PEM`}
        description={t`Optional; then nothing else is trusted for this service.`}
        autosize
        minRows={2}
        maxRows={6}
        value={entered.certificateAuthority}
        onChange={(event) => onEnter({ certificateAuthority: event.currentTarget.value })}
      />
      <label className="gh-check">
        <input
          type="checkbox"
          checked={entered.replayProtection}
          onChange={(event) => onEnter({ replayProtection: event.currentTarget.checked })}
        />
        <Trans>The answer must repeat our request id (jti), so that none is replayed</Trans>
      </label>
    </>
  );
}
