import { Trans } from '@lingui/react/macro';
import { Button } from '@mantine/core';
import type { TrailEvent } from '../../api/types.ts';
import { ProblemNotice } from '../../ui/problem-notice.tsx';
import { ToneShape } from '../../ui/state-tag.tsx';
import type { PageProof } from './use-page-proof.ts';

/** The button that verifies the page, and what came out. */
export function PageProofView(props: {
  proof: PageProof;
  rows: readonly TrailEvent[];
  onVerify: () => void;
}) {
  const { proof, rows } = props;
  return (
    <div className="gh-stack">
      <div>
        <Button
          variant="default"
          size="xs"
          disabled={rows.length === 0}
          loading={proof.state === 'busy'}
          onClick={props.onVerify}
          data-testid="verify-page"
        >
          <Trans>Verify these {rows.length} events</Trans>
        </Button>
      </div>
      {proof.error === null ? null : (
        <ProblemNotice
          error={proof.error}
          notLost={<Trans>Nothing was verified; the events stay shown.</Trans>}
        />
      )}
      {proof.state === 'done' ? <Verdict proof={proof} /> : null}
    </div>
  );
}

function Verdict(props: { proof: PageProof }) {
  const { proof } = props;
  const states = [...(proof.rows?.values() ?? [])].map(({ state }) => state);
  const verified = states.filter((state) => state === 'verified').length;
  const later = states.filter((state) => state === 'later').length;
  const broken = states.length - verified - later;
  const bad = broken > 0 || proof.platform === 'broken';
  const names = proof.witnesses.join(', ');
  return (
    <p
      className={`gh-verdict gh-verdict-${bad ? 'bad' : 'good'}`}
      role="status"
      data-testid="page-verdict"
      data-state={bad ? 'bad' : 'good'}
    >
      <ToneShape tone={bad ? 'bad' : 'good'} />
      <span>
        {broken > 0 ? (
          <Trans>{broken} events are not what the log holds. Tell your security admin.</Trans>
        ) : (
          <Trans>
            {verified} events verified at checkpoint {proof.size}
          </Trans>
        )}
        {proof.platform === 'broken' ? (
          <Trans>; the way up to the platform log is broken</Trans>
        ) : names !== '' ? (
          <Trans>, witnessed by {names}</Trans>
        ) : proof.platform === 'verified' ? (
          <Trans>, which stands in the platform log; no witness has cosigned that</Trans>
        ) : (
          <Trans>; the platform log has not taken it up yet</Trans>
        )}
        {later > 0 ? <Trans>; {later} are newer than that checkpoint</Trans> : null}.
      </span>
    </p>
  );
}
