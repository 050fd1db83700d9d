import { Plural, Trans } from '@lingui/react/macro';
import { Button } from '@mantine/core';
import { useState } from 'react';
import type { RequestDetail } from '../../api/types.ts';
import { download } from '../../ui/download.ts';
import { Instant, LongDate } from '../../ui/instant.tsx';
import { Panel } from '../../ui/page.tsx';
import { ProblemNotice } from '../../ui/problem-notice.tsx';
import { ShortId } from '../../ui/short-id.tsx';
import { StateTag, type Tone } from '../../ui/state-tag.tsx';
import { useRequestWords } from './request-words.ts';

function absenceTone(state: string, findings: number): Tone {
  if (findings > 0 || state === 'left_behind') return 'bad';
  return state === 'clean' ? 'good' : 'busy';
}

/** How it ended: the independent scan, the certificate, the package. */
export function Outcome(props: { request: RequestDetail }) {
  const { request } = props;
  const words = useRequestWords();
  const [error, setError] = useState<unknown>(null);
  const { absence, certificate } = request;
  if (absence === null && certificate === null && request.package === null) return null;
  const findings = absence?.findings.length ?? 0;
  return (
    <Panel title={<Trans>Outcome</Trans>} testId="outcome">
      <div className="gh-stack">
        {absence === null ? null : (
          <div data-testid="absence">
            <StateTag tone={absenceTone(absence.state, findings)}>
              <Trans>Absence: {words.state(absence.state)}</Trans>
            </StateTag>
            <p className="gh-small gh-muted">
              {findings === 0 ? (
                <Trans>
                  An independent scan looked through every mapped table for the person&apos;s identifiers.
                </Trans>
              ) : (
                <Plural
                  value={findings}
                  one="# place still names the person."
                  other="# places still name the person."
                />
              )}
            </p>
            {findings === 0 ? null : (
              <pre className="gh-pre" tabIndex={0}>
                {JSON.stringify(absence.findings, null, 2)}
              </pre>
            )}
          </div>
        )}
        {certificate === null ? null : (
          <div className="gh-row" data-testid="certificate">
            <StateTag tone="good">
              <Trans>Certificate issued</Trans>
            </StateTag>
            <Instant at={certificate.issuedAt} />
            <ShortId value={certificate.id} />
            <Button
              size="compact-sm"
              variant="default"
              onClick={() =>
                void download(
                  `/v1/dsr/requests/${request.id}/certificate`,
                  `certificate-${request.id}.jws`,
                ).catch(setError)
              }
            >
              <Trans>Download the certificate</Trans>
            </Button>
          </div>
        )}
        {certificate === null || certificate.backupsUntil === null ? null : (
          <p className="gh-small gh-muted" data-testid="backups-until">
            <Trans>Backups could bring the person back until</Trans>{' '}
            <LongDate at={certificate.backupsUntil} />
          </p>
        )}
        {request.package === null ? null : (
          <p className="gh-small">
            <Trans>The package waits for the person until</Trans>{' '}
            <Instant at={request.package.expiresAt} exact />.{' '}
            {request.package.downloadedAt === null ? (
              <Trans>Not downloaded yet.</Trans>
            ) : (
              <Trans>Downloaded.</Trans>
            )}
          </p>
        )}
        {error === null ? null : <ProblemNotice error={error} />}
      </div>
    </Panel>
  );
}
