import type { TrailFilter } from './schema.ts';

/** Names of the filters set and their values; of free text only that there was some. */
export function describeFilters(filter: TrailFilter): Record<string, string> {
  const fields = Object.entries(filter).flatMap(([name, value]) =>
    value === undefined || name === 'cursor' || name === 'limit'
      ? []
      : [[name, filterText(name, value)] as const],
  );
  return Object.fromEntries(fields);
}

function filterText(name: string, value: unknown): string {
  if (name === 'q') return '(text)';
  return typeof value === 'object' && value !== null ? (value as Date).toISOString() : String(value); // filters are texts and times
}
