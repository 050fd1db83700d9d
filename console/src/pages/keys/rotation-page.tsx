import { Trans } from '@lingui/react/macro';
import { Button } from '@mantine/core';
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { call } from '../../api/client.ts';
import { pagesQuery, useMay } from '../../api/queries.ts';
import type { KeyJob } from '../../api/types.ts';
import { ListState } from '../../ui/list-state.tsx';
import { Empty } from '../../ui/loaded.tsx';
import { Panel } from '../../ui/page.tsx';
import { JobTable } from './job-table.tsx';
import { KeysFrame } from './keys-frame.tsx';
import { RotateDialog, type RotateBody } from './rotate-dialog.tsx';
import { RunningJob } from './running-job.tsx';

const route = getRouteApi('/shell/keys/rotation');
const path = '/v1/crypto/jobs';
const watchingMilliseconds = 1_000;
const restingMilliseconds = 15_000;

/** Keys that take the place of others: what runs now, how fast, until when, and what ran before. */
export function RotationPage() {
  const { job: chosen } = route.useSearch();
  const navigate = route.useNavigate();
  const queries = useQueryClient();
  const mayRotate = useMay('crypto.rotate');
  const [open, setOpen] = useState(false);
  const start = useMutation({
    mutationFn: (wanted: RotateBody) =>
      wanted === 'rewrap'
        ? call<KeyJob>('/v1/crypto/rewrap', { method: 'POST' })
        : call<KeyJob>('/v1/crypto/rotate', { method: 'POST', body: wanted }),
    onSuccess: async (job) => {
      setOpen(false);
      await navigate({ search: { job: job.id }, replace: true });
    },
    onSettled: () =>
      Promise.all([['pages', path], ['get']].map((queryKey) => queries.invalidateQueries({ queryKey }))),
  });
  const jobs = useInfiniteQuery({
    ...pagesQuery<KeyJob>(path),
    refetchInterval: (query) =>
      start.isPending || query.state.data?.pages[0]?.items.some(({ state }) => state === 'running') === true
        ? watchingMilliseconds
        : restingMilliseconds,
  });
  const running =
    jobs.data?.pages.flatMap(({ items }) => items).filter(({ state }) => state === 'running') ?? [];
  // A long job answers late; as soon as it is seen to run there is nothing to wait for in the dialog.
  const begun = start.isPending && running.length > 0;
  useEffect(() => {
    if (begun) setOpen(false);
  }, [begun]);
  return (
    <KeysFrame
      part="rotation"
      lead={
        <Trans>
          Every level of keys is replaced while everything stays in use. Work goes on when this page is
          closed; any process of the house carries it on.
        </Trans>
      }
      actions={
        mayRotate ? (
          <Button onClick={() => setOpen(true)} data-testid="rotate">
            <Trans>Rotate keys…</Trans>
          </Button>
        ) : null
      }
    >
      <Panel title={<Trans>Running now</Trans>} testId="running-jobs">
        {running.length === 0 ? (
          <Empty title={<Trans>No work on keys is running</Trans>}>
            <Trans>
              Rotate the tenant key once a year, after a leaver with access to the root, or let the standing
              schedule do it.
            </Trans>
          </Empty>
        ) : (
          running.map((job) => <RunningJob key={job.id} job={job} />)
        )}
      </Panel>
      <Panel title={<Trans>All works</Trans>}>
        <ListState query={jobs} empty={<Trans>No key has been rotated yet</Trans>}>
          {(rows) => <JobTable jobs={rows} chosen={chosen} />}
        </ListState>
      </Panel>
      {open ? (
        <RotateDialog
          busy={start.isPending}
          error={start.isError ? start.error : null}
          onStart={(wanted) => start.mutate(wanted)}
          onClose={() => {
            setOpen(false);
            if (!start.isPending) start.reset();
          }}
        />
      ) : null}
    </KeysFrame>
  );
}
