import { Trans, useLingui } from '@lingui/react/macro';
import { Button } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/client.ts';
import { sessionQuery, useMay } from '../../api/queries.ts';
import type { Approval, Session } from '../../api/types.ts';
import { digestOfProposal } from '../../proof/approval-digest.ts';
import { ActionDialog } from '../../ui/action-dialog.tsx';
import { Instant } from '../../ui/instant.tsx';
import { PersonName } from '../../ui/person-name.tsx';
import { ReasonField } from '../../ui/reason-field.tsx';
import { ShortId } from '../../ui/short-id.tsx';
import { StateTag } from '../../ui/state-tag.tsx';
import { useKeyWords } from './key-words.ts';
import { ProposalWords } from './proposal-words.tsx';

/** A proposal that waits: what it does, by whom, its digest as this page computes it, and the decision. */
export function ProposalCard(props: { proposal: Approval }) {
  const { proposal } = props;
  const words = useKeyWords();
  const session = useQuery(sessionQuery).data ?? null;
  const [open, setOpen] = useState<'approve' | 'refuse' | null>(null);
  const digest = useQuery({
    queryKey: ['digest', session?.tenant.id, proposal],
    enabled: session !== null,
    queryFn: () => digestOfProposal(session?.tenant.id ?? '', proposal),
    staleTime: Infinity,
  });
  const matches = digest.data === undefined ? null : digest.data === proposal.digest;
  return (
    <article className="gh-proposal" data-testid="proposal" data-id={proposal.id}>
      <h3>{words.action(proposal.action)}</h3>
      <p>
        <ProposalWords action={proposal.action} payload={proposal.payload} />
      </p>
      <p className="gh-small">
        <Trans>
          Reason: <q>{proposal.reason}</q>
        </Trans>
      </p>
      <p className="gh-row gh-small gh-muted">
        <span>
          <Trans>
            proposed by <PersonName id={proposal.proposedBy} /> <Instant at={proposal.proposedAt} />
          </Trans>
        </span>
        <span>
          <Trans>
            runs out <Instant at={proposal.expiresAt} />
          </Trans>
        </span>
        <span>
          <Trans>
            digest <ShortId value={proposal.digest} keep={10} />
          </Trans>
        </span>
        {matches === null ? null : (
          <StateTag tone={matches ? 'good' : 'bad'} testId="digest-check">
            {matches ? (
              <Trans>matches what is shown here</Trans>
            ) : (
              <Trans>does not match what is shown here: do not approve</Trans>
            )}
          </StateTag>
        )}
      </p>
      <Decision
        proposal={proposal}
        session={session}
        honest={matches === true}
        onApprove={() => setOpen('approve')}
        onRefuse={() => setOpen('refuse')}
      />
      {open === 'approve' ? <Approve proposal={proposal} onClose={() => setOpen(null)} /> : null}
      {open === 'refuse' ? (
        <Refuse
          proposal={proposal}
          own={session?.principal.id === proposal.proposedBy}
          onClose={() => setOpen(null)}
        />
      ) : null}
    </article>
  );
}

/** The buttons for who may decide, or why there are none. */
function Decision(props: {
  proposal: Approval;
  session: Session | null;
  honest: boolean;
  onApprove: () => void;
  onRefuse: () => void;
}) {
  const { proposal, session } = props;
  const may = useMay('crypto.approve');
  const own = session?.principal.id === proposal.proposedBy;
  if (!may) {
    return (
      <p className="gh-note" data-testid="why-not">
        <Trans>
          Your roles do not approve changes of keys; a security admin or a DPO who did not propose it does.
        </Trans>
      </p>
    );
  }
  return (
    <div className="gh-row">
      {own ? (
        <p className="gh-note" data-testid="why-not">
          <Trans>
            You proposed this, so you cannot approve it: a second person must. You can take it back.
          </Trans>
        </p>
      ) : (
        <Button size="compact-sm" disabled={!props.honest} onClick={props.onApprove} data-testid="approve">
          <Trans>Approve…</Trans>
        </Button>
      )}
      <Button size="compact-sm" variant="default" onClick={props.onRefuse} data-testid="refuse">
        {own ? <Trans>Take back…</Trans> : <Trans>Refuse…</Trans>}
      </Button>
    </div>
  );
}

function useSettled(onClose: () => void): () => Promise<void> {
  const queries = useQueryClient();
  return async () => {
    onClose();
    // What was carried out shows up in epochs, providers, columns and jobs alike.
    await Promise.all([['get'], ['pages']].map((queryKey) => queries.invalidateQueries({ queryKey })));
  };
}

function Approve(props: { proposal: Approval; onClose: () => void }) {
  const { t } = useLingui();
  const { proposal } = props;
  const words = useKeyWords();
  const settled = useSettled(props.onClose);
  const what = words.action(proposal.action);
  return (
    <ActionDialog
      title={t`Approve: ${what}`}
      confirm={<Trans>Approve this digest</Trans>}
      notLost={<Trans>The proposal stands as it says; look at its state before you try again.</Trans>}
      destructive
      testId="approve-dialog"
      run={() =>
        call(`/v1/crypto/approvals/${proposal.id}/approve`, {
          method: 'POST',
          body: { digest: proposal.digest },
        })
      }
      onDone={settled}
      onClose={props.onClose}
    >
      <p>
        <ProposalWords action={proposal.action} payload={proposal.payload} />
      </p>
      <p className="gh-small gh-muted">
        <Trans>
          It is carried out at once, one time. You approve exactly this digest, computed from what is shown:
        </Trans>
      </p>
      <p className="gh-small">
        <code className="gh-digest">{proposal.digest}</code>
      </p>
    </ActionDialog>
  );
}

function Refuse(props: { proposal: Approval; own: boolean; onClose: () => void }) {
  const { t } = useLingui();
  const { proposal, own } = props;
  const words = useKeyWords();
  const settled = useSettled(props.onClose);
  const [reason, setReason] = useState('');
  const what = words.action(proposal.action);
  return (
    <ActionDialog
      title={own ? t`Take back: ${what}` : t`Refuse: ${what}`}
      confirm={own ? <Trans>Take it back</Trans> : <Trans>Refuse it</Trans>}
      notLost={<Trans>The proposal is still open.</Trans>}
      ready={reason.trim() !== ''}
      testId="refuse-dialog"
      run={() =>
        call(`/v1/crypto/approvals/${proposal.id}/refuse`, {
          method: 'POST',
          body: { reason: reason.trim() },
        })
      }
      onDone={settled}
      onClose={props.onClose}
    >
      <p>
        <Trans>Nothing is carried out. Whoever still wants it proposes it anew.</Trans>
      </p>
      <ReasonField value={reason} onChange={setReason} />
    </ActionDialog>
  );
}
