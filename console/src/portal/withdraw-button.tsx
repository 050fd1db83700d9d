import { Trans } from '@lingui/react/macro';
import { Button } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../api/client.ts';
import { ProblemNotice } from '../ui/problem-notice.tsx';

const withdrawable = new Set(['received', 'verifying', 'verified', 'planned', 'approved']);

/** Lets a person take the request back while nothing has been carried out; asks once more before it does. */
export function WithdrawButton(props: { slug: string; ticket: string; state: string }) {
  const queries = useQueryClient();
  const [asked, setAsked] = useState(false);
  const withdraw = useMutation({
    mutationFn: () =>
      call(`/v1/dsr/portal/${encodeURIComponent(props.slug)}/withdraw`, {
        method: 'POST',
        body: { ticket: props.ticket },
      }),
    onSettled: () => queries.invalidateQueries({ queryKey: ['get'] }),
  });
  if (!withdrawable.has(props.state)) return null;
  return (
    <div className="gh-form">
      {withdraw.isError ? (
        <ProblemNotice error={withdraw.error} notLost={<Trans>Your request goes on.</Trans>} />
      ) : null}
      {asked ? (
        <div className="gh-form-actions">
          <Button size="md" variant="default" onClick={() => setAsked(false)}>
            <Trans>Keep my request</Trans>
          </Button>
          <Button
            size="md"
            variant="default"
            loading={withdraw.isPending}
            onClick={() => withdraw.mutate()}
            data-testid="portal-withdraw"
          >
            <Trans>Yes, take it back</Trans>
          </Button>
        </div>
      ) : (
        <Button size="md" variant="default" onClick={() => setAsked(true)}>
          <Trans>Take my request back</Trans>
        </Button>
      )}
    </div>
  );
}
