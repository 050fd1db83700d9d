import type { HistogramAnswer } from '../../api/types.ts';

/** One bar of the histogram. */
export type Bucket = {
  readonly from: string;
  readonly to: string;
  readonly count: number;
  readonly refused: number;
};

const mostBars = 400;

/** Bars without gaps: slices in which nothing happened are drawn as well. */
export function readBuckets(answer: HistogramAnswer): readonly Bucket[] {
  const stepMs = Math.max(1, answer.stepSeconds) * 1000;
  const known = new Map(answer.buckets.map((bucket) => [Date.parse(bucket.at), bucket]));
  const starts = [...known.keys()].toSorted((left, right) => left - right);
  if (starts.length === 0) return [];
  const first = Date.parse(answer.from);
  const length = Math.max(1, Math.round((Date.parse(answer.to) - first) / stepMs));
  const even = length <= mostBars ? Array.from({ length }, (_, index) => first + index * stepMs) : starts;
  return even.map((at) => {
    const { success = 0, failure = 0, denied = 0 } = known.get(at) ?? {};
    return {
      from: new Date(at).toISOString(),
      to: new Date(at + stepMs).toISOString(),
      count: success + failure + denied,
      refused: failure + denied,
    };
  });
}
