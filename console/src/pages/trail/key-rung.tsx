import { Trans } from '@lingui/react/macro';
import { useMemo } from 'react';
import { recallKey } from '../../proof/key-memory.ts';
import { Instant } from '../../ui/instant.tsx';
import { ShortId } from '../../ui/short-id.tsx';
import { StateTag } from '../../ui/state-tag.tsx';

/** The key that everything hangs on: the same as this browser first saw, or changed. */
export function KeyRung(props: { vkey: string }) {
  const memory = useMemo(() => recallKey(props.vkey.split('+')[0] ?? '', props.vkey), [props.vkey]);
  return (
    <p className="gh-small gh-muted" data-testid="log-key">
      <Trans>Verifier key</Trans> <ShortId value={props.vkey} keep={12} />
      <br />
      {memory.changed ? (
        <StateTag tone="bad">
          <Trans>
            This is not the key that this browser saw first. Compare it with the key you were given.
          </Trans>
        </StateTag>
      ) : (
        <>
          <Trans>The same key in this browser since</Trans> <Instant at={memory.since} />
        </>
      )}
    </p>
  );
}
