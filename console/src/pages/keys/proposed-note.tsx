import { Trans } from '@lingui/react/macro';
import type { AwaitingSecondPerson } from '../../api/types.ts';
import { Instant } from '../../ui/instant.tsx';
import { ShortId } from '../../ui/short-id.tsx';
import { StateTag } from '../../ui/state-tag.tsx';
import { TabLink } from '../../ui/tab-link.tsx';

/** Says that nothing has happened yet, what was proposed, and who may let it happen. */
export function ProposedNote(props: { proposed: AwaitingSecondPerson }) {
  const { proposed } = props;
  return (
    <div className="gh-banner" role="status" data-testid="proposed">
      <StateTag tone="warn">
        <Trans>Proposed; nothing has happened yet</Trans>
      </StateTag>
      <span>
        <Trans>
          A second person approves exactly the digest <ShortId value={proposed.digest} keep={8} />; it runs
          out <Instant at={proposed.expiresAt} />.
        </Trans>
      </span>
      <TabLink href="/keys/approvals" current={false}>
        <Trans>See approvals</Trans>
      </TabLink>
    </div>
  );
}
