import { Trans } from '@lingui/react/macro';
import { Button } from '@mantine/core';
import { useState } from 'react';
import { call } from '../../api/client.ts';
import type { BlastRadius } from '../../api/types.ts';
import { saveBlob } from '../../ui/download.ts';
import { ProblemNotice } from '../../ui/problem-notice.tsx';

/** Everything that was touched as a CSV file; fetches every page first. */
export function BlastCsv(props: { query: string; count: number }) {
  const [done, setDone] = useState<number | null>(null);
  const [error, setError] = useState<unknown>(null);
  const save = async (): Promise<void> => {
    const lines = [['kind', 'id', 'events', 'first_seq', 'last_seq'].join(',')];
    let cursor: string | null = null;
    do {
      setDone(lines.length - 1);
      const more: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page: BlastRadius = await call<BlastRadius>(
        `/v1/audit/blast-radius?${props.query}&limit=1000${more}`,
      );
      for (const row of page.subjects) lines.push(csvLine('person', row));
      for (const row of page.records) lines.push(csvLine('record', row));
      cursor = page.nextCursor;
    } while (cursor !== null);
    saveBlob(new Blob([`${lines.join('\r\n')}\r\n`], { type: 'text/csv' }), 'blast-radius.csv');
  };
  const start = (): void => {
    setError(null);
    void save()
      .catch(setError)
      .finally(() => setDone(null));
  };
  return (
    <div className="gh-stack">
      <Button
        size="compact-sm"
        variant="default"
        disabled={done !== null}
        onClick={start}
        data-testid="blast-csv"
      >
        {done === null ? (
          <Trans>Download as CSV</Trans>
        ) : (
          <Trans>
            {done} of {props.count}
          </Trans>
        )}
      </Button>
      {error === null ? null : <ProblemNotice error={error} />}
    </div>
  );
}

/** Quoted; a text that a spreadsheet would take for a formula gets an apostrophe in front. */
function csvLine(kind: string, row: BlastRadius['subjects'][number]): string {
  const id = /^[=+\-@\t\r]/.test(row.id) ? `'${row.id}` : row.id;
  return [kind, `"${id.replaceAll('"', '""')}"`, row.events, row.firstSeq, row.lastSeq].join(',');
}
