import { Trans, useLingui } from '@lingui/react/macro';
import { useState } from 'react';

/** A command for the administrator's shell, copied by one click. */
export function CommandLine(props: { text: string }) {
  const { t } = useLingui();
  const [copied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(props.text).catch(() => undefined);
    setCopied(true);
    setTimeout(() => setCopied(false), 1200);
  };
  return (
    <span className="gh-command">
      <code>{props.text}</code>
      <button type="button" className="gh-id" onClick={() => void copy()} aria-label={t`Copy the command`}>
        {copied ? <Trans>copied</Trans> : <Trans>copy</Trans>}
      </button>
    </span>
  );
}
