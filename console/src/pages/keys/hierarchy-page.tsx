import { Trans } from '@lingui/react/macro';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { getQuery, pagesQuery } from '../../api/queries.ts';
import type { KeyHierarchy, KeyLife, LedgerEntry } from '../../api/types.ts';
import { Loaded } from '../../ui/loaded.tsx';
import { Panel } from '../../ui/page.tsx';
import { StateTag } from '../../ui/state-tag.tsx';
import { EpochPanel } from './epoch-panel.tsx';
import { HierarchyPicture } from './hierarchy-picture.tsx';
import { KeysFrame } from './keys-frame.tsx';
import { TenantKeyTable } from './tenant-key-table.tsx';

/** Who can read it: the keys from the root down to every person, and what each shred cut off. */
export function HierarchyPage() {
  const keys = useQuery(getQuery<KeyHierarchy>('/v1/crypto/keys'));
  const life = useQuery(getQuery<KeyLife>('/v1/crypto/epochs'));
  const ledger = useInfiniteQuery(pagesQuery<LedgerEntry>('/v1/crypto/ledger'));
  const entries = ledger.data?.pages.flatMap((page) => page.items);
  return (
    <KeysFrame
      part=""
      lead={
        <Trans>
          Every person has a key of their own. Destroying it makes every copy of their data unreadable,
          backups too.
        </Trans>
      }
    >
      <Loaded query={keys} lines={8}>
        {(data) => (
          <Panel title={<Trans>Hierarchy</Trans>} aside={<ProviderTag keys={data} />} testId="key-hierarchy">
            <HierarchyPicture keys={data} ledger={entries ?? []} />
          </Panel>
        )}
      </Loaded>
      <Loaded query={life}>{(data) => <EpochPanel life={data} />}</Loaded>
      {keys.data === undefined ? null : (
        <Panel title={<Trans>Keys of the tenant</Trans>}>
          <TenantKeyTable keys={keys.data.tenantKeys} />
        </Panel>
      )}
    </KeysFrame>
  );
}

function ProviderTag(props: { keys: KeyHierarchy }) {
  const { provider, development } = props.keys;
  return development ? (
    <StateTag tone="warn">
      <Trans>Root key: {provider}, for development only</Trans>
    </StateTag>
  ) : (
    <StateTag tone="good">
      <Trans>Root key: {provider}</Trans>
    </StateTag>
  );
}
