import fc from 'fast-check';
import { expect, test } from '@jest/globals';
import { formatEntryBundle, parseEntryBundle } from './entry-bundle.ts';
import { formatTileIndex, formatTilePath, parseTilePath } from './tile-path.ts';

test('indexes are written as the specification shows', () => {
  expect(formatTileIndex(0)).toBe('000');
  expect(formatTileIndex(1_234_067)).toBe('x001/x234/067');
});

test('every path is read back as it was written', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('tile' as const, 'entries' as const),
      fc.integer({ min: 0, max: 63 }),
      fc.integer({ min: 0, max: 10 ** 12 }),
      fc.integer({ min: 1, max: 256 }),
      (kind, anyLevel, index, width) => {
        const path = { kind, level: kind === 'entries' ? 0 : anyLevel, index, width };
        expect(parseTilePath(formatTilePath(path))).toEqual(path);
      },
    ),
  );
});

test.each([
  '',
  '0',
  '00/000',
  '0/0',
  '0/x000/001',
  '64/000',
  '0/000.p/0',
  '0/000.p/256',
  '0/000.p/01',
  '-1/000',
  '0/../000',
  'entries/x1/000',
  '1/entries/000',
])('the path "%s" is refused', (text) => {
  expect(() => parseTilePath(text)).toThrow(
    expect.objectContaining({ code: 'ERR_AUDIT_INVALID_PATH', status: 404 }),
  );
});

test('entry bundles are read back as they were written, and a cut one is refused', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 20 }), (entries) => {
      const bundle = formatEntryBundle(entries);
      expect(parseEntryBundle(bundle).map((entry) => [...entry])).toEqual(entries.map((entry) => [...entry]));
      expect(() => parseEntryBundle(Buffer.concat([bundle, Buffer.of(0, 9)]))).toThrow(
        expect.objectContaining({ code: 'ERR_AUDIT_CORRUPT' }),
      );
    }),
  );
});
