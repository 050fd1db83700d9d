import { Trans, useLingui } from '@lingui/react/macro';
import { Button, Modal, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { call } from '../../api/client.ts';
import type { Grant } from '../../api/types.ts';
import { ProblemNotice } from '../../ui/problem-notice.tsx';

/** Giving or taking one role. */
export type GrantChange = {
  readonly holder: { readonly id: string; readonly name: string };
  readonly role: string;
  readonly grant: Grant | null;
};

/** Names what changes before it changes. */
export function GrantDialog(props: { change: GrantChange; onClose: () => void }) {
  const { t } = useLingui();
  const { holder, role, grant } = props.change;
  const queries = useQueryClient();
  const [reason, setReason] = useState('');
  const apply = useMutation({
    mutationFn: () =>
      grant === null
        ? call('/v1/policy/grants', { method: 'POST', body: { principalId: holder.id, role, reason } })
        : call(`/v1/policy/grants/${grant.id}`, { method: 'DELETE' }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ['pages', '/v1/policy/grants?limit=200'] });
      props.onClose();
    },
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    apply.mutate();
  };
  return (
    <Modal
      opened
      onClose={props.onClose}
      title={grant === null ? t`Give a role` : t`Take a role`}
      closeButtonProps={{ 'aria-label': t`Close` }}
    >
      <form className="gh-form" onSubmit={submit}>
        <p>
          {grant === null ? (
            <Trans>
              {holder.name} will hold <code>{role}</code> from now on.
            </Trans>
          ) : (
            <Trans>
              {holder.name} will lose <code>{role}</code> at once, in every open session.
            </Trans>
          )}
        </p>
        {grant === null ? (
          <TextInput
            label={t`Reason`}
            description={t`Stands in the trail.`}
            required
            maxLength={500}
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
          />
        ) : null}
        {apply.isError ? (
          <ProblemNotice error={apply.error} notLost={<Trans>Every grant is as it was.</Trans>} />
        ) : null}
        <div className="gh-form-actions">
          <Button variant="default" onClick={props.onClose}>
            <Trans>Cancel</Trans>
          </Button>
          <Button
            type="submit"
            loading={apply.isPending}
            disabled={grant === null && reason.trim() === ''}
            data-testid="grant-confirm"
          >
            {grant === null ? t`Give the role` : t`Take the role`}
          </Button>
        </div>
      </form>
    </Modal>
  );
}
