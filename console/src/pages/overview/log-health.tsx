import { Trans } from '@lingui/react/macro';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { getQuery } from '../../api/queries.ts';
import type { LogInfo } from '../../api/types.ts';
import { Instant } from '../../ui/instant.tsx';
import { Loaded } from '../../ui/loaded.tsx';
import { Facts, Panel } from '../../ui/page.tsx';
import { ShortId } from '../../ui/short-id.tsx';

/** Where the log stands: size, last signed checkpoint, root, key. */
export function LogHealth() {
  const log = useQuery({ ...getQuery<LogInfo>('/v1/audit/log'), refetchInterval: 30_000 });
  return (
    <Panel
      title={<Trans>The record</Trans>}
      aside={
        <Link to="/trail" className="gh-small">
          <Trans>Open the trail</Trans>
        </Link>
      }
      testId="log-health"
    >
      <Loaded query={log}>{(info) => <LogFacts info={info} />}</Loaded>
    </Panel>
  );
}

/** The facts of a log. */
export function LogFacts(props: { info: LogInfo }) {
  const { info } = props;
  return (
    <Facts
      items={[
        [<Trans key="e">Events in the log</Trans>, info.size.toLocaleString()],
        [<Trans key="c">Last signed checkpoint</Trans>, <Instant key="c" at={info.checkpointAt} />],
        [<Trans key="r">Root hash</Trans>, <ShortId key="r" value={info.rootHash} keep={8} />],
        [<Trans key="k">Verifier key</Trans>, <ShortId key="k" value={info.vkey} keep={12} />],
        [
          <Trans key="o">Origin</Trans>,
          <span key="o" className="gh-mono">
            {info.origin}
          </span>,
        ],
      ]}
    />
  );
}
