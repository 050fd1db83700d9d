import { Trans, useLingui } from '@lingui/react/macro';
import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useMemo, useState } from 'react';
import { call } from '../../api/client.ts';
import { ApiProblem } from '../../api/problem.ts';
import { getQuery } from '../../api/queries.ts';
import type { LogInfo, PlatformProof, Proof, TrailEventDetail, Witnesses } from '../../api/types.ts';
import { climbLadder, type ProofInput, type Rung } from '../../proof/ladder.ts';
import { climbPlatform, type PlatformInput } from '../../proof/platform-ladder.ts';
import { parseTlogProof } from '../../proof/tlog-proof.ts';
import { download } from '../../ui/download.ts';
import { Loaded } from '../../ui/loaded.tsx';
import { ProblemNotice } from '../../ui/problem-notice.tsx';
import { ToneShape } from '../../ui/state-tag.tsx';
import { KeyRung } from './key-rung.tsx';
import { RungView } from './rung-view.tsx';
import { withKeys } from './use-page-proof.ts';

/** Both halves of the way up; the second is there once the platform log has taken the event up. */
type Way = { readonly proof: ProofInput; readonly platform: PlatformInput | null };

/** Fetches the proofs of an event and verifies them rung by rung. */
export function Ladder(props: { event: TrailEventDetail }) {
  const { event } = props;
  const way = useQuery({
    queryKey: ['ladder', event.seq],
    queryFn: () => fetchWay(event),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
  return (
    <Loaded query={way}>
      {(data) => (
        <Climb way={data} canonical={event.canonical} seq={event.seq} onAgain={() => void way.refetch()} />
      )}
    </Loaded>
  );
}

async function fetchWay(event: TrailEventDetail): Promise<Way> {
  const address = `/v1/audit/events/${event.seq}`;
  const anchored = await call<PlatformProof>(`${address}/platform-proof`).catch((error: unknown) => {
    if (error instanceof ApiProblem && error.status === 404) return null;
    throw error;
  });
  if (anchored === null) return { proof: await call<Proof>(`${address}/proof`), platform: null };
  const [log, known] = await Promise.all([
    call<LogInfo>('/v1/audit/log'),
    call<Witnesses>('/v1/audit/witnesses'),
  ]);
  const { index, hashes, checkpoint, size } = parseTlogProof(anchored.event);
  const { leafHash } = event;
  const proof = {
    index,
    treeSize: size,
    leafHash,
    hashes,
    entry: anchored.entry,
    checkpoint,
    vkey: log.vkey,
  };
  return { proof, platform: { ...anchored, checkpoint, witnesses: withKeys(known) } };
}

async function* climbAll({ proof, platform }: Way, canonical: string): AsyncGenerator<Rung> {
  let whole = false;
  for await (const rung of climbLadder(proof, canonical)) {
    whole = rung.name === 'signature' && rung.state === 'verified';
    yield rung;
  }
  if (whole && platform !== null) yield* climbPlatform(platform);
}

function Climb(props: { way: Way; canonical: string; seq: number; onAgain: () => void }) {
  const { way, canonical, seq } = props;
  const [rungs, setRungs] = useState<readonly Rung[]>([]);
  const [done, setDone] = useState(false);
  const [round, setRound] = useState(0);
  useEffect(() => {
    let alive = true;
    setRungs([]);
    setDone(false);
    const run = async (): Promise<void> => {
      for await (const next of climbAll(way, canonical)) {
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
  }, [way, canonical, round]);
  const broken = rungs.some((rung) => rung.state === 'broken');
  const verified = done && !broken && rungs.some(({ name }) => name === 'signature');
  return (
    <div>
      <Verdict state={broken ? 'bad' : verified ? 'good' : 'busy'} size={way.proof.treeSize} rungs={rungs} />
      <Rungs rungs={rungs} platform={way.platform !== null} done={done} />
      <KeyRung vkey={way.proof.vkey} />
      <div className="gh-row">
        <Button
          size="compact-sm"
          variant="default"
          onClick={() => (way.platform === null ? props.onAgain() : setRound(round + 1))}
          disabled={!done}
        >
          <Trans>Check again</Trans>
        </Button>
        <ProofDownload seq={seq} />
        <a className="gh-small" href="/docs/audit/verify">
          <Trans>How to verify without us</Trans>
        </a>
      </div>
    </div>
  );
}

/** The proof as a c2sp.org/tlog-proof file with every signature, which other programs verify. */
function ProofDownload(props: { seq: number }) {
  const [error, setError] = useState<unknown>(null);
  const save = (): void => {
    setError(null);
    void download(`/v1/audit/events/${props.seq}/tlog-proof`, `${props.seq}.tlog-proof`).catch(setError);
  };
  return (
    <>
      <Button size="compact-sm" variant="default" onClick={save} data-testid="tlog-proof">
        <Trans>Download .tlog-proof</Trans>
      </Button>
      {error === null ? null : <ProblemNotice error={error} />}
    </>
  );
}

function Rungs(props: { rungs: readonly Rung[]; platform: boolean; done: boolean }) {
  const { rungs } = props;
  const witnesses = useQuery(getQuery<Witnesses>('/v1/audit/witnesses'));
  const isPlatform = ({ name }: Rung): boolean => name === 'commitment' || name.startsWith('platform-');
  const parts = useMemo(
    () => ({
      log: rungs.filter((rung) => !isPlatform(rung) && rung.name !== 'witness'),
      platform: rungs.filter(isPlatform),
      witnesses: rungs.filter(({ name }) => name === 'witness'),
    }),
    [rungs],
  );
  return (
    <div data-testid="ladder">
      <RungList title={<Trans>In the log of this organisation</Trans>} rungs={parts.log} />
      {parts.platform.length === 0 ? null : (
        <RungList title={<Trans>Its checkpoint in the platform log</Trans>} rungs={parts.platform} />
      )}
      {parts.witnesses.length === 0 ? null : (
        <RungList title={<Trans>Witnesses outside</Trans>} rungs={parts.witnesses} />
      )}
      {props.done && !props.platform ? (
        <p className="gh-small gh-muted">
          <Trans>The platform log takes this checkpoint up within a second or two; check again then.</Trans>
        </p>
      ) : null}
      {props.done && props.platform && witnesses.data?.state === 'none' ? (
        <p className="gh-small gh-muted" data-testid="no-witness">
          <Trans>No witnesses are set up, so nobody outside has countersigned the platform log.</Trans>
        </p>
      ) : null}
    </div>
  );
}

function RungList(props: { title: React.ReactNode; rungs: readonly Rung[] }) {
  const { rungs } = props;
  const isNode = ({ name }: Rung): boolean => name === 'node' || name === 'platform-node';
  return (
    <>
      <h3 className="gh-ladder-part">{props.title}</h3>
      <ol className="gh-ladder">
        {rungs.map((rung, index) => (
          <RungView key={index} rung={rung} level={rungs.slice(0, index + 1).filter(isNode).length} />
        ))}
      </ol>
    </>
  );
}

function Verdict(props: { state: 'good' | 'bad' | 'busy'; size: number; rungs: readonly Rung[] }) {
  const { t } = useLingui();
  const { rungs } = props;
  const names = rungs
    .filter(({ name, state }) => name === 'witness' && state === 'verified')
    .map(({ witness }) => witness)
    .join(', ');
  const anchored = rungs.some(({ name, state }) => name === 'platform-signature' && state === 'verified');
  return (
    <p
      className={`gh-verdict gh-verdict-${props.state}`}
      role="status"
      data-testid="proof-verdict"
      data-state={props.state}
    >
      <ToneShape tone={props.state} />
      {props.state === 'good' ? (
        <span>
          <Trans>Verified: this event stands in the signed log of {props.size} events</Trans>
          {anchored ? t`, which stands in the platform log` : null}
          {names === '' ? null : t`, witnessed by ${names}`}.
        </span>
      ) : null}
      {props.state === 'bad' ? (
        <Trans>Not verified: the proof is broken at the marked rung. Tell your security admin.</Trans>
      ) : null}
      {props.state === 'busy' ? <Trans>Verifying…</Trans> : null}
    </p>
  );
}
