import { Trans, useLingui } from '@lingui/react/macro';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { getQuery } from '../../api/queries.ts';
import type { CollectionView, DataMapView, ServiceView } from '../../api/types.ts';
import { Empty, Loaded } from '../../ui/loaded.tsx';
import { Facts, PageFrame, Panel } from '../../ui/page.tsx';
import { nameOf } from '../../ui/person.ts';
import { ShortId } from '../../ui/short-id.tsx';
import { TabLink } from '../../ui/tab-link.tsx';
import { FieldTable } from './field-table.tsx';
import { FieldWay } from './field-way.tsx';

const route = getRouteApi('/shell/datamap');

/** Where personal data lives: services, collections, fields, and what happens to each. */
export function MapPage() {
  const { t } = useLingui();
  const search = route.useSearch();
  const map = useQuery(getQuery<DataMapView>('/v1/datamap/services'));
  return (
    <PageFrame
      title={t`Data map`}
      lead={
        <Trans>
          Where personal data lives, how it rests, who sees it masked, and what erasure does with it.
        </Trans>
      }
      wide
    >
      <Loaded query={map}>
        {(data) => {
          const services = data.items;
          const collections = services.flatMap((service) => service.collections);
          const chosen =
            collections.find((collection) => collection.type === search.collection) ?? collections[0];
          if (chosen === undefined) {
            return (
              <Empty title={<Trans>No service is wrapped</Trans>}>
                <Trans>
                  Write a data map file for a data service; it appears here when the house starts.
                </Trans>
              </Empty>
            );
          }
          return (
            <>
              <CollectionTabs collections={collections} chosen={chosen.type} />
              <CollectionPanels
                collection={chosen}
                service={services.find((service) => service.collections.includes(chosen))}
              />
              {data.revision === undefined ? null : (
                <p className="gh-small gh-muted">
                  <Trans>Revision of the map</Trans> <ShortId value={data.revision} keep={8} />
                </p>
              )}
            </>
          );
        }}
      </Loaded>
    </PageFrame>
  );
}

function CollectionTabs(props: { collections: readonly CollectionView[]; chosen: string }) {
  const { t } = useLingui();
  return (
    <nav className="gh-tabs" aria-label={t`Collections`}>
      {props.collections.map((collection) => (
        <TabLink
          key={collection.type}
          href={`/datamap?collection=${encodeURIComponent(collection.type)}`}
          current={collection.type === props.chosen}
        >
          {collection.type}
        </TabLink>
      ))}
    </nav>
  );
}

function CollectionPanels(props: { collection: CollectionView; service: ServiceView | undefined }) {
  const { collection, service } = props;
  const { t } = useLingui();
  return (
    <>
      <Panel
        title={<code>{collection.type}</code>}
        aside={<span className="gh-muted gh-small">{service?.description}</span>}
      >
        <Facts
          items={[
            [<Trans key="s">Service</Trans>, service?.name ?? '—'],
            [
              <Trans key="t">Table</Trans>,
              <code key="t">{`${service?.schema ?? ''}.${collection.table}`}</code>,
            ],
            [<Trans key="r">Rests in</Trans>, service?.region ?? '—'],
            [
              <Trans key="e">Erasure of rows</Trans>,
              erasureWords(collection, t`kept`, t`deleted`, t`field by field`),
            ],
            [<Trans key="p">Purposes</Trans>, service?.purposes.map(nameOf).join(', ') ?? '—'],
            [
              <Trans key="x">Also received by</Trans>,
              service === undefined || service.processors.length === 0
                ? t`nobody`
                : service.processors.map(nameOf).join(', '),
            ],
          ]}
        />
      </Panel>
      <Panel title={<Trans>The way of a field through the house</Trans>}>
        <FieldWay collection={collection} />
      </Panel>
      <Panel title={<Trans>Fields</Trans>}>
        <FieldTable fields={collection.fields} />
      </Panel>
    </>
  );
}

function erasureWords(collection: CollectionView, kept: string, deleted: string, fields: string): string {
  const { action, exemption } = collection.erasure;
  const word = action === 'keep' ? kept : action === 'delete' ? deleted : fields;
  return exemption === undefined ? word : `${word} · ${exemption.code} · ${exemption.citation}`;
}
