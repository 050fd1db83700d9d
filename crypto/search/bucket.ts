/** How a range index cuts its values: numbers by width, days by calendar unit (UTC). */
export type Buckets =
  | { readonly from: number; readonly to: number; readonly width: number }
  | { readonly from: string; readonly to: string; readonly unit: 'day' | 'month' | 'year' };

/** What is asked of a range; values of the field's own text. */
export type Bounds = { readonly from?: string; readonly to?: string };

/** Most buckets of one index, and so of one search. */
export const maxBuckets = 5_000;

const day = 86_400_000;

/** Where a value stands on the scale of the buckets; null when it is no number or day. */
function ordinal(buckets: Buckets, value: string): number | null {
  if ('width' in buckets) {
    const number = value.trim() === '' ? Number.NaN : Number(value);
    return Number.isFinite(number) ? Math.floor((number - buckets.from) / buckets.width) : null;
  }
  const time = Date.parse(value);
  if (Number.isNaN(time)) return null;
  const date = new Date(time);
  if (buckets.unit === 'day') return Math.floor(time / day);
  if (buckets.unit === 'year') return date.getUTCFullYear();
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}

function ends(buckets: Buckets): { readonly first: number; readonly last: number } {
  const { from, to } = buckets;
  return { first: ordinal(buckets, String(from)) ?? 0, last: ordinal(buckets, String(to)) ?? -1 };
}

/** How many buckets there are; 0 when the bounds are no numbers or days, or stand the wrong way round. */
export function countBuckets(buckets: Buckets): number {
  if ('width' in buckets && !(buckets.width > 0 && Number.isFinite(buckets.width))) return 0;
  const { first, last } = ends(buckets);
  const count = last - first + 1;
  return Number.isFinite(count) && count > 0 ? count : 0;
}

/** The scale is part of the label, so that a changed scale never matches by chance. */
function label(buckets: Buckets, at: number): string {
  const scale = 'width' in buckets ? `n:${buckets.from}:${buckets.width}` : `d:${buckets.unit}`;
  return `${scale}:${at}`;
}

/**
 * The bucket of a value: what lies outside the ends falls into the first or the last.
 *
 * @returns the text that is indexed, or null when the value is no number or day
 */
export function bucketOf(buckets: Buckets, value: string): string | null {
  const at = ordinal(buckets, value);
  if (at === null) return null;
  const { first, last } = ends(buckets);
  return label(buckets, Math.min(last, Math.max(first, at)));
}

/**
 * The buckets that hold every value between two bounds, both included, and others beside them: open and compare.
 *
 * @returns empty when nothing can lie between, or a bound is no number or day
 */
export function bucketsWithin(buckets: Buckets, bounds: Bounds): readonly string[] {
  const { first, last } = ends(buckets);
  const clamp = (value: string | undefined, absent: number): number | null => {
    if (value === undefined) return absent;
    const at = ordinal(buckets, value);
    return at === null ? null : Math.min(last, Math.max(first, at));
  };
  const [low, high] = [clamp(bounds.from, first), clamp(bounds.to, last)];
  if (low === null || high === null || high < low || high - low >= maxBuckets) return [];
  return Array.from({ length: high - low + 1 }, (_, step) => label(buckets, low + step));
}
