import { fideslangCategories } from './taxonomy-list.ts';

const known: ReadonlySet<string> = new Set(fideslangCategories);

/** Whether a key stands in the Fideslang taxonomy. */
export function isKnownCategory(key: string): boolean {
  return known.has(key);
}

/** GDPR Art. 9 and 10, and what a leak of would hurt as much. */
const sensitiveRoots = [
  'user.authorization',
  'user.biometric',
  'user.childrens',
  'user.criminal_history',
  'user.demographic.political_opinion',
  'user.demographic.race_ethnicity',
  'user.demographic.religious_belief',
  'user.demographic.sexual_orientation',
  'user.financial',
  'user.government_id',
  'user.health_and_medical',
  'user.location.precise',
];

const within = (category: string, root: string): boolean =>
  category === root || category.startsWith(`${root}.`);

/** How careful one must be with a field of these categories. */
export function sensitivityOf(categories: readonly string[]): 'none' | 'personal' | 'sensitive' {
  if (categories.some((category) => sensitiveRoots.some((root) => within(category, root))))
    return 'sensitive';
  return categories.some((category) => within(category, 'user')) ? 'personal' : 'none';
}
