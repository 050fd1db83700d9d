import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parseSubjectId, parseTenantId } from '../kernel/index.ts';
import { encodeContext } from './associated-data.ts';
import { parseCiphertext } from './ct1.ts';
import { openValue } from './seal-value.ts';
import type { FieldContext, KeyScope } from './types.ts';
import { makeVectors, vectorKey } from './vectors-fixture.ts';

type Sample = {
  readonly name: string;
  readonly suite: number;
  readonly context: FieldContext;
  readonly plaintext: string;
  readonly ciphertext: string;
};
const file = join(import.meta.dirname, '../docs/design/vectors/ct1.json');
const published = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown> & {
  readonly tenantId: string;
  readonly ciphertexts: readonly Sample[];
}; // our own file, compared whole below
const tenantId = parseTenantId(published.tenantId);
const subject: KeyScope = {
  kind: 'subject',
  subjectId: parseSubjectId('01936d1c-0000-7000-8000-000000000002'),
};
const keyOf = ({ context }: Sample) =>
  vectorKey(context.purpose === 'subject' ? subject : { kind: 'tenant', purpose: context.purpose });

test('the published file of vectors is what this code makes', () => {
  expect(published).toEqual(JSON.parse(JSON.stringify(makeVectors())));
});

test.each(published.ciphertexts)('vector "$name" of suite $suite opens to its plaintext', (sample) => {
  const parsed = parseCiphertext(Buffer.from(sample.ciphertext, 'hex'), sample.suite === 3 ? 'row' : 'field');
  const context = encodeContext(tenantId, sample.context);
  const opened = parsed === null ? null : openValue(keyOf(sample), parsed, context, sample.context.rowId);
  expect(opened?.toString('hex')).toBe(sample.plaintext);
});

test.each(published.ciphertexts)('vector "$name" with any bit changed does not open', (sample) => {
  const context = encodeContext(tenantId, sample.context);
  const kind = sample.suite === 3 ? 'row' : 'field';
  for (let bit = 0; bit < sample.ciphertext.length * 4; bit += 1) {
    const changed = Buffer.from(sample.ciphertext, 'hex');
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const parsed = parseCiphertext(changed, kind);
    // Another key id would name another key; here the key is given, and the header is authenticated with the rest.
    expect(
      parsed === null ? null : openValue(keyOf(sample), parsed, context, sample.context.rowId),
    ).toBeNull();
  }
});
