import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { loadBuiltInDataMap } from '../examples/marketing/data-map.ts';
import { describeUnless } from '../tests/support/skip.ts';
import { missingVectors, vectorsFolder } from '../tests/support/vectors.ts';
import { encryptionPlan, joinDataMaps, loadDataMap } from './index.ts';

const vectors = join(vectorsFolder, 'fides');
const missing = missingVectors('fides');

const wrap = (fields: string, collection = ''): string => `
dataset:
  - fides_key: shop
    gatehouse: { kind: postgres, schema: shop, region: eu, purposes: [{ key: sell, name: Selling, legal_basis: contract }] }
    collections:
      - name: person
${collection}
        fields:
          - { name: id, fides_meta: { primary_key: true } }
${fields}`;
const load = (yaml: string) => loadDataMap([{ name: 'shop.yaml', yaml }]);

describeUnless(missing, 'the published Fides dataset files', () => {
  const files = readdirSync(vectors).filter((name) => name.endsWith('.yml'));
  const valid = files.filter((name) => !name.includes('invalid'));
  const text = (name: string) => ({ name, yaml: readFileSync(join(vectors, name), 'utf8') });

  test('are five, one of them invalid', () => {
    expect([files.length, valid.length]).toEqual([5, 4]);
  });

  test.each(valid)('%s loads as it is', (name) => {
    const map = loadDataMap([text(name)]);
    expect(map.services[0]?.collections.length).toBeGreaterThan(0);
    expect(map.gaps.length).toBeGreaterThan(0); // no gatehouse block: described, not served
  });

  test('the one with a hash override is refused with file, line, field and reason', () => {
    const name = 'postgres_example_invalid_masking_strategy_override_dataset.yml';
    expect(() => loadDataMap([text(name)])).toThrow(
      expect.objectContaining({
        code: 'ERR_DATAMAP_MASKING_OVERRIDE',
        message: expect.stringMatching(/overrid.*:36 .*"name".*"hash" needs a secret/),
      }),
    );
  });
});

describe('loading a map', () => {
  test('the marketing maps load together without gaps', () => {
    const map = loadBuiltInDataMap();
    expect(map.gaps).toEqual([]);
    expect(map.services.flatMap((service) => service.collections.map(({ type }) => type))).toEqual([
      'contacts.contact',
      'contacts.consent',
      'engagement.event',
      'campaigns.campaign',
      'campaigns.audience',
      'campaigns.audience_member',
      'campaigns.invoice',
    ]);
  });

  test('derives what is sealed under which key', () => {
    const map = loadBuiltInDataMap();
    const contact = encryptionPlan(map.collection('contacts.contact') ?? fail());
    expect(contact.subjectField).toBe('subject_id');
    expect(contact.fields.map(({ field }) => field)).toEqual([
      'email',
      'phone',
      'first_name',
      'last_name',
      'city',
    ]);
    const invoice = encryptionPlan(map.collection('campaigns.invoice') ?? fail());
    expect(invoice.fields.map(({ scope }) => scope)).toEqual([
      { tenantPurpose: 'tax' },
      { tenantPurpose: 'tax' },
    ]);
  });

  test.each([
    [
      'a misspelt block',
      wrap('          - { name: email, gatehose: { mask: email } }'),
      /shop.yaml:10 .*fields\[1\].*gatehose/,
    ],
    [
      'an unknown mask',
      wrap('          - { name: email, gatehouse: { mask: blur } }'),
      /gatehouse\.mask.*expected one of/,
    ],
    [
      'an unknown category',
      wrap('          - { name: email, data_categories: [user.mail] }'),
      /"user.mail" is not a Fideslang/,
    ],
    ['a field that stands twice', wrap('          - { name: id }'), /field "id" stands twice/],
    ['the tenant column', wrap('          - { name: tenant_id }'), /tenant_id belongs to the house/],
    [
      'a key of a person without a subject',
      wrap('          - { name: email, gatehouse: { encryption: { scope: subject } } }'),
      /no subject field of its own/,
    ],
    [
      'kept persons without an exemption',
      wrap(
        '          - { name: who }',
        '        gatehouse: { subject: { field: who }, erasure: { action: keep } }',
      ),
      /kept without an exemption/,
    ],
    [
      'a block that names no field',
      wrap('', '        gatehouse: { subject: { field: who } }'),
      /"who" is named/,
    ],
    [
      "a guard's schema",
      wrap('').replace('schema: shop', 'schema: audit'),
      /schema "audit" belongs to the house/,
    ],
    ['a duplicate key in the YAML', 'dataset: []\ndataset: []', /not valid YAML/],
    ['a file that is no map', '[1, 2]', /expected object/],
  ])('refuses %s and names the place', (_what, yaml, message) => {
    expect(() => load(yaml)).toThrow(message);
  });

  test('refuses aliases that multiply', () => {
    const bomb = ['a: &a [x,x,x,x,x,x,x,x]'];
    for (const [name, below] of ['ba', 'cb', 'dc', 'ed', 'fe'].map((pair) => [...pair])) {
      bomb.push(`${name}: &${name} [${Array.from({ length: 8 }, () => `*${below}`).join(',')}]`);
    }
    expect(() => load(bomb.join('\n'))).toThrow(/too many YAML aliases/);
  });

  test('a revision follows the content and not the order of keys', () => {
    const one = load(
      wrap('          - { name: email, description: x, data_categories: [user.contact.email] }'),
    );
    const same = load(
      wrap('          - { data_categories: [user.contact.email], description: x, name: email }'),
    );
    const other = load(
      wrap('          - { name: email, description: y, data_categories: [user.contact.email] }'),
    );
    expect(one.revision).toBe(same.revision);
    expect(one.revision).not.toBe(other.revision);
  });

  test('two services with one key cannot be joined', () => {
    expect(() => joinDataMaps([load(wrap('')), load(wrap(''))])).toThrow(/service "shop" stands twice/);
  });
});

function fail(): never {
  throw new Error('the collection is missing');
}
