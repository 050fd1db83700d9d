import { Trans, useLingui } from '@lingui/react/macro';
import type { Rung } from '../../proof/ladder.ts';
import { Instant } from '../../ui/instant.tsx';
import { shorten } from '../../ui/short-id.tsx';
import { ToneShape } from '../../ui/state-tag.tsx';

const tones = { verified: 'good', broken: 'bad', absent: 'idle' } as const;

/** One rung: what was computed here, and whether it holds. */
export function RungView(props: { rung: Rung; level: number }) {
  const { t } = useLingui();
  const { rung } = props;
  const title = useTitle(rung, props.level);
  const side = rung.sibling?.side === 'left' ? t`with the left neighbour` : t`with the right neighbour`;
  const words = { verified: t`: holds`, broken: t`: broken`, absent: t`: absent` };
  return (
    <li className="gh-rung" data-state={rung.state} data-testid={`rung-${rung.name}`}>
      <span className="gh-rung-mark">
        <ToneShape tone={tones[rung.state]} />
      </span>
      <div className="gh-rung-body">
        <span>
          {title}
          <span className="gh-hidden">{words[rung.state]}</span>
          {rung.sibling === undefined ? null : (
            <span className="gh-muted gh-small" title={rung.sibling.hash}>
              {' '}
              {side} <code>{shorten(rung.sibling.hash, 5)}</code>
            </span>
          )}
        </span>
        <RungHash rung={rung} />
        {rung.problem === undefined ? null : <span className="gh-ink-bad">{rung.problem}</span>}
      </div>
    </li>
  );
}

function RungHash(props: { rung: Rung }) {
  const { hash, name, state } = props.rung;
  if (name === 'witness') {
    return (
      <span className="gh-small gh-muted">
        {state === 'verified' ? (
          <>
            <Trans>seen</Trans> <Instant at={hash === '' ? null : hash} exact />
          </>
        ) : null}
        {state === 'absent' ? (
          <Trans>no cosignature of this checkpoint that a browser can check</Trans>
        ) : null}
      </span>
    );
  }
  return (
    <span className="gh-rung-hash" title={hash}>
      {hash.length > 40 && /^[0-9a-f]+$/.test(hash) ? shorten(hash, 12) : hash}
    </span>
  );
}

function useTitle(rung: Rung, level: number): string {
  const { t } = useLingui();
  switch (rung.name) {
    case 'entry':
      return t`The bytes shown are the bytes in the log`;
    case 'leaf':
      return t`They hash to the leaf`;
    case 'node':
    case 'platform-node':
      return t`Level ${level}`;
    case 'root':
    case 'platform-root':
      return t`The climb ends at the root of the checkpoint`;
    case 'checkpoint':
    case 'platform-checkpoint':
      return t`The checkpoint names this log and this size`;
    case 'signature':
      return t`The signature of the checkpoint is the log's (Ed25519)`;
    case 'commitment':
      return t`A leaf of the platform log is the hash of that checkpoint`;
    case 'platform-signature':
      return t`The signature is the platform log's (Ed25519)`;
    case 'witness':
      return t`Cosigned by ${rung.witness ?? ''}`;
  }
}
