/** A name for whoever an API names: a string, or an object with a display name, e-mail or id. */
export function nameOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return '—';
  const record = value as Record<string, unknown>; // probed below
  for (const key of ['displayName', 'email', 'name', 'id']) {
    if (typeof record[key] === 'string' && record[key] !== '') return record[key];
  }
  return '—';
}
