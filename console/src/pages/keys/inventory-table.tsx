import { Trans, useLingui } from '@lingui/react/macro';
import type { InventoryKey } from '../../api/types.ts';
import { DataTable, type Column } from '../../ui/data-table.tsx';
import { Instant } from '../../ui/instant.tsx';
import { ShortId } from '../../ui/short-id.tsx';
import { StateTag, type Tone } from '../../ui/state-tag.tsx';
import { epochTones } from './key-words.ts';
import { useInventoryWords } from './inventory-words.ts';

const toneOf = (state: string): Tone => (epochTones as Readonly<Record<string, Tone>>)[state] ?? 'idle';

/** Keys with age, uses and the next rotation; overdue ones first among what is shown. */
export function InventoryTable(props: { keys: readonly InventoryKey[] }) {
  const { t } = useLingui();
  const words = useInventoryWords();
  const rows = props.keys.toSorted((left, right) => Number(right.overdue) - Number(left.overdue));
  const columns: readonly Column<InventoryKey>[] = [
    { id: 'kind', header: <Trans>Kind</Trans>, cell: (row) => words.kind(row.kind) },
    {
      id: 'id',
      header: <Trans>Key id</Trans>,
      cell: (row) => <ShortId value={row.id} />,
    },
    {
      id: 'scope',
      header: <Trans>For</Trans>,
      cell: (row) => <Scope row={row} />,
    },
    {
      id: 'state',
      header: <Trans>State</Trans>,
      cell: (row) => <StateTag tone={toneOf(row.state)}>{words.state(row.state)}</StateTag>,
    },
    {
      id: 'provider',
      header: <Trans>Root</Trans>,
      cell: (row) => (row.provider === '' ? '—' : row.provider),
    },
    {
      id: 'age',
      header: <Trans>Age, days</Trans>,
      cell: (row) => (
        <span title={row.createdAt}>
          {row.ageDays.toLocaleString()} / {row.cryptoperiodDays.toLocaleString()}
        </span>
      ),
      align: 'end',
    },
    {
      id: 'uses',
      header: <Trans>Uses</Trans>,
      cell: (row) => row.uses?.toLocaleString() ?? '—',
      align: 'end',
    },
    {
      id: 'next',
      header: <Trans>Next rotation</Trans>,
      cell: (row) =>
        row.overdue ? (
          <StateTag tone="bad">
            <span>
              <Trans>
                overdue, was due <Instant at={row.nextRotation} />
              </Trans>
            </span>
          </StateTag>
        ) : (
          <Instant at={row.nextRotation} />
        ),
    },
  ];
  return (
    <DataTable
      label={t`Inventory of keys`}
      columns={columns}
      rows={rows}
      rowKey={(row) => `${row.kind}-${row.id}`}
      testId="inventory"
    />
  );
}

function Scope(props: { row: InventoryKey }) {
  const { t } = useLingui();
  const { kind, scope } = props.row;
  if (kind === 'person_key') return t`one person`;
  return kind === 'purpose_key' ? scope : scope.replace(/^(epoch|signing) /, '');
}
