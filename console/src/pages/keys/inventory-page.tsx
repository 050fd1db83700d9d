import { Trans, useLingui } from '@lingui/react/macro';
import { Button, NativeSelect } from '@mantine/core';
import { useInfiniteQuery, useMutation, useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { callRaw } from '../../api/client.ts';
import { getQuery, pagesQuery } from '../../api/queries.ts';
import type { InventoryKey, KeyInventory } from '../../api/types.ts';
import { saveBlob } from '../../ui/download.ts';
import { ListState } from '../../ui/list-state.tsx';
import { Loaded } from '../../ui/loaded.tsx';
import { Panel } from '../../ui/page.tsx';
import { ProblemNotice } from '../../ui/problem-notice.tsx';
import { InventoryFindings } from './inventory-findings.tsx';
import { InventoryTable } from './inventory-table.tsx';
import { inventoryKinds, inventoryStates, useInventoryWords } from './inventory-words.ts';
import { KeysFrame } from './keys-frame.tsx';

const route = getRouteApi('/shell/keys/inventory');
const path = '/v1/crypto/inventory';

/** Every key with its age, and the ones that are used beyond their cryptoperiod first. */
export function InventoryPage() {
  const { t } = useLingui();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const words = useInventoryWords();
  const query = new URLSearchParams(
    Object.entries(search).filter((entry): entry is [string, string] => entry[1] !== undefined),
  ).toString();
  const report = useQuery(getQuery<KeyInventory>(`${path}?limit=1`));
  const keys = useInfiniteQuery(pagesQuery<InventoryKey>(query === '' ? path : `${path}?${query}`));
  const choose = (name: 'kind' | 'state' | 'overdue', value: string): void => {
    const next = { ...search };
    delete next[name];
    void navigate({ search: value === '' ? next : { ...next, [name]: value }, replace: true });
  };
  return (
    <KeysFrame
      part="inventory"
      lead={
        <Trans>
          Every key: what it is for, its age, its uses, who holds the root above it, and when another takes
          its place. What is overdue stands first.
        </Trans>
      }
    >
      <Panel title={<Trans>Cryptoperiods</Trans>} testId="findings">
        <Loaded query={report} lines={2}>
          {(data) => <InventoryFindings overdue={data.overdue} />}
        </Loaded>
      </Panel>
      <Panel
        title={<Trans>Keys</Trans>}
        aside={
          <div className="gh-row">
            <NativeSelect
              size="xs"
              aria-label={t`Kind`}
              value={search.kind ?? ''}
              onChange={(event) => choose('kind', event.currentTarget.value)}
              data={[
                { value: '', label: t`every kind` },
                ...inventoryKinds.map((value) => ({ value, label: words.kind(value) })),
              ]}
              data-testid="inventory-kind"
            />
            <NativeSelect
              size="xs"
              aria-label={t`State`}
              value={search.state ?? ''}
              onChange={(event) => choose('state', event.currentTarget.value)}
              data={[
                { value: '', label: t`every state` },
                ...inventoryStates.map((value) => ({ value, label: words.state(value) })),
              ]}
            />
            <NativeSelect
              size="xs"
              aria-label={t`Cryptoperiod`}
              value={search.overdue ?? ''}
              onChange={(event) => choose('overdue', event.currentTarget.value)}
              data={[
                { value: '', label: t`in time and overdue` },
                { value: 'true', label: t`only overdue` },
              ]}
            />
            <Download query={query} />
          </div>
        }
      >
        <ListState
          query={keys}
          empty={<Trans>No key is like this</Trans>}
          hint={<Trans>Choose other filters.</Trans>}
        >
          {(rows) => <InventoryTable keys={rows} />}
        </ListState>
      </Panel>
    </KeysFrame>
  );
}

/** Reads what is filtered page by page as the server writes it, and saves one file. */
function Download(props: { query: string }) {
  const save = useMutation({
    mutationFn: async () => {
      const parts: string[] = [];
      let cursor: string | null = '';
      while (cursor !== null) {
        const query = new URLSearchParams(props.query);
        query.set('format', 'csv');
        query.set('limit', '1000');
        if (cursor !== '') query.set('cursor', cursor);
        const response = await callRaw(`${path}?${query.toString()}`);
        const text = await response.text();
        // Each page carries the heading; one file has it once.
        parts.push(parts.length === 0 ? text : text.slice(text.indexOf('\n') + 1));
        cursor = response.headers.get('x-next-cursor');
      }
      saveBlob(new Blob(parts, { type: 'text/csv' }), 'key-inventory.csv');
    },
  });
  return (
    <>
      <Button
        size="compact-sm"
        variant="default"
        loading={save.isPending}
        onClick={() => save.mutate()}
        data-testid="inventory-csv"
      >
        <Trans>Save as CSV</Trans>
      </Button>
      {save.isError ? <ProblemNotice error={save.error} /> : null}
    </>
  );
}
