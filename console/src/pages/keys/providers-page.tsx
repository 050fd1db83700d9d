import { Trans, useLingui } from '@lingui/react/macro';
import { Button } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/client.ts';
import { getQuery, useMay } from '../../api/queries.ts';
import type { AwaitingSecondPerson, RootProviders } from '../../api/types.ts';
import { ActionDialog } from '../../ui/action-dialog.tsx';
import { Empty, Loaded } from '../../ui/loaded.tsx';
import { Panel } from '../../ui/page.tsx';
import { ReasonField } from '../../ui/reason-field.tsx';
import { AddProviderDialog } from './add-provider-dialog.tsx';
import { KeysFrame, openApprovals } from './keys-frame.tsx';
import { ProposedNote } from './proposed-note.tsx';
import { HouseCard, ProviderCard } from './provider-card.tsx';

const path = '/v1/crypto/providers?limit=200';

/** Who holds the root: the house, or key services that the tenant brought and can take away again. */
export function ProvidersPage() {
  const queries = useQueryClient();
  const mayManage = useMay('crypto.manage_providers');
  const providers = useQuery(getQuery<RootProviders>(path));
  const [adding, setAdding] = useState(false);
  const [moving, setMoving] = useState<string | null>(null);
  const [removing, setRemoving] = useState<string | null>(null);
  const [proposed, setProposed] = useState<AwaitingSecondPerson | null>(null);
  const changed = (): void => {
    setAdding(false);
    setRemoving(null);
    void queries.invalidateQueries({ queryKey: ['get', path] });
  };
  return (
    <KeysFrame
      part="providers"
      lead={
        <Trans>
          Who holds the root, outside the database. A key service of your own can be taken away: within five
          minutes nothing of this organisation opens.
        </Trans>
      }
      actions={
        mayManage ? (
          <Button onClick={() => setAdding(true)} data-testid="add-provider">
            <Trans>Bring your own…</Trans>
          </Button>
        ) : null
      }
    >
      {proposed === null ? null : <ProposedNote proposed={proposed} />}
      <Loaded query={providers}>
        {(data) => {
          const active = data.items.find(({ state }) => state === 'active');
          return (
            <>
              <Panel title={<Trans>The house&apos;s provider</Trans>}>
                <HouseCard
                  house={data.house}
                  active={active === undefined}
                  mayManage={mayManage}
                  onUse={() => setMoving(data.house.name)}
                />
              </Panel>
              <Panel title={<Trans>Your own</Trans>} testId="own-providers">
                {data.items.length === 0 ? (
                  <Empty title={<Trans>You have brought no key service of your own</Trans>}>
                    <Trans>
                      Bring one when you want to be able to withdraw your keys from this house: an HTTPS
                      endpoint of yours, or a key in your AWS account. Nothing uses it until two people say
                      so.
                    </Trans>
                  </Empty>
                ) : (
                  <div className="gh-stack">
                    {data.items.map((one) => (
                      <ProviderCard
                        key={one.name}
                        provider={one}
                        mayManage={mayManage}
                        onUse={() => setMoving(one.name)}
                        onRemove={() => setRemoving(one.name)}
                      />
                    ))}
                  </div>
                )}
              </Panel>
            </>
          );
        }}
      </Loaded>
      {adding ? <AddProviderDialog onDone={changed} onClose={() => setAdding(false)} /> : null}
      {moving === null ? null : (
        <MoveDialog
          name={moving}
          onDone={(answer) => {
            setMoving(null);
            setProposed(answer);
            void queries.invalidateQueries({ queryKey: ['get', openApprovals] });
          }}
          onClose={() => setMoving(null)}
        />
      )}
      {removing === null ? null : (
        <RemoveDialog name={removing} onDone={changed} onClose={() => setRemoving(null)} />
      )}
    </KeysFrame>
  );
}

function MoveDialog(props: {
  name: string;
  onDone: (proposed: AwaitingSecondPerson) => void;
  onClose: () => void;
}) {
  const { t } = useLingui();
  const { name } = props;
  const [reason, setReason] = useState('');
  return (
    <ActionDialog
      title={t`Let ${name} hold the keys`}
      confirm={<Trans>Propose the change</Trans>}
      notLost={<Trans>The root provider is as it was.</Trans>}
      ready={reason.trim() !== ''}
      testId="move-provider"
      run={() =>
        call<AwaitingSecondPerson>(`/v1/crypto/providers/${name}/activate`, {
          method: 'POST',
          body: { reason: reason.trim() },
        })
      }
      onDone={props.onDone}
      onClose={props.onClose}
    >
      <p>
        <Trans>
          When a second person approves, it is tried, a new epoch begins under it, and every data key is
          wrapped again. Older epochs need their own provider until they are retired.
        </Trans>
      </p>
      <ReasonField value={reason} onChange={setReason} />
    </ActionDialog>
  );
}

function RemoveDialog(props: { name: string; onDone: () => void; onClose: () => void }) {
  const { t } = useLingui();
  const { name } = props;
  return (
    <ActionDialog
      title={t`Forget ${name}`}
      confirm={<Trans>Forget it</Trans>}
      notLost={<Trans>It is still configured.</Trans>}
      destructive
      testId="remove-provider"
      run={() => call(`/v1/crypto/providers/${name}`, { method: 'DELETE' })}
      onDone={props.onDone}
      onClose={props.onClose}
    >
      <p>
        <Trans>
          Its address and secrets are forgotten. It is refused while an epoch still needs it. The name is
          never used again.
        </Trans>
      </p>
    </ActionDialog>
  );
}
