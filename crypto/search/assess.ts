/** What an index of one form would tell about its column. */
export type FormAssessment = {
  readonly form: string;
  readonly distinct: number;
  /** Distinct values of the whole column, estimated from those seen once and twice (Chao 1). */
  readonly distinctEstimated: number;
  /** Shannon entropy of the sample, bits. */
  readonly entropyBits: number;
  /** Share of the commonest value, 0..1: what a guesser gets right at once. */
  readonly commonestShare: number;
  readonly verdict: 'safe' | 'low_cardinality' | 'skewed' | 'too_few';
};

/** Fewer values than this say nothing about a column. */
export const fewestValues = 50;
const fewestDistinct = 100;
const largestShare = 0.1;

/**
 * Judges the values that an index would hold. Equal values have equal terms, so whoever sees the column counts them: few
 * distinct values, or one that is common, tell which is which.
 */
export function assess(form: string, values: readonly string[], rows: number): FormAssessment {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const distinct = counts.size;
  let entropyBits = 0;
  let [commonest, once, twice] = [0, 0, 0];
  for (const count of counts.values()) {
    const share = count / values.length;
    entropyBits -= share * Math.log2(share);
    commonest = Math.max(commonest, count);
    if (count === 1) once += 1;
    if (count === 2) twice += 1;
  }
  const unseen = twice > 0 ? once ** 2 / (2 * twice) : (once * (once - 1)) / 2;
  const distinctEstimated = Math.max(distinct, Math.min(rows, Math.round(distinct + unseen)));
  const commonestShare = values.length === 0 ? 0 : commonest / values.length;
  const verdict = verdictOf({ count: values.length, distinctEstimated, commonestShare });
  return {
    form,
    distinct,
    distinctEstimated,
    entropyBits: Math.max(0, entropyBits),
    commonestShare,
    verdict,
  };
}

function verdictOf(of: {
  readonly count: number;
  readonly distinctEstimated: number;
  readonly commonestShare: number;
}): FormAssessment['verdict'] {
  if (of.count < fewestValues) return 'too_few';
  if (of.distinctEstimated < fewestDistinct) return 'low_cardinality';
  return of.commonestShare > largestShare ? 'skewed' : 'safe';
}

/** Other values that share a term with the one searched for, on average, when so many bits are kept. */
export function expectedFalseMatches(distinct: number, bits: number): number {
  return Math.max(0, distinct - 1) / 2 ** bits;
}
