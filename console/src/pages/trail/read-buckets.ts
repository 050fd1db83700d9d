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
  const first = starts[0];
  const last = starts.at(-1);
  if (first === undefined || last === undefined) return [];
  const length = Math.round((last - first) / stepMs) + 1;
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
