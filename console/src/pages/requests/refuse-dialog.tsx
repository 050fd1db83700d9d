import { Trans, useLingui } from '@lingui/react/macro';
import { Button, Modal, Textarea, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { call } from '../../api/client.ts';
import type { RequestDetail } from '../../api/types.ts';
import { ProblemNotice } from '../../ui/problem-notice.tsx';

/** Refuses with the reason that the person will read, and the rule that allows it. */
export function RefuseDialog(props: { request: RequestDetail; onClose: () => void }) {
  const { t } = useLingui();
  const queries = useQueryClient();
  const [reason, setReason] = useState('');
  const [citation, setCitation] = useState('');
  const path = `/v1/dsr/requests/${encodeURIComponent(props.request.id)}`;
  const refuse = useMutation({
    mutationFn: () => call(`${path}/refuse`, { method: 'POST', body: { reason, citation } }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ['get', path] });
      props.onClose();
    },
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    refuse.mutate();
  };
  return (
    <Modal
      opened
      onClose={props.onClose}
      title={t`Refuse the request`}
      closeButtonProps={{ 'aria-label': t`Close` }}
    >
      <form className="gh-form" onSubmit={submit}>
        <Textarea
          label={t`Reason`}
          description={t`The person reads this, with their right to complain.`}
          required
          rows={4}
          maxLength={2000}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        <TextInput
          label={t`Citation`}
          placeholder="GDPR Art. 12(5)(b)"
          required
          maxLength={200}
          value={citation}
          onChange={(event) => setCitation(event.currentTarget.value)}
        />
        {refuse.isError ? (
          <ProblemNotice error={refuse.error} notLost={<Trans>What you entered is still here.</Trans>} />
        ) : null}
        <div className="gh-form-actions">
          <Button variant="default" onClick={props.onClose}>
            <Trans>Cancel</Trans>
          </Button>
          <Button
            type="submit"
            loading={refuse.isPending}
            disabled={reason.trim() === '' || citation.trim() === ''}
            data-testid="refuse-confirm"
          >
            <Trans>Refuse and tell the person</Trans>
          </Button>
        </div>
      </form>
    </Modal>
  );
}
