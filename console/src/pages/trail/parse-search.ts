import { operatorNames, type OperatorName, type TrailFilter } from './trail-filter.ts';

/** What is wrong with a part of the search, by the operator that stands there. */
export type SearchProblem = {
  readonly kind: 'unknown' | 'twice' | 'empty' | 'outcome' | 'subject' | 'trace' | 'time' | 'long';
  readonly operator: string;
  /** An operator that is written almost so. */
  readonly nearest: string | null;
};
/** A search as typed, taken apart. */
export type ParsedSearch = { readonly filter: TrailFilter; readonly problems: readonly SearchProblem[] };

const outcomes = new Set(['success', 'failure', 'denied']);
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const times = ['from', 'to'] as const;
const units: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
const known = new Set<string>([...operatorNames, ...times]);

/**
 * Takes `operator:value` words out of a text; what remains is free text. `from:` and `to:` take an ISO date or a span
 * back from now (`24h`, `7d`). A word in quotes is free text whatever it looks like.
 */
export function parseSearch(text: string, now: Date): ParsedSearch {
  const found: Partial<Record<keyof TrailFilter, string>> = {};
  const words: string[] = [];
  const problems: SearchProblem[] = [];
  for (const part of text.match(/"[^"]*"|\S+/g) ?? []) {
    const [, operator, value = ''] = /^([a-z]{2,20}):(.*)$/i.exec(part) ?? [];
    if (operator === undefined || part.startsWith('"') || value.startsWith('//')) {
      words.push(part.replaceAll('"', ''));
      continue;
    }
    const name = operator.toLowerCase();
    const wrong = wrongWith(name, value, found, now);
    if (wrong !== null) problems.push({ kind: wrong, operator: name, nearest: nearestTo(name) });
    else found[name as OperatorName] = isTime(name) ? (instant(value, now) ?? '') : value; // wrongWith saw that it is known
  }
  const q = words.filter((word) => word !== '').join(' ');
  if (q.length > 200) problems.push({ kind: 'long', operator: 'q', nearest: null });
  return { filter: q === '' ? found : { ...found, q }, problems };
}

function wrongWith(name: string, value: string, found: object, now: Date): SearchProblem['kind'] | null {
  if (!known.has(name)) return 'unknown';
  if (value === '') return 'empty';
  if (name in found) return 'twice';
  if (value.length > 200) return 'long';
  if (name === 'outcome' && !outcomes.has(value)) return 'outcome';
  if (name === 'subject' && !uuid.test(value)) return 'subject';
  if (name === 'trace' && !/^[0-9a-f]{32}$/i.test(value)) return 'trace';
  if (isTime(name) && instant(value, now) === null) return 'time';
  return null;
}

const isTime = (name: string): boolean => (times as readonly string[]).includes(name);

function instant(value: string, now: Date): string | null {
  const [, amount, unit] = /^(\d{1,5})([mhdw])$/.exec(value) ?? [];
  if (amount !== undefined && unit !== undefined)
    return new Date(now.getTime() - Number(amount) * (units[unit] ?? 0)).toISOString();
  if (!/^\d{4}-\d{2}-\d{2}/.test(value)) return null;
  const at = new Date(value);
  return Number.isNaN(at.getTime()) ? null : at.toISOString();
}

/** The operator that differs least, when it differs by two letters at most. */
function nearestTo(name: string): string | null {
  const [best] = [...known]
    .map((one) => ({ one, far: distance(name, one) }))
    .toSorted((left, right) => left.far - right.far);
  return best !== undefined && best.far <= 2 && best.far > 0 ? best.one : null;
}

/** Levenshtein's distance. */
function distance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, at) => at);
  for (let at = 0; at < left.length; at += 1) {
    const next = [at + 1];
    for (let to = 0; to < right.length; to += 1)
      next.push(
        Math.min(
          (next[to] ?? 0) + 1,
          (row[to + 1] ?? 0) + 1,
          (row[to] ?? 0) + (left[at] === right[to] ? 0 : 1),
        ),
      );
    row = next;
  }
  return row.at(-1) ?? 0;
}

/** A filter as somebody would type it; its range of time stands beside. */
export function formatSearch(filter: TrailFilter): string {
  const operators = operatorNames.flatMap((name) =>
    filter[name] === undefined ? [] : [`${name}:${filter[name]}`],
  );
  return [...operators, ...(filter.q === undefined ? [] : [filter.q])].join(' ');
}
