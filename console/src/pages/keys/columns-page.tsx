import { Trans } from '@lingui/react/macro';
import { useInfiniteQuery } from '@tanstack/react-query';
import { pagesQuery } from '../../api/queries.ts';
import type { ColumnMigration } from '../../api/types.ts';
import { ListState } from '../../ui/list-state.tsx';
import { Panel } from '../../ui/page.tsx';
import { ColumnCard } from './column-card.tsx';
import { CommandLine } from './command-line.tsx';
import { KeysFrame } from './keys-frame.tsx';

const watchingMilliseconds = 2_000;
const restingMilliseconds = 20_000;

/** Whether a step of a migration is at work right now. */
export function isWorkedOn({ workedOnUntil }: ColumnMigration): boolean {
  return workedOnUntil !== null && Date.parse(workedOnUntil) > Date.now();
}

/** Columns of live tables on their way from plaintext to ciphertext. */
export function ColumnsPage() {
  const migrations = useInfiniteQuery({
    ...pagesQuery<ColumnMigration>('/v1/crypto/column-migrations'),
    refetchInterval: (query) =>
      query.state.data?.pages.some(({ items }) => items.some(isWorkedOn)) === true
        ? watchingMilliseconds
        : restingMilliseconds,
  });
  return (
    <KeysFrame
      part="columns"
      lead={
        <Trans>
          An existing column is encrypted while its table stays in use. Until the plaintext is dropped, every
          step can be taken back.
        </Trans>
      }
    >
      <Panel title={<Trans>Columns on their way to ciphertext</Trans>}>
        <ListState
          query={migrations}
          empty={<Trans>No column is being encrypted</Trans>}
          hint={
            <>
              <Trans>
                Name the new column in the data map, then let the administrator begin at the command line; the
                steps of this organisation follow here.
              </Trans>
              <CommandLine text="gatehouse crypto migrate-column plan SERVICE.COLLECTION.FIELD" />
            </>
          }
        >
          {(rows) => (
            <div className="gh-stack">
              {rows.map((row) => (
                <ColumnCard key={row.id} migration={row} />
              ))}
            </div>
          )}
        </ListState>
      </Panel>
    </KeysFrame>
  );
}
