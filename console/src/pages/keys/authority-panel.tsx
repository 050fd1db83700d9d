import { Trans, useLingui } from '@lingui/react/macro';
import { Button } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { call } from '../../api/client.ts';
import { getQuery, useMay } from '../../api/queries.ts';
import type { Authority } from '../../api/types.ts';
import { DataTable, type Column } from '../../ui/data-table.tsx';
import { saveBlob } from '../../ui/download.ts';
import { Instant } from '../../ui/instant.tsx';
import { Empty, Loaded } from '../../ui/loaded.tsx';
import { Panel } from '../../ui/page.tsx';
import { ProblemNotice } from '../../ui/problem-notice.tsx';
import { ShortId } from '../../ui/short-id.tsx';
import { StateTag, type Tone } from '../../ui/state-tag.tsx';

const path = '/v1/crypto/authorities';
const alarmMilliseconds = 72 * 3_600_000;

/** A list that is over refuses everybody; one that was not made anew is an alarm from three days before. */
function toneOfList({ crlNextUpdate }: Authority): Tone {
  const left = Date.parse(crlNextUpdate) - Date.now();
  return left <= 0 ? 'bad' : left < alarmMilliseconds ? 'warn' : 'good';
}

/** The tenant's authorities with their revocation lists and until when these are good. */
export function AuthorityPanel() {
  const authorities = useQuery(getQuery<{ items: readonly Authority[] }>(path));
  return (
    <Panel title={<Trans>Authorities and revocation lists</Trans>} testId="authorities">
      <Loaded query={authorities} lines={2}>
        {(data) =>
          data.items.length === 0 ? (
            <Empty title={<Trans>No authority has been made</Trans>}>
              <Trans>The first certificate makes it.</Trans>
            </Empty>
          ) : (
            <AuthorityTable authorities={data.items} />
          )
        }
      </Loaded>
    </Panel>
  );
}

function AuthorityTable(props: { authorities: readonly Authority[] }) {
  const { t } = useLingui();
  const queries = useQueryClient();
  const mayRevoke = useMay('crypto.revoke');
  const publish = useMutation({
    mutationFn: (id: string) => call(`${path}/${id}/crl`, { method: 'POST' }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['get', path] }),
  });
  const save = (text: string, name: string): void =>
    saveBlob(new Blob([text], { type: 'application/x-pem-file' }), name);
  const columns: readonly Column<Authority>[] = [
    {
      id: 'subject',
      header: <Trans>Authority</Trans>,
      cell: (row) => (
        <>
          {row.subject.replace(/\n/g, ', ')}
          <p className="gh-small gh-muted">
            {row.algorithm} · <ShortId value={row.fingerprint} />
          </p>
        </>
      ),
    },
    { id: 'end', header: <Trans>Ends</Trans>, cell: (row) => <Instant at={row.notAfter} /> },
    {
      id: 'list',
      header: <Trans>Revocation list</Trans>,
      cell: (row) => (
        <Trans>
          no. {row.crlNumber}, {row.crlEntries} revoked
        </Trans>
      ),
    },
    { id: 'made', header: <Trans>Signed</Trans>, cell: (row) => <Instant at={row.crlThisUpdate} /> },
    {
      id: 'next',
      header: <Trans>Good until (nextUpdate)</Trans>,
      cell: (row) => (
        <StateTag tone={toneOfList(row)} testId="crl-next-update">
          <Instant at={row.crlNextUpdate} />
        </StateTag>
      ),
    },
    {
      id: 'url',
      header: <Trans>Public address</Trans>,
      cell: (row) => <ShortId value={row.crlUrl} keep={14} />,
    },
    {
      id: 'do',
      header: <span className="gh-hidden">{t`Actions`}</span>,
      align: 'end',
      cell: (row) => (
        <div className="gh-actions gh-actions-end">
          <Button size="compact-xs" variant="default" onClick={() => save(row.certificate, 'authority.pem')}>
            <Trans>Save authority</Trans>
          </Button>
          <Button size="compact-xs" variant="default" onClick={() => save(row.crl, 'revoked.pem')}>
            <Trans>Save list</Trans>
          </Button>
          {mayRevoke ? (
            <Button
              size="compact-xs"
              variant="default"
              loading={publish.isPending}
              onClick={() => publish.mutate(row.id)}
              data-testid="publish-crl"
            >
              <Trans>Sign a new list</Trans>
            </Button>
          ) : null}
        </div>
      ),
    },
  ];
  return (
    <>
      {publish.isError ? (
        <ProblemNotice
          error={publish.error}
          notLost={<Trans>The list that was published stays good.</Trans>}
        />
      ) : null}
      <DataTable
        label={t`Authorities and revocation lists`}
        columns={columns}
        rows={props.authorities}
        rowKey={(row) => row.id}
      />
    </>
  );
}
