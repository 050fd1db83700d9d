import { Plural, Trans, useLingui } from '@lingui/react/macro';
import { Button } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { call } from '../../api/client.ts';
import type { ProviderTrial, RootProvider, RootProviders } from '../../api/types.ts';
import type { ReadRootProviderHealthAnswer } from '../../generated/api.ts';
import { Instant } from '../../ui/instant.tsx';
import { Facts } from '../../ui/page.tsx';
import { ProblemNotice } from '../../ui/problem-notice.tsx';
import { StateTag } from '../../ui/state-tag.tsx';
import { TrialSteps } from './trial-steps.tsx';

/** Tries a provider with a key that nobody uses. */
function Trial(props: { name: string; children?: ReactNode }) {
  const { name } = props;
  const trial = useMutation({
    mutationFn: () => call<ProviderTrial>(`/v1/crypto/providers/${name}/test`, { method: 'POST' }),
  });
  return (
    <>
      <div className="gh-row">
        <Button
          size="compact-sm"
          variant="default"
          loading={trial.isPending}
          onClick={() => trial.mutate()}
          data-testid={`try-${name}`}
        >
          <Trans>Try {name}</Trans>
        </Button>
        {props.children}
      </div>
      {trial.isError ? <ProblemNotice error={trial.error} /> : null}
      {trial.data === undefined ? null : <TrialSteps trial={trial.data} />}
    </>
  );
}

/** Whether it answers now; asked again from time to time. */
function Health(props: { name: string }) {
  const { name } = props;
  const health = useQuery({
    queryKey: ['get', `/v1/crypto/providers/${name}/health`],
    queryFn: ({ signal }) =>
      call<ReadRootProviderHealthAnswer>(`/v1/crypto/providers/${name}/health`, { signal }),
    refetchInterval: 30_000,
  });
  if (health.data === undefined) {
    return (
      <StateTag tone={health.isError ? 'bad' : 'busy'}>
        {health.isError ? <Trans>nobody could ask it</Trans> : <Trans>is asked</Trans>}
      </StateTag>
    );
  }
  const { ok, detail } = health.data;
  return (
    <StateTag tone={ok ? 'good' : 'bad'} testId={`health-${name}`}>
      <span className="gh-wrap" title={detail}>
        {ok ? <Trans>answers</Trans> : <Trans>does not answer</Trans>}
      </span>
    </StateTag>
  );
}

/** The provider of the house. */
export function HouseCard(props: {
  house: RootProviders['house'];
  active: boolean;
  mayManage: boolean;
  onUse: () => void;
}) {
  const { house, active } = props;
  return (
    <article className="gh-stack" data-testid="house-provider">
      <div className="gh-row">
        <strong>{house.name}</strong>
        <span className="gh-chip">{house.kind}</span>
        <Health name={house.name} />
        {active ? (
          <StateTag tone="good">
            <Trans>holds your new keys</Trans>
          </StateTag>
        ) : (
          <StateTag tone="idle">
            <Trans>not in use for new keys</Trans>
          </StateTag>
        )}
        {house.development ? (
          <StateTag tone="warn">
            <Trans>for development only</Trans>
          </StateTag>
        ) : null}
      </div>
      {house.development ? (
        <p className="gh-note">
          <Trans>
            A development key lies in the data folder of this machine. Choose a real provider before real data
            comes in: GATEHOUSE_ROOT_PROVIDER, or a key service of your own.
          </Trans>
        </p>
      ) : null}
      {house.sharesNeeded === 0 ? null : (
        <p className="gh-muted">
          <Trans>
            Sealed by shares: after every start {house.sharesNeeded} people each give theirs on the machine
            before anything opens. It is open now.
          </Trans>
        </p>
      )}
      {props.mayManage ? (
        <Trial name={house.name}>
          {active ? null : (
            <Button size="compact-sm" variant="default" onClick={props.onUse}>
              <Trans>Go back to it…</Trans>
            </Button>
          )}
        </Trial>
      ) : null}
    </article>
  );
}

/** A provider that the tenant brought. */
export function ProviderCard(props: {
  provider: RootProvider;
  mayManage: boolean;
  onUse: () => void;
  onRemove: () => void;
}) {
  const { t } = useLingui();
  const { provider } = props;
  const words: Readonly<Record<string, string>> = {
    url: t`Address`,
    keyId: t`Key that wraps new epochs`,
    algorithm: t`Key agreement`,
    replayProtection: t`Request id must be repeated`,
    publicKey: t`Public key to install at the service`,
    keyArn: t`ARN of the key`,
  };
  const isActive = provider.state === 'active';
  return (
    <article className="gh-proposal" data-testid={`provider-${provider.name}`}>
      <div className="gh-row">
        <h3>{provider.name}</h3>
        <span className="gh-chip">{provider.kind}</span>
        <Health name={provider.name} />
        <StateTag tone={isActive ? 'good' : 'idle'}>
          {isActive ? <Trans>holds your new keys</Trans> : <Trans>ready, not in use for new keys</Trans>}
        </StateTag>
        <span className="gh-muted">
          <Plural value={provider.epochs} one="# epoch needs it" other="# epochs need it" />
        </span>
        <span className="gh-small gh-muted">
          <Trans>
            since <Instant at={provider.createdAt} />
          </Trans>
        </span>
      </div>
      <Facts
        items={Object.entries(provider.shown).map(([name, value]) => [
          words[name] ?? name,
          <Shown key="v" value={value} />,
        ])}
      />
      {props.mayManage ? (
        <Trial name={provider.name}>
          {isActive ? null : (
            <Button
              size="compact-sm"
              variant="default"
              onClick={props.onUse}
              data-testid={`use-${provider.name}`}
            >
              <Trans>Let it hold the keys…</Trans>
            </Button>
          )}
          {isActive || provider.epochs > 0 ? null : (
            <Button size="compact-sm" variant="default" onClick={props.onRemove}>
              <Trans>Forget it…</Trans>
            </Button>
          )}
        </Trial>
      ) : null}
    </article>
  );
}

function Shown(props: { value: unknown }) {
  const { value } = props;
  if (typeof value === 'object' && value !== null) {
    return (
      <details>
        <summary>
          <Trans>show</Trans>
        </summary>
        <pre className="gh-pre">{JSON.stringify(value, null, 2)}</pre>
      </details>
    );
  }
  return <code>{String(value)}</code>;
}
