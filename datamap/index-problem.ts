import type { BlindIndex, FieldMap, FieldType } from './types.ts';

const uniqueBits = 128;
const maxBuckets = 5_000;
const numberTypes: ReadonlySet<FieldType> = new Set(['integer', 'numeric']);
const dayTypes: ReadonlySet<FieldType> = new Set(['date', 'timestamptz']);
const daysPer = Object.freeze({ day: 1, month: 28, year: 365 });

/** What is wrong with an index of a field, naming both; null when nothing is. */
export function indexProblem(
  field: Pick<FieldMap, 'name' | 'type' | 'values'>,
  index: BlindIndex,
): string | null {
  const wrong = wrongWith(field, index);
  return wrong === null ? null : `index "${index.name}" of field "${field.name}" ${wrong}`;
}

function wrongWith(field: Pick<FieldMap, 'type' | 'values'>, index: BlindIndex): string | null {
  const { kind, length, buckets, unique, bits } = index;
  if ((length !== undefined) !== (kind === 'prefix'))
    return kind === 'prefix'
      ? 'needs a length: how many characters the prefix has'
      : 'has a length but is no prefix';
  if ((buckets !== undefined) !== (kind === 'range'))
    return kind === 'range' ? 'needs buckets: from, to and width or unit' : 'has buckets but is no range';
  if (unique === true && (kind !== 'exact' || bits < uniqueBits))
    return `is unique, so it must be exact and keep at least ${uniqueBits} bits`;
  if (buckets !== undefined) return wrongWithBuckets(field.type, buckets);
  if (field.values !== null && index.acceptLowEntropy !== true)
    return `has ${field.values.length} values only, so whoever counts them learns which is which; leave the index out or set accept_low_entropy`;
  return field.type === 'boolean' ? 'is over true and false; a keyed hash hides neither' : null;
}

function wrongWithBuckets(type: FieldType, buckets: NonNullable<BlindIndex['buckets']>): string | null {
  if ('width' in buckets) {
    if (!numberTypes.has(type)) return 'has buckets of numbers but its field holds none';
    const count = (buckets.to - buckets.from) / buckets.width;
    return count >= 0 && count < maxBuckets ? null : `needs 1 to ${maxBuckets} buckets`;
  }
  if (!dayTypes.has(type)) return 'has buckets of days but its field holds none';
  const days = (Date.parse(buckets.to) - Date.parse(buckets.from)) / 86_400_000;
  return days >= 0 && days / daysPer[buckets.unit] < maxBuckets - 1
    ? null
    : `needs 1 to ${maxBuckets} buckets`;
}
