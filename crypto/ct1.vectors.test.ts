import { createSecretKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parseKeyId, parseSubjectId, parseTenantId } from '../kernel/index.ts';
import { toAeadKey } from './aead.ts';
import { encodeContext } from './associated-data.ts';
import { blindIndex } from './blind-index.ts';
import { parseCiphertext } from './ct1.ts';
import { createDataKey } from './data-key.ts';
import { dataKeyCommitment, deriveIndexKey } from './derive.ts';
import { packRow } from './packed-row.ts';
import { openValue, sealValue } from './seal-value.ts';
import { unwrapDataKey, wrapDataKey } from './wrap.ts';

const page = readFileSync(join(import.meta.dirname, '../docs/design/0002-ct1.md'), 'utf8');
const block = /```vectors\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
const published = new Map(
  block
    .trim()
    .split('\n')
    .map((line) => line.split(' ') as [string, string]), // name and hex
);
const expected = (name: string): Buffer => Buffer.from(published.get(name) ?? '', 'hex');

const tenantId = parseTenantId('01936d1c-0000-7000-8000-000000000001');
const scope = { kind: 'subject', subjectId: parseSubjectId('01936d1c-0000-7000-8000-000000000002') } as const;
const rowId = '01936d1c-0000-7000-8000-000000000003';
const dek = Buffer.from(Array.from({ length: 32 }, (_, index) => index));
const material = createSecretKey(dek);
const kid = parseKeyId('0123456789abcdef');
const kidBytes = Buffer.from(kid, 'hex');
const key = createDataKey({
  tenantId,
  kid,
  kidBytes,
  scope,
  material,
  messages: 0,
  countedAhead: 0,
  onUncounted: () => undefined,
});
const tenantKey = { epoch: 1, key: toAeadKey(createSecretKey(Buffer.alloc(32, 0xaa))) };
const random = {
  fill: (target: Buffer, offset: number, size: number) => void target.fill(0x11, offset, offset + size),
};
const contextOf = (field: string) =>
  encodeContext(tenantId, { service: 'contacts', collection: 'contact', field, purpose: 'subject' });

test.each<[string, 0x01 | 0x03, string, Buffer]>([
  ['field', 0x01, 'email', Buffer.from('ada@example.com')],
  [
    'row',
    0x03,
    'personal',
    packRow(
      new Map([
        ['first_name', Buffer.from('Ada')],
        ['city', Buffer.from('Łódź')],
      ]),
    ),
  ],
])('the published vector "%s" is what we seal and open', (name, suite, field, plaintext) => {
  const place = { context: contextOf(field), rowId };
  expect(sealValue(key, suite, place, plaintext, random).toString('hex')).toBe(published.get(name));
  const parsed = parseCiphertext(expected(name), suite === 0x03 ? 'row' : 'field');
  expect(parsed === null ? null : openValue(key, parsed, place.context, rowId)).toEqual(plaintext);
});

test('the published vectors "commitment", "wrapped" and "index" hold', () => {
  const commitment = dataKeyCommitment(material);
  expect(commitment.toString('hex')).toBe(published.get('commitment'));
  const binding = { tenantId, scope, kid: kidBytes, commitment };
  expect(wrapDataKey(tenantKey, binding, dek, random).toString('hex')).toBe(published.get('wrapped'));
  expect(unwrapDataKey(tenantKey, binding, expected('wrapped'))?.export()).toEqual(dek);
  const name = { type: 'contacts.contact', field: 'email', name: 'exact', version: 1 };
  expect(blindIndex(deriveIndexKey(material, name), 'ada@example.com', 128).toString('hex')).toBe(
    published.get('index'),
  );
});
