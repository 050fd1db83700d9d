import { Trans, useLingui } from '@lingui/react/macro';
import { Button, Modal } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { ProblemNotice } from './problem-notice.tsx';

/** A dialog that says what an action touches, runs it (step-up comes in place), and says what was not lost when it fails. */
export function ActionDialog<Result>(props: {
  title: string;
  confirm: ReactNode;
  notLost: ReactNode;
  /** False while something that is needed was not entered. */
  ready?: boolean;
  destructive?: boolean;
  testId: string;
  run: () => Promise<Result>;
  onDone: (result: Result) => void | Promise<void>;
  onClose: () => void;
  children: ReactNode;
}) {
  const { t } = useLingui();
  const action = useMutation({ mutationFn: props.run, onSuccess: props.onDone });
  return (
    <Modal
      opened
      onClose={props.onClose}
      title={props.title}
      closeButtonProps={{ 'aria-label': t`Close` }}
      data-testid={props.testId}
    >
      <form
        className="gh-form"
        onSubmit={(event) => {
          event.preventDefault();
          action.mutate();
        }}
      >
        {props.children}
        {action.isError ? <ProblemNotice error={action.error} notLost={props.notLost} /> : null}
        <div className="gh-form-actions">
          <Button variant="default" onClick={props.onClose}>
            <Trans>Cancel</Trans>
          </Button>
          <Button
            type="submit"
            loading={action.isPending}
            disabled={props.ready === false}
            {...(props.destructive === true ? { className: 'gh-destructive' } : {})}
            data-testid={`${props.testId}-confirm`}
          >
            {props.confirm}
          </Button>
        </div>
      </form>
    </Modal>
  );
}
