import { Trans, useLingui } from '@lingui/react/macro';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { getQuery, pagesQuery } from '../../api/queries.ts';
import type { KeptCheckpoint, LogInfo, Witnesses } from '../../api/types.ts';
import { DataTable, type Column } from '../../ui/data-table.tsx';
import { Instant } from '../../ui/instant.tsx';
import { ListState } from '../../ui/list-state.tsx';
import { Empty, Loaded } from '../../ui/loaded.tsx';
import { Facts, Panel } from '../../ui/page.tsx';
import { ShortId } from '../../ui/short-id.tsx';
import { StateTag, type Tone } from '../../ui/state-tag.tsx';
import { TrailFrame } from './trail-frame.tsx';

/** Where the log stands, who countersigns it, and how to check all of it without us. */
export function LogPage() {
  const { t } = useLingui();
  const log = useQuery({ ...getQuery<LogInfo>('/v1/audit/log'), refetchInterval: 5_000 });
  const witnesses = useQuery({ ...getQuery<Witnesses>('/v1/audit/witnesses'), refetchInterval: 5_000 });
  return (
    <TrailFrame
      title={t`Log and witnesses`}
      lead={
        <Trans>
          The log grows only at its end. Its checkpoints stand in a platform log, which witnesses outside this
          house countersign: a past that changed would show.
        </Trans>
      }
      actions={
        <a href="/docs/audit/verify">
          <Trans>How to verify without us</Trans>
        </a>
      }
    >
      <div className="gh-columns">
        <div>
          <Panel title={<Trans>The log of this organisation</Trans>} testId="log">
            <Loaded query={log}>{(data) => <LogFacts log={data} />}</Loaded>
          </Panel>
          <Checkpoints />
        </div>
        <div>
          <Panel title={<Trans>Witnesses</Trans>} testId="witnesses">
            <Loaded query={witnesses}>{(data) => <WitnessState state={data} />}</Loaded>
          </Panel>
        </div>
      </div>
    </TrailFrame>
  );
}

function LogFacts(props: { log: LogInfo }) {
  const { log } = props;
  return (
    <>
      <Facts
        items={[
          [<Trans key="s">Events</Trans>, <strong key="s">{log.size}</strong>],
          [<Trans key="c">Newest checkpoint</Trans>, <Instant key="c" at={log.checkpointAt} exact />],
          [<Trans key="r">Root</Trans>, <ShortId key="r" value={log.rootHash} keep={10} />],
          [<Trans key="o">Origin</Trans>, <ShortId key="o" value={log.origin} keep={14} />],
          [<Trans key="p">Platform log</Trans>, `${log.platform.origin} · ${log.platform.size}`],
        ]}
      />
      <h3 className="gh-ladder-part">
        <Trans>Keys to note down outside this house</Trans>
      </h3>
      <ul className="gh-plain">
        {[...log.vkeys, ...log.platform.vkeys].map((vkey) => (
          <li key={vkey}>
            <ShortId value={vkey} keep={22} />{' '}
            <span className="gh-muted gh-small">{vkey.length > 300 ? 'ML-DSA-44' : 'Ed25519'}</span>
          </li>
        ))}
      </ul>
      <p className="gh-small gh-row">
        <a href={`/log/${log.logId}/checkpoint`}>
          <Trans>Checkpoint</Trans>
        </a>
        <a href={`/log/${log.logId}/keys`}>
          <Trans>Keys</Trans>
        </a>
        <a href="/log/platform/checkpoint">
          <Trans>Platform checkpoint</Trans>
        </a>
      </p>
    </>
  );
}

const quorumTones: Record<Witnesses['state'], Tone> = {
  none: 'idle',
  met: 'good',
  behind: 'busy',
  halted: 'bad',
};
const outcomeTones: Record<Witnesses['witnesses'][number]['outcome'], Tone> = {
  cosigned: 'good',
  contradicted: 'bad',
  refused: 'warn',
  unreachable: 'warn',
};

function WitnessState(props: { state: Witnesses }) {
  const { t } = useLingui();
  const { state } = props;
  const words: Record<Witnesses['state'], string> = {
    none: t`no witnesses are set up`,
    met: t`the quorum has countersigned everything`,
    behind: t`the quorum is about to countersign`,
    halted: t`a witness contradicts; nothing more is signed`,
  };
  return (
    <>
      <p>
        <StateTag tone={quorumTones[state.state]}>{words[state.state]}</StateTag>
      </p>
      {state.witnesses.length === 0 ? (
        <Empty title={<Trans>Nobody outside watches</Trans>}>
          <Trans>
            The operator names witnesses in GATEHOUSE_WITNESS_POLICY. Until then, keep checkpoints yourself.
          </Trans>
        </Empty>
      ) : (
        <>
          <p className="gh-small gh-muted">
            <Trans>
              Countersigned {state.witnessedSize} of {state.size} leaves of the platform log.
            </Trans>
          </p>
          <ul className="gh-plain gh-witnesses">
            {state.witnesses.map((witness) => (
              <li key={witness.witness}>
                <StateTag tone={outcomeTones[witness.outcome]}>{witness.witness}</StateTag>
                <span className="gh-small gh-muted">
                  {witness.size} · <Instant at={witness.cosignedAt ?? witness.askedAt} />
                  {witness.outcome === 'cosigned' ? null : ` · ${witness.detail}`}
                </span>
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}

function Checkpoints() {
  const { t } = useLingui();
  const checkpoints = useInfiniteQuery(pagesQuery<KeptCheckpoint>('/v1/audit/log/checkpoints?limit=20'));
  const columns: readonly Column<KeptCheckpoint>[] = [
    { id: 'size', header: <Trans>Events</Trans>, align: 'end', cell: (row) => row.size },
    { id: 'root', header: <Trans>Root</Trans>, cell: (row) => <ShortId value={row.rootHash} keep={10} /> },
    { id: 'at', header: <Trans>Signed</Trans>, cell: (row) => <Instant at={row.signedAt} /> },
  ];
  return (
    <Panel title={<Trans>Checkpoints kept</Trans>}>
      <ListState query={checkpoints} empty={<Trans>None yet</Trans>}>
        {(rows) => (
          <DataTable
            label={t`Checkpoints`}
            columns={columns}
            rows={rows}
            rowKey={(row) => String(row.size)}
          />
        )}
      </ListState>
    </Panel>
  );
}
