import { Trans } from '@lingui/react/macro';
import { Button } from '@mantine/core';
import { useState } from 'react';

/** A secret that is shown this once. */
export function SecretOnce(props: { name: string; secret: string | null; onDone: () => void }) {
  const [copied, setCopied] = useState(false);
  const { secret } = props;
  return (
    <div className="gh-form gh-form-wide" role="status" data-testid="sink-created">
      <p>
        <Trans>The receiver “{props.name}” is set up and gets its first events now.</Trans>
      </p>
      {secret === null ? null : (
        <>
          <p>
            <strong>
              <Trans>Its signing secret, shown this once:</Trans>
            </strong>
          </p>
          <code className="gh-secret" data-testid="signing-secret">
            {secret}
          </code>
          <p className="gh-small gh-muted">
            <Trans>Give it to the receiver. If it is lost, give the receiver a new one on its page.</Trans>
          </p>
        </>
      )}
      <div className="gh-form-actions">
        {secret === null ? null : (
          <Button
            variant="default"
            onClick={() => void navigator.clipboard.writeText(secret).then(() => setCopied(true))}
          >
            {copied ? <Trans>Copied</Trans> : <Trans>Copy</Trans>}
          </Button>
        )}
        <Button onClick={props.onDone} data-testid="sink-done">
          <Trans>Done</Trans>
        </Button>
      </div>
    </div>
  );
}
