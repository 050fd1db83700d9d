import type { LeafBody } from '../leaf.ts';

/** Kinds of terms that are found by their whole value. */
export const termKinds = ['session', 'trace', 'request', 'target', 'category', 'subject'] as const;
/** @see termKinds */
export type TermKind = (typeof termKinds)[number];

const maxTerms = 300;
const maxWordLength = 64;
const maxDetailValues = 100;

/**
 * What an event is found by: words (found by their beginning) and typed terms (found whole), lower case.
 *
 * @param detail - parsed; only its texts and numbers count, at most 100 of them
 */
export function termsOf(body: LeafBody, detail: unknown): readonly string[] {
  const terms = new Set<string>();
  const word = (text: string | null | undefined): void => {
    for (const part of wordsOf(text ?? '')) terms.add(`w:${part}`);
  };
  const typed = (kind: TermKind, value: string | null | undefined): void => {
    if (value == null || value === '') return;
    terms.add(`${kind}:${value.toLowerCase().slice(0, 200)}`);
    word(value);
  };
  word(body.action);
  word(body.actor.id);
  word(body.reason);
  typed('category', body.category);
  typed('session', body.actor.session);
  typed('trace', body.traceparent?.split('-')[1]);
  typed('request', body.requestId);
  for (const { type, id } of body.targets ?? []) {
    typed('target', `${type}/${id}`);
    typed('target', id);
  }
  for (const subject of body.subjects ?? []) typed('subject', subject);
  for (const value of valuesOf(detail)) word(value);
  return [...terms].slice(0, maxTerms);
}

/** An UUID, or a run of letters and digits. */
const partShape =
  /(?<![\p{L}\p{N}])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?![\p{L}\p{N}])|[\p{L}\p{N}]+/gu;

/**
 * The whole text and its parts between punctuation, so that `contact_read` is found by `contact`, `read` and itself. A
 * UUID is one part: nobody looks for its middle, and its five pieces were half of the index.
 */
export function wordsOf(text: string): readonly string[] {
  const lower = text.toLowerCase();
  const parts = lower.match(partShape) ?? [];
  return [...new Set([lower, ...lower.split(/\s+/), ...parts])].filter(
    (part) => part !== '' && part.length <= maxWordLength,
  );
}

function valuesOf(detail: unknown): readonly string[] {
  const found: string[] = [];
  const waiting: unknown[] = [detail];
  while (waiting.length > 0 && found.length < maxDetailValues) {
    const value = waiting.shift();
    if (typeof value === 'string' || typeof value === 'number') found.push(String(value));
    else if (typeof value === 'object' && value !== null)
      waiting.push(...Object.values(value).slice(0, maxDetailValues));
  }
  return found;
}

/** A tenant's terms begin with this, so that the index of all tenants answers for one. */
export const tenantPrefix = (tenantId: string): string => tenantId.replaceAll('-', '').slice(0, 8);

/** A `tsquery` in its text form; terms are taken as they are, nothing is normalised. */
export function termQuery(
  tenantId: string,
  terms: readonly { readonly term: string; readonly prefix: boolean }[],
): string {
  return terms
    .map(({ term, prefix }) => `${quoted(tenantPrefix(tenantId) + term)}${prefix ? ':*' : ''}`)
    .join(' & ');
}

const quoted = (lexeme: string): string => `'${lexeme.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
