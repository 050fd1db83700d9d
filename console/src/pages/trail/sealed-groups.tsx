import { Trans } from '@lingui/react/macro';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { Commitment, TrailEventDetail } from '../../api/types.ts';
import { opensCommitment } from '../../proof/commitment.ts';
import { Facts, Panel } from '../../ui/page.tsx';
import { ShortId } from '../../ui/short-id.tsx';
import { StateTag } from '../../ui/state-tag.tsx';

type Origin = TrailEventDetail['origin'];

/** Says by which request a group was erased. */
export function ErasedBy(props: { requestId: string | null | undefined }) {
  return (
    <span data-testid="erased" className="gh-row">
      <StateTag tone="idle">
        <Trans>erased</Trans>
      </StateTag>
      {props.requestId == null ? null : (
        <span>
          <Trans>by request</Trans>{' '}
          <Link to="/requests/$id" params={{ id: props.requestId }} className="gh-mono">
            {props.requestId.slice(0, 8)}…
          </Link>
        </span>
      )}
    </span>
  );
}

function originFacts(origin: Origin): readonly (readonly [ReactNode, ReactNode])[] {
  if ('erased' in origin)
    return [[<Trans key="o">Origin</Trans>, <ErasedBy key="o" requestId={origin.requestId} />]];
  return [
    [<Trans key="i">Address</Trans>, origin.ip ?? '—'],
    [<Trans key="u">Program</Trans>, origin.userAgent ?? '—'],
    [<Trans key="s">Through</Trans>, origin.service ?? '—'],
  ];
}

/** The field groups that are sealed under a person's key: opened and checked here, or erased with the key. */
export function SealedGroups(props: { event: TrailEventDetail }) {
  const { event } = props;
  const origin = event.origin as Origin; // the OpenAPI shape
  const erasedBy = 'erased' in origin ? origin.requestId : event.actor.requestId;
  return (
    <Panel title={<Trans>Sealed groups</Trans>} testId="sealed-groups">
      <p className="gh-small gh-muted">
        <Trans>
          The leaf holds only salted hashes of these. Whoever holds the person&apos;s key can open them; when
          the key is destroyed, the proof still holds.
        </Trans>
      </p>
      <Facts items={originFacts(origin)} />
      <ul className="gh-tree">
        {event.commitments.map((commitment) => (
          <li key={commitment.kind} className="gh-row">
            <strong>{commitment.kind === 'actor' ? <Trans>Actor</Trans> : <Trans>Origin</Trans>}</strong>
            <ShortId value={commitment.commitment} keep={8} />
            <CommitmentState commitment={commitment} erasedBy={erasedBy} />
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function CommitmentState(props: { commitment: Commitment; erasedBy: string | null | undefined }) {
  const { commitment } = props;
  const { salt, value } = commitment;
  const opened = useQuery({
    queryKey: ['commitment', commitment.commitment, salt],
    enabled: salt !== null && value !== null,
    queryFn: () => opensCommitment(commitment.commitment, salt ?? '', value ?? ''),
  });
  if (commitment.state === 'erased') return <ErasedBy requestId={props.erasedBy} />;
  if (commitment.state === 'missing') {
    return (
      <StateTag tone="idle">
        <Trans>closed to you</Trans>
      </StateTag>
    );
  }
  if (commitment.state === 'broken' || opened.data === false) {
    return (
      <StateTag tone="bad">
        <Trans>does not match its hash</Trans>
      </StateTag>
    );
  }
  return opened.data === true ? (
    <StateTag tone="good">
      <Trans>opened; matches its hash</Trans>
    </StateTag>
  ) : null;
}
