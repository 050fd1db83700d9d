import { Trans, useLingui } from '@lingui/react/macro';
import type { FieldView } from '../../api/types.ts';
import { DataTable, type Column } from '../../ui/data-table.tsx';
import { StateTag } from '../../ui/state-tag.tsx';
import { useRequestWords } from '../requests/request-words.ts';

/** How a field rests, in words: under whose key and which indexes. */
export function encryptionOf(field: FieldView): {
  kind: 'none' | 'subject' | 'tenant';
  purpose: string;
  indexes: string;
} {
  const { encryption } = field;
  if (encryption.mode === 'none') return { kind: 'none', purpose: '', indexes: '' };
  const indexes = encryption.indexes.map((index) => index.kind).join(', ');
  if (encryption.scope === 'subject') return { kind: 'subject', purpose: '', indexes };
  return { kind: 'tenant', purpose: encryption.scope.tenantPurpose, indexes };
}

function Rest(props: { field: FieldView }) {
  const { kind, purpose, indexes } = encryptionOf(props.field);
  if (kind === 'none') return <span className="gh-muted">—</span>;
  return (
    <span>
      {kind === 'subject' ? (
        <Trans>under the person&apos;s key</Trans>
      ) : (
        <Trans>under the tenant&apos;s key {purpose}</Trans>
      )}
      {indexes === '' ? null : <span className="gh-muted gh-small"> · {indexes}</span>}
    </span>
  );
}

/** The fields of a collection. */
export function FieldTable(props: { fields: readonly FieldView[] }) {
  const { t } = useLingui();
  const words = useRequestWords();
  const columns: readonly Column<FieldView>[] = [
    {
      id: 'name',
      header: <Trans>Field</Trans>,
      cell: (row) => (
        <span className="gh-nowrap">
          <code>{row.name}</code> <span className="gh-muted gh-small">{row.type}</span>
        </span>
      ),
    },
    {
      id: 'category',
      header: <Trans>Category</Trans>,
      cell: (row) => <span className="gh-small">{row.categories.join(', ') || '—'}</span>,
    },
    {
      id: 'sensitivity',
      header: <Trans>Sensitivity</Trans>,
      cell: (row) =>
        row.sensitivity === 'none' ? (
          <span className="gh-muted">—</span>
        ) : (
          <StateTag tone={row.sensitivity === 'sensitive' ? 'warn' : 'idle'}>
            {row.sensitivity === 'sensitive' ? t`sensitive` : t`personal`}
          </StateTag>
        ),
    },
    { id: 'rest', header: <Trans>Encrypted</Trans>, cell: (row) => <Rest field={row} /> },
    {
      id: 'mask',
      header: <Trans>Mask</Trans>,
      cell: (row) => (row.mask === 'none' ? <span className="gh-muted">—</span> : row.mask),
    },
    {
      id: 'erasure',
      header: <Trans>On erasure</Trans>,
      cell: (row) => (
        <span title={row.erasure.exemption?.citation}>
          {words.action(row.erasure.action)}
          {row.erasure.exemption === undefined ? null : (
            <span className="gh-muted gh-small"> · {row.erasure.exemption.code}</span>
          )}
        </span>
      ),
    },
  ];
  return (
    <DataTable
      label={t`Fields`}
      columns={columns}
      rows={props.fields}
      rowKey={(row) => row.name}
      testId="fields"
    />
  );
}
