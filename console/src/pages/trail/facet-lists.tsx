import { Trans, useLingui } from '@lingui/react/macro';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { getQuery } from '../../api/queries.ts';
import type { Facets } from '../../api/types.ts';
import { Loaded } from '../../ui/loaded.tsx';
import { shorten } from '../../ui/short-id.tsx';
import { queryOf, withField, type TrailFilter } from './trail-filter.ts';

const mostShown = 12;

/** Counts by action, outcome and actor; a click narrows the search, a second one takes it back. */
export function FacetLists(props: {
  filter: TrailFilter;
  names: ReadonlyMap<string, string>;
  onApply: (next: TrailFilter) => void;
}) {
  const { t } = useLingui();
  const { filter, names, onApply } = props;
  const facets = useQuery(getQuery<Facets>(`/v1/audit/facets?${queryOf(filter)}`));
  const outcomes: Record<string, string> = { success: t`succeeded`, denied: t`denied`, failure: t`failed` };
  const list = (
    field: 'action' | 'outcome' | 'actor',
    title: ReactNode,
    rows: Facets['actions'],
    word: (value: string) => ReactNode,
  ) => (
    <div className="gh-facet">
      <h3>{title}</h3>
      <ul>
        {rows.slice(0, mostShown).map(({ value, count }) => (
          <li key={value}>
            <button
              type="button"
              aria-pressed={filter[field] === value}
              title={value}
              onClick={() => onApply(withField(filter, field, filter[field] === value ? undefined : value))}
              data-testid={`facet-${field}`}
            >
              <span className="gh-facet-name">{word(value)}</span>
              <span className="gh-facet-count">{count}</span>
              <meter
                className="gh-facet-bar"
                min={0}
                max={rows[0]?.count ?? 1}
                value={count}
                aria-hidden="true"
              />
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
  return (
    <Loaded query={facets} lines={10}>
      {(data) => (
        <div className="gh-facets" data-testid="facets">
          {list('outcome', <Trans>Outcome</Trans>, data.outcomes, (value) => outcomes[value] ?? value)}
          {list('action', <Trans>Action</Trans>, data.actions, (value) => (
            <code>{value}</code>
          ))}
          {list('actor', <Trans>Actor</Trans>, data.actors, (value) => names.get(value) ?? shorten(value, 6))}
          <p className="gh-small gh-muted">
            <Trans>Counted over the newest {data.scanned} matches.</Trans>
          </p>
        </div>
      )}
    </Loaded>
  );
}
