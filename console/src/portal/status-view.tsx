import { Trans, useLingui } from '@lingui/react/macro';
import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { getQuery } from '../api/queries.ts';
import type { PortalStatus } from '../api/types.ts';
import { download } from '../ui/download.ts';
import { LongDate } from '../ui/instant.tsx';
import { Loaded } from '../ui/loaded.tsx';
import { ProblemNotice } from '../ui/problem-notice.tsx';
import { ToneShape } from '../ui/state-tag.tsx';
import { usePortalWords } from './portal-words.ts';
import { WithdrawButton } from './withdraw-button.tsx';

/** The third step: where the request stands, and what can be fetched. */
export function StatusView(props: { slug: string; ticket: string; onCode: () => void }) {
  const path = `/v1/dsr/portal/${encodeURIComponent(props.slug)}/status?ticket=${encodeURIComponent(props.ticket)}`;
  const status = useQuery({ ...getQuery<PortalStatus>(path), refetchInterval: 5_000 });
  return <Loaded query={status}>{(data) => <Status {...props} status={data} />}</Loaded>;
}

const ended = new Set(['completed', 'refused', 'withdrawn', 'expired']);

function Status(props: { slug: string; ticket: string; status: PortalStatus; onCode: () => void }) {
  const { status } = props;
  const words = usePortalWords();
  const unproved = status.state === 'received' || status.state === 'verifying';
  return (
    <div className="gh-form" data-testid="portal-status" data-state={status.state}>
      <h1>{words.state(status.state)}</h1>
      <p>
        {words.wish(status.type)} · <Trans>asked on</Trans> <LongDate at={status.receivedAt} />
        {ended.has(status.state) ? null : (
          <>
            {' · '}
            <Trans>you get an answer by</Trans> <LongDate at={status.dueAt} />
          </>
        )}
      </p>
      {unproved ? (
        <Button size="md" onClick={props.onCode}>
          <Trans>Enter the code</Trans>
        </Button>
      ) : null}
      <Steps status={status} />
      <Downloads {...props} />
      <WithdrawButton slug={props.slug} ticket={props.ticket} state={status.state} />
      <p className="gh-note">
        <Trans>
          Keep the address of this page. Whoever has it can see where your request stands, so do not share it.
        </Trans>
      </p>
    </div>
  );
}

function Steps(props: { status: PortalStatus }) {
  const { t } = useLingui();
  const words = usePortalWords();
  return (
    <ol className="gh-ladder" aria-label={t`Steps`}>
      {props.status.steps.map((step) => (
        <li
          key={step.state}
          className="gh-rung"
          data-state={step.done ? 'verified' : 'waiting'}
          aria-current={step.state === props.status.state ? 'step' : undefined}
        >
          <span className="gh-rung-mark">
            <ToneShape tone={step.done ? 'good' : 'idle'} />
          </span>
          <div className="gh-rung-body">
            <span>
              {words.state(step.state)}
              <span className="gh-hidden">{step.done ? t`: done` : t`: still to come`}</span>
            </span>
            {step.at === null ? null : (
              <span className="gh-muted gh-small">
                <LongDate at={step.at} />
              </span>
            )}
          </div>
        </li>
      ))}
    </ol>
  );
}

function Downloads(props: { slug: string; ticket: string; status: PortalStatus }) {
  const { status } = props;
  const [error, setError] = useState<unknown>(null);
  const base = `/v1/dsr/portal/${encodeURIComponent(props.slug)}`;
  const fetchPackage = (): Promise<void> =>
    download(`${base}/package`, 'my-data.zip', { method: 'POST', body: { ticket: props.ticket } });
  const fetchCertificate = (): Promise<void> =>
    download(`${base}/certificate?ticket=${encodeURIComponent(props.ticket)}`, 'certificate.jws');
  return (
    <>
      {status.packageAvailable ? (
        <div className="gh-form">
          <p>
            <Trans>Your data is ready. For your safety it can be fetched once; save the file.</Trans>
          </p>
          <Button size="md" onClick={() => void fetchPackage().catch(setError)} data-testid="portal-package">
            <Trans>Download my data</Trans>
          </Button>
        </div>
      ) : null}
      {status.certificateAvailable ? (
        <div className="gh-form">
          <p>
            <Trans>This certificate proves what was done. It names nobody; anyone can check it.</Trans>
          </p>
          {status.backupsUntil === null ? null : (
            <p className="gh-note" data-testid="backups-until">
              <Trans>Our backup copies could still hold your data until</Trans>{' '}
              <LongDate at={status.backupsUntil} />
            </p>
          )}
          <Button
            size="md"
            variant="default"
            onClick={() => void fetchCertificate().catch(setError)}
            data-testid="portal-certificate"
          >
            <Trans>Download the certificate</Trans>
          </Button>
        </div>
      ) : null}
      {error === null ? null : (
        <ProblemNotice error={error} notLost={<Trans>What waits for you is still there.</Trans>} />
      )}
    </>
  );
}
