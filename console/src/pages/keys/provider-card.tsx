import { Plural, Trans } from '@lingui/react/macro';
import { Button } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { call } from '../../api/client.ts';
import type { ProviderTrial, RootProvider, RootProviders } from '../../api/types.ts';
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
  const { provider } = props;
  const isActive = provider.state === 'active';
  return (
    <article className="gh-proposal" data-testid={`provider-${provider.name}`}>
      <div className="gh-row">
        <h3>{provider.name}</h3>
        <span className="gh-chip">{provider.kind}</span>
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
        items={Object.entries(provider.shown).map(([name, value]) => [name, <Shown key="v" value={value} />])}
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
