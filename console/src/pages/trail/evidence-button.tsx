import { Trans } from '@lingui/react/macro';
import { Button } from '@mantine/core';
import { useState } from 'react';
import { useMay } from '../../api/queries.ts';
import type { TrailEvent } from '../../api/types.ts';
import { download } from '../../ui/download.ts';
import { ProblemNotice } from '../../ui/problem-notice.tsx';

/**
 * Downloads the evidence pack: the whole log, or with a filter the contiguous run of events that covers the rows shown,
 * because only a run without gaps is provably complete.
 */
export function EvidenceButton(props: { filtered: boolean; rows: readonly TrailEvent[] }) {
  const may = useMay('audit.export');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  if (!may) return null;
  const numbers = props.rows.map((row) => row.seq);
  const range =
    props.filtered && numbers.length > 0 ? { from: Math.min(...numbers), last: Math.max(...numbers) } : null;
  const fetchPack = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    const query = range === null ? '' : `?from=${range.from}&to=${range.last + 1}`;
    await download(`/v1/audit/evidence${query}`, 'evidence.zip').catch(setError);
    setBusy(false);
  };
  return (
    <div className="gh-stack">
      <Button variant="default" loading={busy} onClick={() => void fetchPack()} data-testid="evidence-pack">
        {range === null ? (
          <Trans>Download evidence pack</Trans>
        ) : (
          <Trans>
            Download evidence pack, events {range.from} to {range.last}
          </Trans>
        )}
      </Button>
      {error === null ? null : <ProblemNotice error={error} />}
    </div>
  );
}
