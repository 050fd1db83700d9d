import { Trans, useLingui } from '@lingui/react/macro';
import { useMemo, type ReactNode } from 'react';
import { DataTable, type Column } from '../../ui/data-table.tsx';
import { Instant } from '../../ui/instant.tsx';
import { ShortId } from '../../ui/short-id.tsx';
import { StateTag } from '../../ui/state-tag.tsx';

/** A contact as the governed data API gives it; which fields are there depends on who asks. */
export type Contact = Record<string, unknown>;

const order = [
  'id',
  'first_name',
  'last_name',
  'email',
  'phone',
  'city',
  'region',
  'country',
  'lifecycle',
  'restricted',
  'created_at',
];

function CellValue(props: { name: string; value: unknown; masked: boolean }): ReactNode {
  const { name, value } = props;
  const { t } = useLingui();
  if (value === null || value === undefined) return <span className="gh-muted">—</span>;
  if (typeof value === 'object') {
    return 'tombstone' in value || 'erased' in value ? (
      <StateTag tone="idle">
        <Trans>erased</Trans>
      </StateTag>
    ) : (
      <code>{JSON.stringify(value)}</code>
    );
  }
  if (typeof value === 'boolean') return value ? t`yes` : t`no`;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (name === 'id' || name.endsWith('_id')) return <ShortId value={text} keep={4} />;
  if (name.endsWith('_at')) return <Instant at={text} />;
  if (props.masked) {
    return (
      <span className="gh-masked" title={t`masked for you`} data-testid="masked">
        {text}
        <span className="gh-hidden">{t`(masked for you)`}</span>
      </span>
    );
  }
  return text;
}

/** Contacts; the columns are those that policy lets through. */
export function ContactTable(props: { rows: readonly Contact[]; masked: readonly string[] }) {
  const { t } = useLingui();
  const { masked } = props;
  const names = [...new Set(props.rows.flatMap((row) => Object.keys(row)))].filter(
    (name) => !['subject_id', 'owner_id', 'updated_at'].includes(name),
  );
  const sorted = names.toSorted((left, right) => rank(left) - rank(right)).join(',');
  const columns = useMemo(() => {
    const words: Record<string, string> = {
      id: t`Contact`,
      first_name: t`First name`,
      last_name: t`Last name`,
      email: t`E-mail`,
      phone: t`Phone`,
      city: t`City`,
      region: t`Region`,
      country: t`Country`,
      lifecycle: t`Stage`,
      restricted: t`Restricted`,
      created_at: t`Since`,
    };
    return sorted.split(',').map((name): Column<Contact> => ({
      id: name,
      header: words[name] ?? name.replaceAll('_', ' '),
      cell: (row) => <CellValue name={name} value={row[name]} masked={masked.includes(name)} />,
    }));
  }, [masked, sorted, t]);
  return (
    <DataTable
      label={t`Contacts`}
      columns={columns}
      rows={props.rows}
      rowKey={(row) => String(row['id'])}
      testId="contacts"
    />
  );
}

function rank(name: string): number {
  const at = order.indexOf(name);
  return at < 0 ? order.length : at;
}
