import { Trans, useLingui } from '@lingui/react/macro';
import { Button } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/client.ts';
import { permissionsQuery } from '../../api/queries.ts';
import type { RequestDetail } from '../../api/types.ts';
import { ProblemNotice } from '../../ui/problem-notice.tsx';
import { ApproveDialog } from './approve-dialog.tsx';
import { RefuseDialog } from './refuse-dialog.tsx';

const refusable = new Set(['received', 'verifying', 'verified', 'planned', 'approved']);

/** What can be done next with a request, by whoever may do it. */
export function RequestActions(props: { request: RequestDetail }) {
  const { request } = props;
  const { t } = useLingui();
  const queries = useQueryClient();
  const permissions = useQuery(permissionsQuery);
  const may = (action: string): boolean => permissions.data?.actions[action] === true;
  const [dialog, setDialog] = useState<'approve' | 'refuse' | null>(null);
  const path = `/v1/dsr/requests/${encodeURIComponent(request.id)}`;
  const step = useMutation({
    mutationFn: (verb: 'plan' | 'execute') => call(`${path}/${verb}`, { method: 'POST', body: {} }),
    onSettled: () => queries.invalidateQueries({ queryKey: ['get', path] }),
  });
  const erasure = request.type === 'erasure';
  const { state } = request;
  const canPlan = may('dsr.plan') && ['verified', 'planned'].includes(state);
  const canApprove = may('dsr.approve') && state === 'planned' && erasure && request.plan !== null;
  const canExecute =
    may('dsr.execute') &&
    (state === 'approved' || state === 'partially_completed' || (state === 'planned' && !erasure));
  return (
    <div className="gh-stack">
      <div className="gh-actions">
        {may('dsr.refuse') && refusable.has(state) ? (
          <Button variant="default" onClick={() => setDialog('refuse')} data-testid="refuse">
            <Trans>Refuse…</Trans>
          </Button>
        ) : null}
        {canPlan ? (
          <Button
            variant={request.plan === null ? 'filled' : 'default'}
            loading={step.isPending && step.variables === 'plan'}
            onClick={() => step.mutate('plan')}
            data-testid="make-plan"
          >
            {request.plan === null ? t`Make the plan` : t`Plan again`}
          </Button>
        ) : null}
        {canApprove ? (
          <Button onClick={() => setDialog('approve')} data-testid="approve">
            <Trans>Approve…</Trans>
          </Button>
        ) : null}
        {canExecute ? (
          <Button
            loading={step.isPending && step.variables === 'execute'}
            onClick={() => step.mutate('execute')}
            data-testid="execute"
          >
            <Trans>Execute</Trans>
          </Button>
        ) : null}
      </div>
      {step.isError ? (
        <ProblemNotice error={step.error} notLost={<Trans>The request stands where it stood.</Trans>} />
      ) : null}
      {dialog === 'approve' ? <ApproveDialog request={request} onClose={() => setDialog(null)} /> : null}
      {dialog === 'refuse' ? <RefuseDialog request={request} onClose={() => setDialog(null)} /> : null}
    </div>
  );
}
