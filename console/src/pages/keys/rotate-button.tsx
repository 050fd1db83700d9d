import { Trans, useLingui } from '@lingui/react/macro';
import { Button, Modal } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/client.ts';
import { useMay } from '../../api/queries.ts';
import { ProblemNotice } from '../../ui/problem-notice.tsx';

/** Starts a new epoch of the tenant's key after saying what that touches. */
export function RotateButton() {
  const { t } = useLingui();
  const queries = useQueryClient();
  const may = useMay('crypto.rotate');
  const [open, setOpen] = useState(false);
  const rotate = useMutation({
    mutationFn: () => call('/v1/crypto/rotate', { method: 'POST', body: {} }),
    onSuccess: async () => {
      setOpen(false);
      await queries.invalidateQueries({ queryKey: ['get', '/v1/crypto/keys'] });
    },
  });
  if (!may) return null;
  return (
    <>
      <Button variant="default" onClick={() => setOpen(true)} data-testid="rotate">
        <Trans>Rotate the tenant key</Trans>
      </Button>
      <Modal
        opened={open}
        onClose={() => setOpen(false)}
        title={t`Rotate the tenant key`}
        closeButtonProps={{ 'aria-label': t`Close` }}
      >
        <div className="gh-form">
          <p>
            <Trans>
              A new epoch begins and the keys of all people are wrapped under it. No data is encrypted again
              and nobody loses access. The trail records it.
            </Trans>
          </p>
          {rotate.isError ? (
            <ProblemNotice error={rotate.error} notLost={<Trans>The current epoch stays in use.</Trans>} />
          ) : null}
          <div className="gh-form-actions">
            <Button variant="default" onClick={() => setOpen(false)}>
              <Trans>Cancel</Trans>
            </Button>
            <Button loading={rotate.isPending} onClick={() => rotate.mutate()} data-testid="rotate-confirm">
              <Trans>Rotate</Trans>
            </Button>
          </div>
        </div>
      </Modal>
    </>
  );
}
