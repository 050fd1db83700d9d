import { Trans } from '@lingui/react/macro';
import { Button } from '@mantine/core';
import { useInfiniteQuery, useMutation, useQuery } from '@tanstack/react-query';
import { call } from '../../api/client.ts';
import { getQuery, pagesQuery } from '../../api/queries.ts';
import type { LedgerEntry, Page } from '../../api/types.ts';
import type { ReadShredLedgerStateAnswer } from '../../generated/api.ts';
import { saveBlob } from '../../ui/download.ts';
import { ListState } from '../../ui/list-state.tsx';
import { Loaded } from '../../ui/loaded.tsx';
import { Panel } from '../../ui/page.tsx';
import { ProblemNotice } from '../../ui/problem-notice.tsx';
import { csvOf } from '../../ui/csv.ts';
import { StateTag } from '../../ui/state-tag.tsx';
import { CommandLine } from './command-line.tsx';
import { KeysFrame } from './keys-frame.tsx';
import { LedgerTable } from './ledger-table.tsx';

const path = '/v1/crypto/ledger';
/** What the API says when there is nothing more to say. */
const agreement = 'agrees with the database';

/** Every destroyed key: why, by whom, and where the trail proves it. */
export function LedgerPage() {
  const state = useQuery(getQuery<ReadShredLedgerStateAnswer>(`${path}/state`));
  const ledger = useInfiniteQuery(pagesQuery<LedgerEntry>(path));
  return (
    <KeysFrame
      part="ledger"
      lead={
        <Trans>
          Every key that was destroyed leaves a line here, in the trail, and in a signed file outside the
          database. After a restore the house destroys these keys again before it serves anybody.
        </Trans>
      }
    >
      <Panel title={<Trans>Outside the database</Trans>} testId="ledger-state">
        <Loaded query={state} lines={1}>
          {({ ok, detail }) => (
            <div className="gh-stack">
              {ok && detail === agreement ? (
                <StateTag tone="good">
                  <Trans>The signed files and the database agree</Trans>
                </StateTag>
              ) : (
                <StateTag tone={ok ? 'warn' : 'bad'}>
                  <span className="gh-wrap">{detail}</span>
                </StateTag>
              )}
              {ok ? null : <CommandLine text="gatehouse crypto reconcile" />}
            </div>
          )}
        </Loaded>
      </Panel>
      <Panel title={<Trans>Shred ledger</Trans>} aside={<Export />}>
        <ListState
          query={ledger}
          empty={<Trans>No key has been destroyed</Trans>}
          hint={
            <Trans>
              Each erasure leaves a line here: which key, by which request, and where the trail proves it.
            </Trans>
          }
        >
          {(rows) => <LedgerTable entries={rows} />}
        </ListState>
      </Panel>
    </KeysFrame>
  );
}

/** Reads the whole ledger page by page and saves it as a table. */
function Export() {
  const save = useMutation({
    mutationFn: async () => {
      const entries: LedgerEntry[] = [];
      let cursor: string | null = null;
      do {
        const next: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
        const page: Page<LedgerEntry> = await call(`${path}?limit=200${next}`);
        entries.push(...page.items);
        cursor = page.nextCursor;
      } while (cursor !== null);
      saveBlob(new Blob([ledgerCsv(entries)], { type: 'text/csv' }), 'shred-ledger.csv');
    },
  });
  return (
    <>
      <Button
        size="compact-sm"
        variant="default"
        loading={save.isPending}
        onClick={() => save.mutate()}
        data-testid="ledger-export"
      >
        <Trans>Save as CSV</Trans>
      </Button>
      {save.isError ? <ProblemNotice error={save.error} /> : null}
    </>
  );
}

function ledgerCsv(entries: readonly LedgerEntry[]): string {
  return csvOf([
    ['shredded_at', 'kid', 'epoch', 'subject_hash', 'request', 'reason', 'actor_kind', 'actor', 'id'],
    ...entries.map((one) => [
      one.shreddedAt,
      one.kid,
      String(one.epoch),
      one.subjectHash,
      one.requestId,
      one.reason,
      one.actor.kind,
      one.actor.id,
      one.id,
    ]),
  ]);
}
