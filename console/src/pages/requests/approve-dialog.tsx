import { Trans, useLingui } from '@lingui/react/macro';
import { Button, Modal } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { call } from '../../api/client.ts';
import type { PlanDocument, RequestDetail } from '../../api/types.ts';
import { nameOf } from '../../ui/person.ts';
import { ProblemNotice } from '../../ui/problem-notice.tsx';
import { ShortId } from '../../ui/short-id.tsx';

/** Names what the approval will let happen, then signs the plan's hash. */
export function ApproveDialog(props: { request: RequestDetail; onClose: () => void }) {
  const { t } = useLingui();
  const { request } = props;
  const queries = useQueryClient();
  const path = `/v1/dsr/requests/${encodeURIComponent(request.id)}`;
  const planHash = request.plan?.hash ?? '';
  const approve = useMutation({
    mutationFn: () => call(`${path}/approve`, { method: 'POST', body: { planHash } }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ['get', path] });
      props.onClose();
    },
  });
  const totals = (request.plan?.document as PlanDocument | undefined)?.totals ?? {}; // the format the engine seals
  const deleted = totals['delete'] ?? 0;
  const kept = totals['keep'] ?? 0;
  const planner = nameOf(request.plan?.createdBy);
  return (
    <Modal
      opened
      onClose={props.onClose}
      title={t`Approve the erasure`}
      closeButtonProps={{ 'aria-label': t`Close` }}
    >
      <div className="gh-form">
        <p>
          <Trans>
            {deleted} rows will be deleted and {kept} kept by law. The person&apos;s key is destroyed after
            that; nothing brings the data back.
          </Trans>
        </p>
        <p className="gh-small gh-muted">
          <Trans>Planned by {planner}; another person must approve. You sign exactly this plan:</Trans>{' '}
          <ShortId value={planHash} keep={10} />
        </p>
        {approve.isError ? (
          <ProblemNotice
            error={approve.error}
            notLost={<Trans>The plan stands; nothing was deleted.</Trans>}
          />
        ) : null}
        <div className="gh-form-actions">
          <Button variant="default" onClick={props.onClose}>
            <Trans>Cancel</Trans>
          </Button>
          <Button loading={approve.isPending} onClick={() => approve.mutate()} data-testid="approve-confirm">
            <Trans>Approve this plan</Trans>
          </Button>
        </div>
      </div>
    </Modal>
  );
}
