import { Trans, useLingui } from '@lingui/react/macro';
import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { getQuery } from '../../api/queries.ts';
import type { Proof } from '../../api/types.ts';
import { climbLadder, type Rung } from '../../proof/ladder.ts';
import { saveBlob } from '../../ui/download.ts';
import { Loaded } from '../../ui/loaded.tsx';
import { shorten } from '../../ui/short-id.tsx';
import { ToneShape } from '../../ui/state-tag.tsx';
import { KeyRung } from './key-rung.tsx';

/** Fetches the proof of an event and verifies it rung by rung. */
export function Ladder(props: { seq: string; canonical: string }) {
  const proof = useQuery({
    ...getQuery<Proof>(`/v1/audit/events/${encodeURIComponent(props.seq)}/proof`),
    staleTime: Number.POSITIVE_INFINITY,
  });
  return <Loaded query={proof}>{(data) => <Climb proof={data} canonical={props.canonical} />}</Loaded>;
}

/** The ladder as a c2sp.org/tlog-proof file, which other programs verify. */
function proofFile(proof: Proof): string {
  return ['c2sp.org/tlog-proof@v1', `index ${proof.index}`, ...proof.hashes, '', proof.checkpoint].join('\n');
}

function Climb(props: { proof: Proof; canonical: string }) {
  const { proof, canonical } = props;
  const [rungs, setRungs] = useState<readonly Rung[]>([]);
  const [done, setDone] = useState(false);
  const [round, setRound] = useState(0);
  useEffect(() => {
    let alive = true;
    setRungs([]);
    setDone(false);
    const run = async (): Promise<void> => {
      for await (const next of climbLadder(proof, canonical)) {
        if (!alive) return;
        setRungs((before) => [...before, next]);
        await new Promise((resolve) => setTimeout(resolve, 45));
      }
      if (alive) setDone(true);
    };
    void run();
    return () => {
      alive = false;
    };
  }, [proof, canonical, round]);
  const broken = rungs.some((rung) => rung.state === 'broken');
  const verified = done && !broken && rungs.at(-1)?.name === 'signature';
  return (
    <div>
      <Verdict state={broken ? 'bad' : verified ? 'good' : 'busy'} size={proof.treeSize} />
      <ol className="gh-ladder" data-testid="ladder">
        {rungs.map((rung, index) => (
          <RungView
            key={index}
            rung={rung}
            level={rungs.slice(0, index + 1).filter((one) => one.name === 'node').length}
          />
        ))}
      </ol>
      <KeyRung vkey={proof.vkey} />
      <div className="gh-row">
        <Button size="compact-sm" variant="default" onClick={() => setRound(round + 1)} disabled={!done}>
          <Trans>Check again</Trans>
        </Button>
        <Button
          size="compact-sm"
          variant="default"
          onClick={() =>
            saveBlob(new Blob([proofFile(proof)], { type: 'text/plain' }), `${proof.index}.tlog-proof`)
          }
        >
          <Trans>Download the proof</Trans>
        </Button>
        <a className="gh-small" href="/docs/audit/verify">
          <Trans>How to verify without us</Trans>
        </a>
      </div>
    </div>
  );
}

function Verdict(props: { state: 'good' | 'bad' | 'busy'; size: number }) {
  return (
    <p
      className={`gh-verdict gh-verdict-${props.state}`}
      role="status"
      data-testid="proof-verdict"
      data-state={props.state}
    >
      <ToneShape tone={props.state} />
      {props.state === 'good' ? (
        <Trans>Verified: this event stands in the signed log of {props.size} events.</Trans>
      ) : null}
      {props.state === 'bad' ? (
        <Trans>Not verified: the proof is broken at the marked rung. Tell your security admin.</Trans>
      ) : null}
      {props.state === 'busy' ? <Trans>Verifying…</Trans> : null}
    </p>
  );
}

function RungView(props: { rung: Rung; level: number }) {
  const { t } = useLingui();
  const { rung } = props;
  const titles: Record<Rung['name'], string> = {
    entry: t`The bytes shown are the bytes in the log`,
    leaf: t`They hash to the leaf`,
    node: t`Level ${props.level}`,
    root: t`The climb ends at the root of the checkpoint`,
    checkpoint: t`The checkpoint names this log and this size`,
    signature: t`The signature of the checkpoint is the log's (Ed25519)`,
  };
  const side = rung.sibling?.side === 'left' ? t`with the left neighbour` : t`with the right neighbour`;
  return (
    <li className="gh-rung" data-state={rung.state} data-testid={`rung-${rung.name}`}>
      <span className="gh-rung-mark">
        <ToneShape tone={rung.state === 'verified' ? 'good' : 'bad'} />
      </span>
      <div className="gh-rung-body">
        <span>
          {titles[rung.name]}
          <span className="gh-hidden">{rung.state === 'verified' ? t`: holds` : t`: broken`}</span>
          {rung.sibling === undefined ? null : (
            <span className="gh-muted gh-small" title={rung.sibling.hash}>
              {' '}
              {side} <code>{shorten(rung.sibling.hash, 5)}</code>
            </span>
          )}
        </span>
        <span className="gh-rung-hash" title={rung.hash}>
          {rung.hash.length > 40 ? shorten(rung.hash, 12) : rung.hash}
        </span>
        {rung.problem === undefined ? null : <span className="gh-ink-bad">{rung.problem}</span>}
      </div>
    </li>
  );
}
