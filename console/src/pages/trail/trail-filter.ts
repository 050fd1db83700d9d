/** Operators of the search box, which are the filters of the API. */
export const operatorNames = [
  'action',
  'actor',
  'outcome',
  'target',
  'subject',
  'session',
  'request',
  'trace',
  'category',
] as const;
/** @see operatorNames */
export type OperatorName = (typeof operatorNames)[number];

/** The question that a trail's address asks. */
export type TrailFilter = Partial<Record<OperatorName | 'from' | 'to' | 'q', string>>;

/** The same question to the API. */
export function queryOf(filter: TrailFilter): string {
  const entries = Object.entries(filter).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== '',
  );
  return new URLSearchParams(entries).toString();
}

/** The same without its range of time, as views and the live tail want it. */
export function withoutTime(filter: TrailFilter): TrailFilter {
  const { from: _from, to: _to, ...rest } = filter;
  return rest;
}

/** A filter with one field set, or cleared. */
export function withField(
  filter: TrailFilter,
  name: keyof TrailFilter,
  value: string | undefined,
): TrailFilter {
  const { [name]: _old, ...rest } = filter;
  return value === undefined || value === '' ? rest : { ...rest, [name]: value };
}

/** `2026-11-23T14:05` in the viewer's zone as an instant; empty stays empty. */
export function instantOf(local: string): string | undefined {
  const at = new Date(local);
  return local === '' || Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}

/** An instant as a datetime-local field wants it. */
export function localOf(instant: string | undefined): string {
  if (instant === undefined) return '';
  const at = new Date(instant);
  if (Number.isNaN(at.getTime())) return '';
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
