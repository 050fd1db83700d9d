import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

const folder = import.meta.dirname;
const sources = readdirSync(folder).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'));
const read = (file: string): string => readFileSync(join(folder, file), 'utf8');

/** Everything of node-forge that a text reaches for. */
const usedOf = (text: string): readonly string[] => [
  ...new Set([...text.matchAll(/\bforge\.([a-z][\w]*)/gi)].map(([, part]) => part ?? '')),
];

test('only the builder imports node-forge, and takes nothing of it but asn1', () => {
  const importing = sources.filter((file) => /from 'node-forge/.test(read(file)));
  expect(importing).toEqual(['der.ts']);
  expect(usedOf(read('der.ts').replaceAll(/^const \{ asn1 \} = forge;$/gm, ''))).toEqual(['asn1']);
  expect(read('der.ts')).not.toMatch(/\bforge\[|= forge;(?<!asn1 \} = forge;)/);
});

test('of asn1 it parses only what node:crypto exported', () => {
  const text = read('der.ts');
  expect(text.match(/asn1\.fromDer/g)).toHaveLength(1);
  const callers = sources.filter((file) => /embedOwn\(/.test(read(file)) && file !== 'der.ts');
  expect(callers.map((file) => [file, /embedOwn\(([^;\n]*)\)/.exec(read(file))?.[1]])).toEqual([
    ['build-certificate.ts', "facts.publicKey.export({ format: 'der', type: 'spki' })"],
  ]);
});

test('the check sees what must not be used', () => {
  expect(usedOf('forge.random.getBytes(1); forge.pki.rsa.x(); forge.asn1.y')).toEqual([
    'random',
    'pki',
    'asn1',
  ]);
});
