import { Trans, useLingui } from '@lingui/react/macro';
import { Link } from '@tanstack/react-router';
import type { Certificate } from '../../api/types.ts';
import { DataTable, type Column } from '../../ui/data-table.tsx';
import { Instant } from '../../ui/instant.tsx';
import { ShortId } from '../../ui/short-id.tsx';
import { StateTag } from '../../ui/state-tag.tsx';
import { certificateTones, useCertificateWords } from './certificate-words.ts';

const isLive = ({ state }: Certificate): boolean =>
  state === 'valid' || state === 'due' || state === 'renewed';

/** Live ones by the day they end, then the others, the latest first. */
function byEnd(certificates: readonly Certificate[]): readonly Certificate[] {
  const end = ({ notAfter }: Certificate): number => Date.parse(notAfter);
  return certificates.toSorted((left, right) =>
    isLive(left) !== isLive(right)
      ? Number(isLive(right)) - Number(isLive(left))
      : isLive(left)
        ? end(left) - end(right)
        : end(right) - end(left),
  );
}

/** Certificates with their end first. */
export function CertificateTable(props: {
  certificates: readonly Certificate[];
  chosen: string | undefined;
}) {
  const { t } = useLingui();
  const words = useCertificateWords();
  const columns: readonly Column<Certificate>[] = [
    { id: 'end', header: <Trans>Ends</Trans>, cell: (row) => <Instant at={row.notAfter} /> },
    {
      id: 'name',
      header: <Trans>Name</Trans>,
      cell: (row) => (
        <Link
          to="/keys/certificates"
          search={{ id: row.id }}
          aria-current={row.id === props.chosen ? 'true' : undefined}
          data-testid={`certificate-${row.commonName}`}
        >
          {row.commonName}
        </Link>
      ),
    },
    {
      id: 'state',
      header: <Trans>State</Trans>,
      cell: (row) => <StateTag tone={certificateTones[row.state]}>{words.state(row.state)}</StateTag>,
    },
    { id: 'use', header: <Trans>Use</Trans>, cell: (row) => words.profile(row.profile) },
    {
      id: 'names',
      header: <Trans>Names</Trans>,
      cell: (row) => (
        <span className="gh-small">{row.names.map(({ value }) => value).join(', ') || '—'}</span>
      ),
    },
    {
      id: 'key',
      header: <Trans>Key</Trans>,
      cell: (row) => (
        <>
          {row.algorithm}{' '}
          <span className="gh-small gh-muted">
            {row.keyHeld ? (
              row.exportable ? (
                <Trans>kept here, may leave</Trans>
              ) : (
                <Trans>kept here</Trans>
              )
            ) : (
              <Trans>elsewhere</Trans>
            )}
          </span>
        </>
      ),
    },
    { id: 'serial', header: <Trans>Serial</Trans>, cell: (row) => <ShortId value={row.serial} /> },
  ];
  return (
    <DataTable
      label={t`Certificates`}
      columns={columns}
      rows={byEnd(props.certificates)}
      rowKey={(row) => row.id}
      testId="certificates"
    />
  );
}
